//! Datagrams out: groups of one size and one destination, many groups per system call.
//!
//! A group leaves as one packet that the kernel, or the card, cuts into datagrams (generic segmentation offload): most
//! of what a datagram costs is its way through the network stack, and so it is paid once per group. Where the kernel or
//! the route refuses that, the datagrams of a group leave one by one.
//!
//! When the kernel's buffer is full, the worker waits for it, but no more than
//! [`WAITS`] times a millisecond for one batch; then what is left is dropped and
//! counted. Media that comes late is worth nothing, and the streams of everybody
//! else wait behind it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use super::MediaSocket;
use super::address::Name;
use super::control::{self, Control};

/// Groups per system call.
const BATCH: usize = 64;

/// How often a full send buffer is waited for, within one batch of the caller.
const WAITS: u32 = 2;
/// How long each time. At 1 Gbit/s the card takes 125 KB in this time.
const WAIT: Duration = Duration::from_millis(1);

/// No more than this is sent at a time, but for a test: an Ethernet MTU.
const USUAL: usize = 1500;

/// How long groups are cut here after the kernel said that it cannot: the route, and with it the card, may change.
const REFUSAL: Duration = Duration::from_secs(60);

/// What became of the datagrams handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SendReport {
    /// Taken by the kernel.
    pub(crate) sent: u64,
    /// In so many pieces.
    pub(crate) groups: u64,
    /// Dropped: the send buffer stayed full.
    pub(crate) congested: u64,
    /// Dropped: the kernel refuses this destination (no route, too large …).
    pub(crate) refused: u64,
}

/// Datagrams to be sent to one destination, one behind the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) from: IpAddr,
    pub(crate) data: &'a [u8],
    /// The size of each but the last, which may be smaller.
    pub(crate) segment: usize,
}

impl<'a> Outgoing<'a> {
    fn count(&self) -> u64 {
        self.data.len().div_ceil(self.segment.max(1)).max(1) as u64
    }

    /// The same in pieces of at most so many bytes, an empty datagram in one.
    fn cut(self, piece: usize) -> impl Iterator<Item = Self> {
        let Self { data, segment, .. } = self;
        let rest = data.get(piece..).unwrap_or_default();
        let first = Self { data: data.get(..piece).unwrap_or(data), ..self };
        let rest = rest.chunks(piece.max(1)).map(move |data| Self { data, ..self });
        std::iter::once(first)
            .chain(rest)
            .map(move |one| Self { segment: segment.min(one.data.len()), ..one })
    }
}

/// Addresses and control messages of the groups of one system call; made once
/// per worker.
pub(crate) struct SendBuffers {
    slots: Box<[Slot]>,
    filled: usize,
    /// When the kernel said last that it cannot cut groups.
    refused: Option<Instant>,
    /// Some path is too narrow for what we send: the kernel may cut datagrams into fragments.
    narrow: bool,
}

#[derive(Clone, Copy)]
struct Slot {
    name: Name,
    name_length: libc::socklen_t,
    control: Control,
}

impl SendBuffers {
    pub(crate) fn new() -> Self {
        let slot = Slot { name: Name::EMPTY, name_length: 0, control: Control::empty() };
        Self { slots: vec![slot; BATCH].into(), filled: 0, refused: None, narrow: false }
    }

    /// As if the kernel had just refused a group.
    #[cfg(test)]
    pub(super) fn refuse_now(&mut self) {
        self.refused = Some(Instant::now());
    }

    fn may_group(&mut self) -> bool {
        if self.refused.is_some_and(|at| at.elapsed() >= REFUSAL) {
            self.refused = None;
        }
        self.refused.is_none()
    }
}

