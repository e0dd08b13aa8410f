//! Ports on loopback that stay ours while a server is down: each is reserved by a lock on a file,
//! so that no other test process takes it between a server's end and its next start. A killed
//! process loses its locks, so nothing has to be cleaned up. Below the range that the `peer` crate
//! takes ports from, and that below the system's own choice for outgoing connections.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::PathBuf;
use std::{env, fmt};

const PORTS: Range<u16> = 10_000..12_000;
const ATTEMPTS: usize = 5_000;

/// One or more ports in a row, reserved until this value is dropped.
pub struct Ports {
    first: u16,
    _locks: Vec<File>,
}

impl Ports {
    /// A port that nobody listens on, TCP.
    pub fn tcp() -> Self {
        Self::reserve(1, |port| TcpListener::bind(local(port)).is_ok())
    }

    /// `count` UDP ports in a row that nobody has on any address.
    pub fn udp(count: u16) -> Self {
        Self::reserve(count, |port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
    }

    /// The port, or the first of them.
    pub fn number(&self) -> u16 {
        self.first
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        local(self.first).to_string()
    }

    fn reserve(count: u16, is_free: impl Fn(u16) -> bool) -> Self {
        let found = (0..ATTEMPTS).find_map(|_| {
            let first = random_port(PORTS.end - count);
            let locks: Option<Vec<File>> = (first..first + count).map(lock).collect();
            // Looked at while it is locked: whoever had it before has let go of it.
            locks.filter(|_| (first..first + count).all(&is_free)).map(|locks| Self { first, _locks: locks })
        });
        found.expect("some port is free")
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {}", self.first)
    }
}

fn local(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

/// The lock of a port, unless somebody has it, in this process or another.
fn lock(port: u16) -> Option<File> {
    let file = File::create(folder().join(port.to_string())).ok()?;
    file.try_lock().ok().map(|()| file)
}

/// One folder per user: nobody can lock another one's files.
fn folder() -> PathBuf {
    let folder = env::temp_dir().join(format!("anabranch-ports-{}", rustix::process::getuid().as_raw()));
    fs::create_dir_all(&folder).expect("a folder for locks");
    folder
}

fn random_port(end: u16) -> u16 {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    PORTS.start + u16::from_le_bytes(bytes) % (end - PORTS.start)
}
