//! Datagrams on their way in and out, many at a time.

use crate::Stats;
use crate::transport::ice::Path;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// One datagram that arrived. Decrypted in place, so the data is the router's to write to.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address that it arrived at; answers leave from the same.
    pub local: IpAddr,
    /// The UDP payload.
    pub data: &'a mut [u8],
}

/// One datagram to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// The local address to send it from.
    pub from: IpAddr,
    /// The UDP payload.
    pub data: &'a [u8],
}

/// Takes what the router wants sent.
pub trait DatagramSink {
    /// Sends a batch. Called whenever one is full, and with the rest at the end of each call that may send.
    /// What cannot be sent at once is the sink's to drop: media is repaired end to end.
    fn send(&mut self, batch: &SendBatch);
}

/// The most datagrams in one batch. A fuller one is handed to the sink first, so nothing is ever lost here.
pub(crate) const BATCH_DATAGRAMS: usize = 256;

/// The most bytes in one batch: 256 datagrams of full size, small enough to stay in a core's L2 cache.
pub(crate) const BATCH_BYTES: usize = BATCH_DATAGRAMS * 1280;

/// The largest datagram that is sent: an Ethernet MTU.
pub(crate) const MAX_DATAGRAM: usize = 1500;

/// Datagrams to be sent, in order, in one flat buffer. Those for one destination lie side by side.
#[derive(Debug)]
pub struct SendBatch {
    /// As long as it will ever be; the first `used` bytes count.
    bytes: Box<[u8]>,
    used: usize,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    to: SocketAddr,
    from: IpAddr,
    range: Range<usize>,
}

impl SendBatch {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_BYTES].into_boxed_slice(),
            used: 0,
            entries: Vec::with_capacity(BATCH_DATAGRAMS),
        }
    }

    /// The number of datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The sum of the datagrams' sizes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.used
    }

    /// The datagrams in the order in which they should leave.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        self.entries.iter().map(|entry| Datagram {
            to: entry.to,
            from: entry.from,
            data: self.bytes.get(entry.range.clone()).unwrap_or_default(),
        })
    }

    fn has_room(&self) -> bool {
        self.entries.len() < BATCH_DATAGRAMS && self.used + MAX_DATAGRAM <= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.used = 0;
        self.entries.clear();
    }
}

/// The batch that is being filled, and where it goes when it is full.
pub(crate) struct Outbox<'a> {
    batch: &'a mut SendBatch,
    sink: &'a mut dyn DatagramSink,
    stats: &'a mut Stats,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(
        batch: &'a mut SendBatch,
        sink: &'a mut dyn DatagramSink,
        stats: &'a mut Stats,
    ) -> Self {
        Self { batch, sink, stats }
    }

    /// The router's counters.
    pub(crate) fn stats(&mut self) -> &mut Stats {
        self.stats
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
            self.batch.used += len;
            self.batch.entries.push(Entry { to: path.remote, from: path.local, range: start..start + len });
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
            self.stats.datagrams_out += self.batch.len() as u64;
            self.stats.bytes_out += self.batch.byte_len() as u64;
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
