//! Datagrams on their way in and out, many at a time.

use crate::Stats;
use crate::transport::ice::Path;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// What carries datagrams between a peer and this router. The same address over the other one is another peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Each by itself.
    Udp,
    /// One behind the other in a connection, each with its length in front (RFC 4571).
    Tcp,
}

/// One datagram that arrived. Decrypted in place, so the data is the router's to write to.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address that it arrived at; answers leave from the same.
    pub local: IpAddr,
    /// What it came over; answers leave over the same.
    pub protocol: Protocol,
    /// The datagram: the UDP payload, or what a frame of the TCP connection holds.
    pub data: &'a mut [u8],
}

/// One datagram to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// The local address to send it from.
    pub from: IpAddr,
    /// What to send it over.
    pub protocol: Protocol,
    /// The datagram.
    pub data: &'a [u8],
}

/// Datagrams for one destination, of one size: what generic segmentation offload takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramGroup<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// The local address to send them from.
    pub from: IpAddr,
    /// What to send them over.
    pub protocol: Protocol,
    /// One behind the other.
    pub data: &'a [u8],
    /// The size of each but the last, which may be smaller: never 0.
    pub segment: usize,
}

impl<'a> DatagramGroup<'a> {
    /// The datagrams one by one.
    pub fn datagrams(self) -> impl Iterator<Item = Datagram<'a>> {
        let Self { to, from, protocol, data, segment } = self;
        data.chunks(segment.max(1)).map(move |data| Datagram { to, from, protocol, data })
    }

    /// The number of datagrams.
    #[must_use]
    pub fn count(&self) -> usize {
        self.data.len().div_ceil(self.segment.max(1))
    }
}

/// Takes what the router wants sent.
pub trait DatagramSink {
    /// Sends a batch. Called whenever one is full, and with the rest at the end of each call that may send.
    /// What cannot be sent at once is the sink's to drop: media is repaired end to end.
    fn send(&mut self, batch: &SendBatch);
}

/// The most groups in one batch. A fuller one is handed to the sink first, so nothing is ever lost here.
pub(crate) const BATCH_GROUPS: usize = 64;

/// The most bytes in one batch: a system call's worth, small enough to stay in a core's L2 cache.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

/// The largest datagram that is sent: an Ethernet MTU.
pub(crate) const MAX_DATAGRAM: usize = 1500;

/// The most datagrams in one group: what Linux takes since it knows segmentation (UDP_MAX_SEGMENTS was 64 until 6.9).
const GROUP_DATAGRAMS: usize = 64;

/// The most bytes in one group: they pass the network stack as one IP packet.
const GROUP_BYTES: usize = 65_000;

/// Datagrams to be sent, in order, in one flat buffer. Those for one destination lie side by side.
#[derive(Debug)]
pub struct SendBatch {
    /// As long as it will ever be; the first `used` bytes count.
    bytes: Box<[u8]>,
    used: usize,
    groups: Vec<Group>,
    datagrams: usize,
    forwarded: Forwarded,
}

/// The media in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// How many datagrams.
    pub datagrams: u64,
    /// When the first of what they carry came from its publisher; `None`: there is none.
    pub since: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Group {
    path: Path,
    start: usize,
    end: usize,
    segment: usize,
    count: usize,
}

impl Group {
    /// Whether a datagram that lies behind it may belong to it.
    #[inline]
    fn takes(&self, path: Path, len: usize) -> bool {
        let whole = self.end - self.start == self.segment * self.count;
        whole
            && len <= self.segment
            && self.count < GROUP_DATAGRAMS
            && self.end - self.start + len <= GROUP_BYTES
            && self.path == path
    }
}

impl SendBatch {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_BYTES].into_boxed_slice(),
            used: 0,
            groups: Vec::with_capacity(BATCH_GROUPS),
            datagrams: 0,
            forwarded: Forwarded::default(),
        }
    }

    /// What of it is media, but for what is sent again.
    #[must_use]
    pub fn forwarded(&self) -> Forwarded {
        self.forwarded
    }

    /// The number of datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// The sum of the datagrams' sizes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.used
    }

    /// The groups in the order in which they should leave.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = DatagramGroup<'_>> {
        self.groups.iter().map(|group| DatagramGroup {
            to: group.path.remote,
            from: group.path.local,
            protocol: group.path.protocol,
            data: self.bytes.get(group.start..group.end).unwrap_or_default(),
            segment: group.segment,
        })
    }

    /// The datagrams in the order in which they should leave.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.groups().flat_map(DatagramGroup::datagrams)
    }

    fn has_room(&self) -> bool {
        self.groups.len() < BATCH_GROUPS && self.used + MAX_DATAGRAM <= BATCH_BYTES
    }

    /// The datagram of this length that was written behind the others counts from now on.
    #[inline]
    fn add(&mut self, path: Path, len: usize) {
        let start = self.used;
        self.used += len;
        self.datagrams += 1;
        match self.groups.last_mut() {
            Some(group) if group.takes(path, len) => {
                group.end = self.used;
                group.count += 1;
            }
            _ => self.groups.push(Group { path, start, end: self.used, segment: len, count: 1 }),
        }
    }

    fn clear(&mut self) {
        self.used = 0;
        self.datagrams = 0;
        self.groups.clear();
        self.forwarded = Forwarded::default();
    }
}

