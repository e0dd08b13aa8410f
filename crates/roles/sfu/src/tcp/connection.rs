//! One connection: what has come of a frame, and what waits to leave.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Instant;

use super::census::Place;
use super::framing::{HEADER, MAX_FRAME, header};

/// What waits in a connection until the network takes it, in bytes: a second of video. What comes while it is full is
/// dropped, each datagram as a whole, as a router on the way would do.
pub(super) const QUEUE_BYTES: usize = 256 * 1024;

/// More than this is not kept for an empty queue.
const SPARE_BYTES: usize = 16 * 1024;

/// A connection of a worker's.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) source: SocketAddr,
    pub(super) local: IpAddr,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
    queue: VecDeque<u8>,
    /// When the latest whole frame came.
    pub(super) heard: Instant,
    /// When it was a peer's last; before that, when it came.
    pub(super) known: Instant,
    /// It is told when there is room again.
    pub(super) watched: bool,
    pub(super) place: Place,
}

/// What a read led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// So many bytes are in the buffer, frames from its beginning on.
    Bytes(usize),
    /// The peer has closed it, or it is broken.
    End,
}

impl Connection {
    pub(super) fn new(
        now: Instant,
        stream: TcpStream,
        (source, local): (SocketAddr, IpAddr),
        place: Place,
    ) -> Self {
        Self {
            stream,
            source,
            local,
            partial: Vec::new(),
            queue: VecDeque::new(),
            heard: now,
            known: now,
            watched: false,
            place,
        }
    }

    /// Reads once, behind what has come of a frame before.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Taken {
        let before = self.partial.len();
        let Some((old, new)) = buffer.split_at_mut_checked(before) else { return Taken::End };
        match self.stream.read(new) {
            Ok(0) => Taken::End,
            Ok(read) => {
                old.copy_from_slice(&self.partial);
                self.partial.clear();
                Taken::Bytes(before + read)
            }
            Err(error) if is_not_ready(&error) => Taken::Bytes(0),
            Err(_) => Taken::End,
        }
    }

    /// This is what was left of a read when all whole frames were taken: less than one.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        debug_assert!(rest.len() < MAX_FRAME);
        self.partial.extend_from_slice(rest);
    }

    /// Queues a datagram as a frame. False: there is no room, or it is none.
    pub(super) fn queue(&mut self, datagram: &[u8]) -> bool {
        let Some(header) = header(datagram) else { return false };
        if self.queue.len() + HEADER + datagram.len() > QUEUE_BYTES {
            return false;
        }
        self.queue.extend(header);
        self.queue.extend(datagram);
        true
    }

    /// Sends what the network takes. True: something is left. Where the connection is broken, a read will tell.
    pub(super) fn flush(&mut self) -> bool {
        while !self.queue.is_empty() {
            let (first, _) = self.queue.as_slices();
            match self.stream.write(first) {
                Ok(0) => break,
                Ok(written) => drop(self.queue.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_not_ready(&error) => return true,
                Err(_) => {
                    self.queue.clear();
                    break;
                }
            }
        }
        if self.queue.is_empty() {
            self.queue.shrink_to(SPARE_BYTES);
        }
        !self.queue.is_empty()
    }
}

fn is_not_ready(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    use super::super::census::{Bounds, Census};
    use super::super::framing::Frames;
    use super::*;

    /// A connection, and its other end.
    fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, source) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let place = Census::new(Bounds { node: 1, address: 1 }).admit(source.ip()).unwrap();
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        (Connection::new(Instant::now(), stream, (source, local), place), other)
    }

    #[test]
    fn a_peer_that_reads_nothing_loses_whole_datagrams_and_costs_a_bounded_queue() {
        let (mut connection, mut other) = pair();
        let mut queued = Vec::new();
        let mut lost = 0;
        for number in 0u32.. {
            let datagram = [&number.to_be_bytes()[..], &vec![7; (number % 1400) as usize]].concat();
            if connection.queue(&datagram) {
                queued.push(datagram);
            } else {
                lost += 1;
            }
            connection.flush();
            assert!(connection.queue.len() <= QUEUE_BYTES);
            if lost == 100 {
                break;
            }
        }
        // It reads again.
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            other.read_to_end(&mut bytes).map(|_| bytes)
        });
        while connection.flush() {
            std::thread::yield_now();
        }
        assert!(connection.queue.capacity() <= 2 * SPARE_BYTES);
        drop(connection);
        let mut bytes = reader.join().unwrap().unwrap();
        let mut frames = Frames::new(&mut bytes);
        let got: Vec<Vec<u8>> = frames.by_ref().map(|frame| frame.to_vec()).collect();
        assert!(frames.rest().is_some_and(<[u8]>::is_empty), "nothing is cut");
        assert!(got == queued && lost == 100);
    }

    #[test]
    fn what_is_read_of_a_frame_waits_for_the_rest() {
        let (mut connection, mut other) = pair();
        let mut buffer = [0; 4096];
        let mut read = |connection: &mut Connection, expected: usize| {
            loop {
                match connection.read(&mut buffer) {
                    Taken::Bytes(len) if len >= expected => return buffer[..len].to_vec(),
                    Taken::Bytes(len) => {
                        connection.keep(&buffer[..len]);
                        std::thread::yield_now();
                    }
                    Taken::End => panic!("it goes on"),
                }
            }
        };
        other.write_all(&[0, 3, 1]).unwrap();
        let first = read(&mut connection, 3);
        assert_eq!(first, [0, 3, 1]);
        connection.keep(&first);
        other.write_all(&[2, 3]).unwrap();
        assert_eq!(read(&mut connection, 5), [0, 3, 1, 2, 3]);
        drop(other);
        let mut buffer = [0; 4096];
        while connection.read(&mut buffer) != Taken::End {
            std::thread::yield_now();
        }
        assert!(!connection.queue(&[]) && !connection.queue(&[0; 70_000]));
    }
}
