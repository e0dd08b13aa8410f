//! The UDP socket of one worker: many datagrams per system call, and for each the
//! local address that it arrived at, so that answers leave from the same one.
//!
//! One dual-stack socket serves IPv4 and IPv6; where the machine has no IPv6, an
//! IPv4 one does. This module holds all the `unsafe` code of the project: a few
//! system calls that the standard library lacks.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, ppoll and eventfd have no safe wrapper in our dependencies"
)]

mod address;
mod control;
mod receive;
mod send;
mod wait;

pub(crate) use receive::{ReceiveBuffers, SLOTS as RECEIVE_SLOTS};
pub(crate) use send::{Outgoing, SendBuffers};
pub(crate) use wait::Waker;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;

use address::Family;
use socket2::{Domain, Protocol, Socket, Type};

/// What we ask of the kernel for each direction: a second of video for some
/// hundred subscribers. It grants what its administrator allows (`net.core.rmem_max`,
/// `wmem_max`); the difference costs only the tolerance for bursts.
const BUFFER_BYTES: usize = 8 << 20;

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub(crate) struct MediaSocket {
    socket: Socket,
    family: Family,
    local: SocketAddr,
    /// Whether the kernel cuts groups of datagrams.
    segments: bool,
}

impl MediaSocket {
    /// Binds the port on all addresses; port 0 takes any free one.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        match Self::open(Family::Dual, port) {
            Err(error) if lacks_ipv6(&error) => Self::open(Family::V4, port),
            result => result,
        }
    }

    fn open(family: Family, port: u16) -> io::Result<Self> {
        let (domain, address) = match family {
            Family::Dual => (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
            Family::V4 => (Domain::IPV4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        };
        // socket2 sets close-on-exec.
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if family == Family::Dual {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        // A refusal would leave the default size, with which everything still works.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        control::ask_for_local_address(socket.as_raw_fd(), family)?;
        // A refusal costs a little time for each datagram.
        let _ = control::allow_fragments(socket.as_raw_fd(), family, false);
        // A kernel that does not put datagrams together hands them over one by one.
        let _ = control::ask_for_groups(socket.as_raw_fd());
        let segments = control::knows_segments(socket.as_raw_fd());
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self { socket, family, local, segments })
    }

    /// The port that it is bound to.
    pub(crate) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Whether it can reach IPv6 addresses.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.family == Family::Dual
    }
}

/// Whether an error says that this machine has no IPv6.
pub(crate) fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

#[cfg(test)]
mod tests;
