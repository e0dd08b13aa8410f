//! Datagrams in, up to a batch per system call, into buffers that live as long as
//! the worker.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use super::MediaSocket;
use super::address::Name;
use super::control::Control;

/// Datagrams per system call. More would delay the first of them noticeably.
pub(crate) const BATCH: usize = 64;

/// Room for one datagram: above any Ethernet MTU. What is larger is cut off by
/// the kernel and dropped here; nobody sends media in jumbo frames.
const DATAGRAM: usize = 2048;

/// A datagram that arrived.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) local: IpAddr,
    pub(crate) data: &'a mut [u8],
}

/// What the kernel writes into; made once per worker.
pub(crate) struct ReceiveBuffers {
    bytes: Box<[[u8; DATAGRAM]]>,
    names: Box<[Name]>,
    controls: Box<[Control]>,
    // Length and flags of each datagram of the last batch.
    results: Box<[Outcome]>,
    filled: usize,
    unusable: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    length: usize,
    control: usize,
    flags: libc::c_int,
}

impl ReceiveBuffers {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![[0; DATAGRAM]; BATCH].into(),
            names: vec![Name::EMPTY; BATCH].into(),
            controls: vec![Control::empty(); BATCH].into(),
            results: vec![Outcome::default(); BATCH].into(),
            filled: 0,
            unusable: 0,
        }
    }

    /// How many datagrams were dropped because they were too large or came
    /// without an address, since the start.
    pub(crate) fn unusable(&self) -> u64 {
        self.unusable
    }

    /// The datagrams of the last batch, in the order in which they came.
    pub(crate) fn datagrams(&mut self) -> impl Iterator<Item = Received<'_>> {
        let unusable = &mut self.unusable;
        self.bytes
            .iter_mut()
            .zip(&*self.names)
            .zip(&*self.controls)
            .zip(&*self.results)
            .take(self.filled)
            .filter_map(move |(((bytes, name), control), outcome)| {
                let received = usable(bytes, name, control, *outcome);
                *unusable += u64::from(received.is_none());
                received
            })
    }
}

fn usable<'a>(
    bytes: &'a mut [u8; DATAGRAM],
    name: &Name,
    control: &Control,
    outcome: Outcome,
) -> Option<Received<'a>> {
    if outcome.flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return None;
    }
    let source = name.decode()?;
    let local = control.decode(outcome.control)?;
    Some(Received { source, local, data: bytes.get_mut(..outcome.length)? })
}

impl MediaSocket {
    /// Takes what has arrived, one batch at the most, and returns how many
    /// datagrams that were: fewer than a batch means that no more are waiting.
    pub(crate) fn receive(&self, buffers: &mut ReceiveBuffers) -> io::Result<usize> {
        buffers.filled = 0;
        let mut pieces: [libc::iovec; BATCH] =
            std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
        // SAFETY: a message header of integers and null pointers with zero
        // lengths is a value.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let slots = buffers.bytes.iter_mut().zip(&mut *buffers.names).zip(&mut *buffers.controls);
        for (((bytes, name), control), (piece, header)) in slots.zip(pieces.iter_mut().zip(&mut headers)) {
            *name = Name::EMPTY;
            *control = Control::empty();
            *piece = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: DATAGRAM };
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut *control).cast();
            header.msg_hdr.msg_controllen = Control::SPACE as _;
        }
        // SAFETY: each header points to a name, an iovec and a control buffer of
        // its own, with their true sizes, all of which outlive the call; the
        // iovecs point to `bytes`, which are ours alone for as long.
        let result = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
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
        buffers.filled = filled.min(BATCH);
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