impl MediaSocket {
    /// Sends the groups in order; never takes longer than a few milliseconds.
    pub(crate) fn send<'a>(
        &self,
        buffers: &mut SendBuffers,
        groups: impl Iterator<Item = Outgoing<'a>>,
    ) -> SendReport {
        let whole = self.segments && buffers.may_group();
        let piece = move |group: Outgoing<'_>| if whole { usize::MAX } else { group.segment };
        let mut report = SendReport::default();
        let mut waits = WAITS;
        let mut groups = groups.flat_map(|group| group.cut(piece(group))).fuse();
        loop {
            let filled = self.fill(buffers, &mut groups, &mut report);
            if buffers.filled == 0 {
                return report;
            }
            self.send_filled(buffers, &filled, &mut waits, &mut report);
        }
    }

    /// Writes down the next batch: names and control messages into the buffers,
    /// the groups are returned.
    fn fill<'a>(
        &self,
        buffers: &mut SendBuffers,
        groups: &mut impl Iterator<Item = Outgoing<'a>>,
        report: &mut SendReport,
    ) -> [Option<Outgoing<'a>>; BATCH] {
        let mut filled = [None; BATCH];
        buffers.filled = 0;
        for (slot, place) in buffers.slots.iter_mut().zip(&mut filled) {
            // One that this socket cannot express does not take up a slot.
            let group = groups.by_ref().find(|group| {
                let encoded = self.encode(group, slot);
                report.refused += if encoded.is_none() { group.count() } else { 0 };
                encoded.is_some()
            });
            let Some(group) = group else { break };
            *place = Some(group);
            buffers.filled += 1;
        }
        filled
    }

    fn encode(&self, group: &Outgoing<'_>, slot: &mut Slot) -> Option<()> {
        (slot.name, slot.name_length) = Name::encode(group.to, self.family)?;
        slot.control = Control::from_address(group.from, self.family)?;
        if group.data.len() > group.segment {
            slot.control.segment(u16::try_from(group.segment).ok()?);
        }
        Some(())
    }

    fn send_filled(
        &self,
        buffers: &mut SendBuffers,
        groups: &[Option<Outgoing<'_>>; BATCH],
        waits: &mut u32,
        report: &mut SendReport,
    ) {
        let count =
            |groups: &[Option<Outgoing<'_>>]| groups.iter().flatten().map(Outgoing::count).sum::<u64>();
        let mut done = 0;
        while done < buffers.filled {
            let rest = groups.get(done..buffers.filled).unwrap_or_default();
            match self.send_from(buffers, rest, done) {
                Ok(sent) => {
                    done += sent;
                    report.sent += count(rest.get(..sent).unwrap_or_default());
                    report.groups += sent as u64;
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        if *waits == 0 || !self.wait_writable(WAIT) {
                            report.congested += count(rest);
                            return;
                        }
                        *waits -= 1;
                    }
                    // The error is that of the first group: go on behind it.
                    code => {
                        let Some(Some(group)) = rest.first() else { return };
                        if !self.widen(buffers, group, code) {
                            done += 1;
                            self.send_refused(buffers, *group, code, report);
                        }
                    }
                },
            }
        }
    }

    /// A datagram of a usual size is too large for its path, for the first time: from now on the kernel may cut them.
    fn widen(&self, buffers: &mut SendBuffers, group: &Outgoing<'_>, code: Option<i32>) -> bool {
        let narrow = code == Some(libc::EMSGSIZE) && group.segment <= USUAL && !buffers.narrow;
        if narrow {
            buffers.narrow = true;
            // Where this fails, the next try fails as this one did.
            let _ = control::allow_fragments(self.socket.as_raw_fd(), self.family, true);
        }
        narrow
    }

    /// What the kernel does not take as a group may be welcome one by one; what it does not take alone is dropped.
    fn send_refused(
        &self,
        buffers: &mut SendBuffers,
        group: Outgoing<'_>,
        code: Option<i32>,
        report: &mut SendReport,
    ) {
        if group.count() == 1 {
            report.refused += 1;
            return;
        }
        // No checksums by the card, or IPsec (EIO), concerns all groups on this way; a path with a smaller MTU (EINVAL,
        // EMSGSIZE) this one.
        if code == Some(libc::EIO) {
            tracing::info!("the network takes no groups of datagrams: each is sent by itself");
            buffers.refused = Some(Instant::now());
        }
        let mut slot = Slot { name: Name::EMPTY, name_length: 0, control: Control::empty() };
        for datagram in group.cut(group.segment) {
            let sent = self.encode(&datagram, &mut slot).is_some()
                && self.send_slots(std::slice::from_ref(&slot), &[Some(datagram)]).is_ok();
            *(if sent { &mut report.sent } else { &mut report.refused }) += 1;
            report.groups += u64::from(sent);
        }
    }

    /// One `sendmmsg` of these groups, which lie in the slots from `first` on. At least one is sent, or it is an error.
    fn send_from(
        &self,
        buffers: &SendBuffers,
        groups: &[Option<Outgoing<'_>>],
        first: usize,
    ) -> io::Result<usize> {
        self.send_slots(buffers.slots.get(first..).unwrap_or_default(), groups)
    }

    fn send_slots(&self, slots: &[Slot], groups: &[Option<Outgoing<'_>>]) -> io::Result<usize> {
        let mut pieces: [libc::iovec; BATCH] =
            std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
        // SAFETY: a message header of integers and null pointers with zero
        // lengths is a value.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let mut count: libc::c_uint = 0;
        let places = pieces.iter_mut().zip(&mut headers);
        for ((slot, group), (piece, header)) in slots.iter().zip(groups.iter().flatten()).zip(places) {
            let (data, control) = (group.data, slot.control.as_bytes());
            *piece = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
            header.msg_hdr.msg_name = (&raw const slot.name).cast_mut().cast();
            header.msg_hdr.msg_namelen = slot.name_length;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_controllen = control.len() as _;
            count += 1;
        }
        // SAFETY: the first `count` headers point to names, iovecs, payloads and
        // control messages that outlive the call, with lengths that do not exceed
        // them; sendmmsg only reads through these pointers, so that the casts from
        // shared references are sound. It writes `msg_len` of `headers`, ours alone.
        let result = unsafe {
            libc::sendmmsg(self.socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT as _)
        };
        usize::try_from(result).map_err(|_| io::Error::last_os_error())
    }
}
