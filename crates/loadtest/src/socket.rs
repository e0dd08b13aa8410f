//! A UDP socket of one peer connection: many datagrams a system call, in both directions.

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Instant;

/// What is asked of the kernel; it gives as much as `net.core.rmem_max` allows.
const BUFFER: usize = 4 << 20;

/// Buffers of one system call. Each holds what the kernel has put together of equal datagrams: up to 64 KiB.
const BATCH: usize = 8;
const COALESCED: usize = 1 << 16;

/// The largest datagram that is sent.
const DATAGRAM: usize = 1500;

/// The most that leaves at once: a frame of 6 Mbit/s at 1 fps, or many of more usual ones.
const BURST: usize = 1 << 20;

/// Datagrams to one destination.
#[derive(Debug)]
pub(crate) struct Burst {
    bytes: Box<[u8]>,
    used: usize,
    lengths: Vec<usize>,
}

impl Burst {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BURST].into(), used: 0, lengths: Vec::new() }
    }

    /// Adds the datagram that `fill` writes into the buffer that it gets, and of which it returns the length. False:
    /// there is none, or no room.
    pub(crate) fn add(&mut self, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(out) = self.bytes.get_mut(self.used..self.used + DATAGRAM) else { return false };
        let Some(len) = fill(out).filter(|len| *len > 0) else { return false };
        self.used += len;
        self.lengths.push(len);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    fn clear(&mut self) {
        self.used = 0;
        self.lengths.clear();
    }
}

/// Where datagrams are read into; one for a thread.
pub(crate) struct ReceiveBuffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

impl ReceiveBuffers {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BATCH * COALESCED], metas: [RecvMeta::default(); BATCH] }
    }
}

/// The socket.
pub(crate) struct MediaSocket {
    pub(crate) socket: UdpSocket,
    state: UdpSocketState,
    inode: Option<u64>,
}

impl MediaSocket {
    /// A socket that can send to this address.
    pub(crate) fn towards(address: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0).into())?;
        let state = UdpSocketState::new((&socket).into())?;
        // More than the kernel allows is no error: it gives what it has.
        state.set_recv_buffer_size((&socket).into(), BUFFER)?;
        state.set_send_buffer_size((&socket).into(), BUFFER)?;
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok();
        let name = link.as_ref().and_then(|link| link.to_str());
        let inode = name.and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        Ok(Self { socket, state, inode })
    }

    /// By which `/proc/net/udp` knows it.
    pub(crate) fn inode(&self) -> Option<u64> {
        self.inode
    }

    /// Sends one datagram; false: the kernel would not take it.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        self.transmit(to, datagram, None)
    }

    /// Sends a burst, runs of equal datagrams at once, and empties it. Returns how many the kernel would not take.
    pub(crate) fn send_burst(&self, to: SocketAddr, burst: &mut Burst) -> u64 {
        let most = self.state.max_gso_segments().max(1);
        let (mut unsent, mut at) = (0, 0);
        let mut lengths = burst.lengths.as_slice();
        while let Some((&first, _)) = lengths.split_first() {
            let run = run_of(lengths, most);
            let (now, later) = lengths.split_at(run);
            let len: usize = now.iter().sum();
            let bytes = burst.bytes.get(at..at + len).unwrap_or_default();
            if !self.transmit(to, bytes, Some(first)) {
                unsent += run as u64;
            }
            (at, lengths) = (at + len, later);
        }
        burst.clear();
        unsent
    }

    fn transmit(&self, destination: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> bool {
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        // An ICMP error of an earlier datagram is told once, in place of sending this one.
        (0..2).any(|_| self.state.try_send((&self.socket).into(), &transmit).is_ok())
    }

    /// Reads everything that has come, and hands over each datagram with its source and the time.
    pub(crate) fn receive(
        &self,
        buffers: &mut ReceiveBuffers,
        take: &mut dyn FnMut(Instant, SocketAddr, &mut [u8]),
    ) {
        loop {
            let mut slices = buffers.bytes.chunks_exact_mut(COALESCED).map(IoSliceMut::new);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let count = match self.state.recv((&self.socket).into(), &mut slices, &mut buffers.metas) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(_) => return,
            };
            let now = Instant::now();
            for (meta, bytes) in buffers.metas.iter().zip(&mut slices).take(count) {
                let Some(bytes) = bytes.get_mut(..meta.len) else { continue };
                let stride = meta.stride.max(1);
                bytes.chunks_mut(stride).for_each(|datagram| take(now, meta.addr, datagram));
            }
        }
    }
}

/// How many of the next datagrams can leave as one: of equal length, where the last may be shorter.
fn run_of(lengths: &[usize], most: usize) -> usize {
    let Some((&first, _)) = lengths.split_first() else { return 0 };
    let most = most.min(u16::MAX as usize / first.max(1)).max(1);
    let equal = lengths.iter().take(most).take_while(|len| **len == first).count();
    let shorter = equal < most && lengths.get(equal).is_some_and(|len| *len < first);
    equal + usize::from(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_a_shorter_one_before_a_longer_one_and_at_the_limit() {
        assert_eq!(run_of(&[100, 100, 70, 70], 64), 3);
        assert_eq!(run_of(&[70, 100], 64), 1);
        assert_eq!(run_of(&[100; 10], 4), 4);
        assert_eq!(run_of(&[30_000; 10], 64), 2);
        assert_eq!(run_of(&[], 64), 0);
    }

    #[test]
    fn what_is_sent_as_a_burst_arrives_one_by_one() {
        let receiver = MediaSocket::towards("127.0.0.1:1".parse().unwrap()).unwrap();
        let sender = MediaSocket::towards("127.0.0.1:1".parse().unwrap()).unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], receiver.socket.local_addr().unwrap().port()));
        let mut burst = Burst::new();
        for (len, byte) in [(1000, 1), (1000, 2), (700, 3), (900, 4)] {
            assert!(burst.add(|out| {
                out[..len].fill(byte);
                Some(len)
            }));
        }
        assert_eq!((sender.send_burst(to, &mut burst), burst.is_empty()), (0, true));
        let mut got = Vec::new();
        let mut buffers = ReceiveBuffers::new();
        while got.len() < 4 {
            receiver.receive(&mut buffers, &mut |_, _, datagram| got.push((datagram.len(), datagram[0])));
        }
        assert_eq!(got, [(1000, 1), (1000, 2), (700, 3), (900, 4)]);
        assert!(receiver.inode().is_some());
    }
}
