//! Free loopback ports. Below 22000, out of the way of the system's own choice for outgoing
//! connections, so that no client takes a port between the look and the server's bind.

use std::net::{TcpListener, UdpSocket};
use std::ops::Range;

const PORTS: Range<u16> = 12_000..21_900;
const ATTEMPTS: usize = 1_000;

/// A TCP port that nobody listens on.
pub fn free_tcp_port() -> u16 {
    find(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

/// The first of `count` UDP ports in a row that nobody has.
pub fn free_udp_ports(count: usize) -> u16 {
    let count = u16::try_from(count).expect("a machine has fewer than 65,536 cores");
    find(|port| (port..port + count).all(|port| UdpSocket::bind(("0.0.0.0", port)).is_ok()))
}

fn find(is_free: impl Fn(u16) -> bool) -> u16 {
    (0..ATTEMPTS).map(|_| random_port()).find(|port| is_free(*port)).expect("some port is free")
}

/// Random, so that test runs side by side seldom meet.
fn random_port() -> u16 {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    PORTS.start + u16::from_le_bytes(bytes) % (PORTS.end - PORTS.start)
}
