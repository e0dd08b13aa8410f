//! Datagrams out, up to a batch per system call.
//!
//! When the kernel's buffer is full, the worker waits for it, but no more than
//! [`WAITS`] times a millisecond for one batch; then what is left is dropped and
//! counted. Media that comes late is worth nothing, and the streams of everybody
//! else wait behind it.
//!
//! A *group* is what one entry of `sendmmsg` carries. It is one datagram today;
//! with generic segmentation offload it becomes a run of datagrams of one size to
//! one destination, which lie side by side in the batch already.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use super::MediaSocket;
use super::address::Name;
use super::control::Control;

/// Groups per system call.
const BATCH: usize = 64;

/// How often a full send buffer is waited for, within one batch of the caller.
const WAITS: u32 = 2;
/// How long each time. At 1 Gbit/s the card takes 125 KB in this time.
const WAIT: Duration = Duration::from_millis(1);

/// What became of the datagrams handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SendReport {
    /// Taken by the kernel.
    pub(crate) sent: u64,
    /// Dropped: the send buffer stayed full.
    pub(crate) congested: u64,
    /// Dropped: the kernel refuses this destination (no route, too large …).
    pub(crate) refused: u64,
}

/// A datagram to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) from: IpAddr,
    pub(crate) data: &'a [u8],
}

/// Addresses and control messages of the groups of one system call; made once
/// per worker.
pub(crate) struct SendBuffers {
    slots: Box<[Slot]>,
    filled: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    name: Name,
    name_length: libc::socklen_t,
    control: Control,
    control_length: usize,
}

impl SendBuffers {
    pub(crate) fn new() -> Self {
        let slot = Slot { name: Name::EMPTY, name_length: 0, control: Control::empty(), control_length: 0 };
        Self { slots: vec![slot; BATCH].into(), filled: 0 }
    }
}

impl MediaSocket {
    /// Sends the datagrams in order; never takes longer than a few milliseconds.
    pub(crate) fn send<'a>(
        &self,
        buffers: &mut SendBuffers,
        datagrams: impl Iterator<Item = Outgoing<'a>>,
    ) -> SendReport {
        let mut report = SendReport::default();
        let mut waits = WAITS;
        let mut datagrams = datagrams.fuse();
        loop {
            let payloads = self.fill(buffers, &mut datagrams, &mut report);
            if buffers.filled == 0 {
                return report;
            }
            self.send_filled(buffers, &payloads, &mut waits, &mut report);
        }
    }

    /// Writes down the next batch: names and control messages into the buffers,
    /// the payloads are returned.
    fn fill<'a>(
        &self,
        buffers: &mut SendBuffers,
        datagrams: &mut impl Iterator<Item = Outgoing<'a>>,
        report: &mut SendReport,
    ) -> [&'a [u8]; BATCH] {
        let mut payloads: [&[u8]; BATCH] = [&[]; BATCH];
        buffers.filled = 0;
        for (slot, payload) in buffers.slots.iter_mut().zip(&mut payloads) {
            // One that this socket cannot express does not take up a slot.
            let Some((datagram, name, control)) = datagrams.by_ref().find_map(|datagram| {
                let encoded =
                    Name::encode(datagram.to, self.family).zip(Control::encode(datagram.from, self.family));
                report.refused += u64::from(encoded.is_none());
                encoded.map(|(name, control)| (datagram, name, control))
            }) else {
                break;
            };
            (slot.name, slot.name_length) = name;
            (slot.control, slot.control_length) = control;
            *payload = datagram.data;
            buffers.filled += 1;
        }
        payloads
    }

    fn send_filled(
        &self,
        buffers: &SendBuffers,
        payloads: &[&[u8]; BATCH],
        waits: &mut u32,
        report: &mut SendReport,
    ) {
        let mut done = 0;
        while done < buffers.filled {
            match self.send_from(buffers, payloads, done) {
                Ok(sent) => {
                    done += sent;
                    report.sent += sent as u64;
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => {
                        if *waits == 0 || !self.wait_writable(WAIT) {
                            report.congested += (buffers.filled - done) as u64;
                            return;
                        }
                        *waits -= 1;
                    }
                    // The error is that of the first datagram: go on behind it.
                    _ => {
                        done += 1;
                        report.refused += 1;
                    }
                },
            }
        }
    }

    /// One `sendmmsg` of the slots from `first` on. At least one is sent, or it
    /// is an error.
    fn send_from(&self, buffers: &SendBuffers, payloads: &[&[u8]; BATCH], first: usize) -> io::Result<usize> {
        let mut pieces: [libc::iovec; BATCH] =
            std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
        // SAFETY: a message header of integers and null pointers with zero
        // lengths is a value.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let slots = buffers.slots.iter().zip(payloads).take(buffers.filled).skip(first);
        let mut count: libc::c_uint = 0;
        for ((slot, payload), (piece, header)) in slots.zip(pieces.iter_mut().zip(&mut headers)) {
            *piece = libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() };
            header.msg_hdr.msg_name = (&raw const slot.name).cast_mut().cast();
            header.msg_hdr.msg_namelen = slot.name_length;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw const slot.control).cast_mut().cast();
            header.msg_hdr.msg_controllen = slot.control_length as _;
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
