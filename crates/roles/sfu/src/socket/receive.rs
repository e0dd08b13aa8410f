//! Datagrams in, up to a batch per system call, into buffers that live as long as
//! the worker.
//!
//! What came together from one source, the kernel hands over together, where it can
//! (generic receive offload): a *slot* holds one datagram or many of one size.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use super::MediaSocket;
use super::address::Name;
use super::control::Control;

/// Slots per system call.
pub(crate) const SLOTS: usize = 16;

/// The largest datagram that is taken: above any Ethernet MTU. Nobody sends media in jumbo frames.
const MAX_DATAGRAM: usize = 2048;

/// Room for what the kernel puts together: an IP packet. Pages that are never needed are never touched.
const SLOT_BYTES: usize = 65_536;

/// A datagram that arrived.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) local: IpAddr,
    pub(crate) data: &'a mut [u8],
}

/// What the kernel writes into; made once per worker.
pub(crate) struct ReceiveBuffers {
    bytes: Box<[[u8; SLOT_BYTES]]>,
    names: [Name; SLOTS],
    controls: [Control; SLOTS],
    // Length and flags of each slot of the last batch.
    results: [Outcome; SLOTS],
    filled: usize,
    unusable: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    length: usize,
    control: usize,
    flags: libc::c_int,
}

/// Where the datagrams of a slot came from, and how they lie in it.
struct Contents {
    source: SocketAddr,
    local: IpAddr,
    segment: usize,
}

impl ReceiveBuffers {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![[0; SLOT_BYTES]; SLOTS].into(),
            names: [Name::EMPTY; SLOTS],
            controls: [Control::empty(); SLOTS],
            results: [Outcome::default(); SLOTS],
            filled: 0,
            unusable: 0,
        }
    }

    /// How many slots were dropped because what they held was too large or came
    /// without an address, since the start.
    pub(crate) fn unusable(&self) -> u64 {
        self.unusable
    }

    /// The datagrams of the last batch, in the order in which they came.
    pub(crate) fn datagrams(&mut self) -> impl Iterator<Item = Received<'_>> {
        let unusable = &mut self.unusable;
        let slots = self.bytes.iter_mut().zip(&self.names).zip(&self.controls).zip(&self.results);
        slots.take(self.filled).flat_map(move |(((bytes, name), control), outcome)| {
            let contents = contents(name, control, *outcome);
            *unusable += u64::from(contents.is_none());
            let data = bytes.get_mut(..outcome.length).unwrap_or_default();
            contents.map(|contents| contents.cut(data)).into_iter().flatten()
        })
    }
}

impl Contents {
    fn cut(self, data: &mut [u8]) -> impl Iterator<Item = Received<'_>> {
        // An empty datagram is one, too.
        let (empty, full) = if data.is_empty() { (Some(data), None) } else { (None, Some(data)) };
        let pieces = full.into_iter().flat_map(move |data| data.chunks_mut(self.segment));
        let Self { source, local, .. } = self;
        empty.into_iter().chain(pieces).map(move |data| Received { source, local, data })
    }
}

fn contents(name: &Name, control: &Control, outcome: Outcome) -> Option<Contents> {
    if outcome.flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return None;
    }
    let arrival = control.read(outcome.control);
    let segment = arrival.segment.unwrap_or(outcome.length);
    (segment <= MAX_DATAGRAM).then_some(Contents {
        source: name.decode()?,
        local: arrival.local?,
        segment: segment.max(1),
    })
}

impl MediaSocket {
    /// Takes what has arrived, one batch at the most, and returns how many
    /// slots that filled: fewer than [`SLOTS`] means that no more are waiting.
    pub(crate) fn receive(&self, buffers: &mut ReceiveBuffers) -> io::Result<usize> {
        buffers.filled = 0;
        let mut pieces: [libc::iovec; SLOTS] =
            std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
        // SAFETY: a message header of integers and null pointers with zero
        // lengths is a value.
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { std::mem::zeroed() };
        let slots = buffers.bytes.iter_mut().zip(&mut buffers.names).zip(&mut buffers.controls);
        for (((bytes, name), control), (piece, header)) in slots.zip(pieces.iter_mut().zip(&mut headers)) {
            *name = Name::EMPTY;
            *piece = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: SLOT_BYTES };
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.space().as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = Control::SPACE as _;
        }
        // SAFETY: each header points to a name, an iovec and a control buffer of
        // its own, with their true sizes, all of which outlive the call; the
        // iovecs point to `bytes`, which are ours alone for as long.
        let result = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                SLOTS as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let Ok(filled) = usize::try_from(result) else {
            return nothing_yet(io::Error::last_os_error());
        };
        for (outcome, header) in buffers.results.iter_mut().zip(&headers).take(filled) {
            *outcome = Outcome {
                length: header.msg_len as usize,
                control: header.msg_hdr.msg_controllen as _,
                flags: header.msg_hdr.msg_flags,
            };
        }
        buffers.filled = filled.min(SLOTS);
        Ok(buffers.filled)
    }
}

/// An empty queue is no error, nor is what ICMP had to say about a datagram that
/// we sent: the socket is not connected, so it concerns some peer and not us.
fn nothing_yet(error: io::Error) -> io::Result<usize> {
    match error.raw_os_error() {
        Some(
            libc::EAGAIN
            | libc::EINTR
            | libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENETDOWN
            | libc::EPROTO
            | libc::EMSGSIZE,
        ) => Ok(0),
        _ => Err(error),
    }
}
