//! Datagrams at a steady rate from a thread of their own.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One of the sockets that a flood comes from, and what it sends, over and over again.
pub(crate) struct Source {
    pub(crate) socket: UdpSocket,
    pub(crate) datagrams: Vec<Vec<u8>>,
}

impl Source {
    /// From an address that nobody knows.
    pub(crate) fn stranger(datagrams: Vec<Vec<u8>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        Self { socket, datagrams }
    }
}

/// Runs until it is stopped.
pub(crate) struct Flood {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<(u64, Vec<Source>)>>,
}

impl Flood {
    /// So many datagrams a second, from each source in turn.
    pub(crate) fn start(server: SocketAddr, rate: u64, sources: Vec<Source>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || (pour(server, rate, &sources, &stop), sources));
        Self { over, thread: Some(thread) }
    }

    /// Ends it. Returns how many datagrams it sent, and its sockets, with whatever came back.
    pub(crate) fn stop(mut self) -> (u64, Vec<Source>) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().expect("it runs").join().expect("no panic")
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn pour(server: SocketAddr, rate: u64, sources: &[Source], stop: &AtomicBool) -> u64 {
    let start = Instant::now();
    let (mut sent, mut turn) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let due = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX) * rate / 1_000_000;
        // A machine that stood still is not to be caught up with in one go.
        for _ in 0..(due - turn.min(due)).min(rate / 50) {
            let source = &sources[turn as usize % sources.len()];
            let datagram = &source.datagrams[turn as usize / sources.len() % source.datagrams.len()];
            sent += u64::from(source.socket.send_to(datagram, server).is_ok());
            turn += 1;
        }
        turn = turn.max(due.saturating_sub(rate / 50));
        std::thread::sleep(Duration::from_millis(1));
    }
    sent
}

/// What has come to a socket, and its bytes.
pub(crate) fn received(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2048];
    let mut all = Vec::new();
    // An ICMP error of an earlier send is none of what came.
    for _ in 0..100_000 {
        match socket.recv(&mut buffer) {
            Ok(length) => all.push(buffer[..length].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(_) => {}
        }
    }
    all
}