/// With the feature `uncounted` nothing is counted: what that saves is what counting costs.
const COUNTED: bool = cfg!(not(feature = "uncounted"));

/// The batch that is being filled, and where it goes when it is full.
pub(crate) struct Outbox<'a> {
    batch: &'a mut SendBatch,
    sink: &'a mut dyn DatagramSink,
    stats: &'a mut Stats,
    /// When that came which is being forwarded.
    since: Option<Instant>,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(
        batch: &'a mut SendBatch,
        sink: &'a mut dyn DatagramSink,
        stats: &'a mut Stats,
    ) -> Self {
        Self { batch, sink, stats, since: None }
    }

    /// What is written from now on forwards media that came at this time; `None`: it is something else.
    pub(crate) fn forward(&mut self, since: Option<Instant>) {
        self.since = since;
    }

    /// Counts something.
    #[inline]
    pub(crate) fn count(&mut self, something: impl FnOnce(&mut Stats)) {
        if COUNTED {
            something(self.stats);
        }
    }

    /// Adds the datagram that `fill` writes into the buffer that it gets, and of which it returns the length. Where
    /// it returns `None`, or nothing, there is none. Returns the length.
    #[inline]
    pub(crate) fn write(&mut self, path: Path, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> usize {
        if !self.batch.has_room() {
            self.flush();
        }
        let start = self.batch.used;
        let Some(buffer) = self.batch.bytes.get_mut(start..start + MAX_DATAGRAM) else { return 0 };
        let len = fill(buffer).unwrap_or(0).min(MAX_DATAGRAM);
        if len > 0 {
            self.batch.add(path, len);
            if let (true, Some(since)) = (COUNTED, self.since) {
                let forwarded = &mut self.batch.forwarded;
                forwarded.datagrams += 1;
                forwarded.since = Some(forwarded.since.map_or(since, |earlier| earlier.min(since)));
            }
        }
        len
    }

    /// Adds a datagram; one that is too long for any network is dropped.
    pub(crate) fn copy(&mut self, path: Path, datagram: &[u8]) {
        self.write(path, |buffer| {
            buffer.get_mut(..datagram.len())?.copy_from_slice(datagram);
            Some(datagram.len())
        });
    }

    /// Hands over what is there.
    pub(crate) fn flush(&mut self) {
        if !self.batch.is_empty() {
            let (datagrams, bytes) = (self.batch.len() as u64, self.batch.byte_len() as u64);
            self.count(|stats| {
                stats.datagrams_out += datagrams;
                stats.bytes_out += bytes;
            });
            self.sink.send(self.batch);
            self.batch.clear();
        }
    }
}

impl Drop for Outbox<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<(u16, Vec<usize>)>);

    impl DatagramSink for Kept {
        fn send(&mut self, batch: &SendBatch) {
            assert_eq!(batch.len(), batch.iter().count());
            assert_eq!(batch.byte_len(), batch.iter().map(|datagram| datagram.data.len()).sum::<usize>());
            self.0.extend(batch.groups().map(|group| {
                assert_eq!(group.count(), group.datagrams().count());
                (group.to.port(), group.datagrams().map(|datagram| datagram.data.len()).collect())
            }));
        }
    }

    fn groups(datagrams: &[(u16, usize)]) -> Vec<(u16, Vec<usize>)> {
        let (mut batch, mut kept, mut stats) = (SendBatch::new(), Kept::default(), Stats::default());
        let mut out = Outbox::new(&mut batch, &mut kept, &mut stats);
        for (port, len) in datagrams {
            let path = Path::udp(([192, 0, 2, 1], *port).into(), [192, 0, 2, 9].into());
            assert_eq!(out.write(path, |_| Some(*len)), *len);
        }
        drop(out);
        assert_eq!(stats.datagrams_out, datagrams.len() as u64);
        kept.0
    }

    #[test]
    fn what_is_of_one_size_and_for_one_destination_leaves_together() {
        let sent = [(1, 900), (1, 900), (2, 900), (2, 901), (2, 901), (1, 900)];
        assert_eq!(groups(&sent), [(1, vec![900, 900]), (2, vec![900]), (2, vec![901, 901]), (1, vec![900])]);
    }

    #[test]
    fn a_smaller_one_is_the_last_of_its_group() {
        let sent = [(1, 900), (1, 900), (1, 80), (1, 80), (1, 900)];
        assert_eq!(groups(&sent), [(1, vec![900, 900, 80]), (1, vec![80]), (1, vec![900])]);
    }

    #[test]
    fn a_group_and_a_batch_have_an_end() {
        let lens =
            |groups: &[(u16, Vec<usize>)]| groups.iter().map(|(_, lens)| lens.len()).collect::<Vec<_>>();
        assert_eq!(lens(&groups(&[(1, 100); 130])), [64, 64, 2]);
        assert_eq!(lens(&groups(&[(1, 1400); 50])), [46, 4]);
        let alternating: Vec<_> = (0..200).map(|n| (n % 2, 100)).collect();
        assert_eq!(groups(&alternating).len(), 200);
    }
}
