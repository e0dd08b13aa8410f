//! The socket against plain `UdpSocket`s on loopback.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::send::{Outgoing, SendReport};
use super::wait::Ready;
use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

struct Side {
    socket: MediaSocket,
    received: ReceiveBuffers,
    sending: SendBuffers,
    waker: Waker,
}

impl Side {
    fn new(family: Family) -> Self {
        Self {
            socket: MediaSocket::open(family, 0).unwrap(),
            received: ReceiveBuffers::new(),
            sending: SendBuffers::new(),
            waker: Waker::new().unwrap(),
        }
    }

    fn at(&self, ip: &str) -> SocketAddr {
        (ip.parse::<IpAddr>().unwrap(), self.socket.port()).into()
    }

    fn send(&mut self, datagrams: &[(SocketAddr, IpAddr, Vec<u8>)]) -> SendReport {
        let outgoing = datagrams.iter().map(|(to, from, data)| Outgoing {
            to: *to,
            from: *from,
            data,
            segment: data.len(),
        });
        self.socket.send(&mut self.sending, outgoing)
    }

    /// Collects datagrams until there are as many as expected.
    fn collect(&mut self, count: usize) -> Vec<(SocketAddr, IpAddr, Vec<u8>)> {
        let deadline = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while all.len() < count && Instant::now() < deadline {
            self.socket.wait(&self.waker, None, Some(Duration::from_millis(100))).unwrap();
            self.socket.receive(&mut self.received).unwrap();
            all.extend(self.received.datagrams().map(|d| (d.source, d.local, d.data.to_vec())));
        }
        all
    }
}

fn peer(ip: &str) -> UdpSocket {
    let socket = UdpSocket::bind((ip.parse::<IpAddr>().unwrap(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A peer on `ip` sends to `server`, and gets its answer from that very address.
fn there_and_back(family: Family, ip: &str, server: &str) {
    let mut side = Side::new(family);
    let peer = peer(ip);
    peer.send_to(b"hello", side.at(server)).unwrap();

    let got = side.collect(1);
    let local: IpAddr = server.parse().unwrap();
    assert_eq!(got, [(peer.local_addr().unwrap(), local, b"hello".to_vec())]);

    let report = side.send(&[(got[0].0, local, b"welcome".to_vec())]);
    assert_eq!(report, SendReport { sent: 1, groups: 1, ..SendReport::default() });
    let mut buffer = [0; 100];
    let (length, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (b"welcome".as_slice(), side.at(server)));
}

#[test]
fn answers_leave_from_the_address_that_was_spoken_to() {
    // 127.0.0.2 is not the address that the kernel would choose by itself.
    there_and_back(Family::Dual, "127.0.0.1", "127.0.0.2");
    there_and_back(Family::V4, "127.0.0.1", "127.0.0.2");
    there_and_back(Family::Dual, "127.0.0.3", "127.0.0.1");
    there_and_back(Family::Dual, "::1", "::1");
}

#[test]
fn a_burst_larger_than_a_batch_arrives_whole_and_in_order() {
    let mut sender = Side::new(Family::Dual);
    let mut receiver = Side::new(Family::Dual);
    let local = "127.0.0.1".parse().unwrap();
    let to = receiver.at("127.0.0.1");
    let datagrams: Vec<_> = (0..150u32).map(|n| (to, local, n.to_be_bytes().to_vec())).collect();
    assert_eq!(sender.send(&datagrams).sent, 150);

    let got: Vec<_> = receiver.collect(150).into_iter().map(|(_, _, data)| data).collect();
    let expected: Vec<_> = datagrams.into_iter().map(|(_, _, data)| data).collect();
    assert_eq!(got, expected);
}

/// Sends a group of 20 datagrams of 1,000 bytes and a short one; the peer must get them one by one.
fn a_group(side: &mut Side, groups: u64) {
    let peer = peer("127.0.0.1");
    let data: Vec<u8> = (0..20_500u32).map(|at| (at / 1000) as u8).collect();
    let (to, from) = (peer.local_addr().unwrap(), "127.0.0.1".parse().unwrap());
    let group = Outgoing { to, from, data: &data, segment: 1000 };
    let report = side.socket.send(&mut side.sending, [group].into_iter());
    assert_eq!(report, SendReport { sent: 21, groups, ..SendReport::default() });
    let mut buffer = [0; 2000];
    for n in 0..21u8 {
        let length = peer.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..length], vec![n; if n < 20 { 1000 } else { 500 }]);
    }
}

#[test]
fn a_group_leaves_at_once_and_arrives_one_by_one() {
    let mut side = Side::new(Family::Dual);
    assert!(side.socket.segments, "Linux cuts groups since 4.18");
    a_group(&mut side, 1);
    a_group(&mut Side::new(Family::V4), 1);
}

#[test]
fn where_the_kernel_knows_no_groups_each_datagram_leaves_by_itself() {
    let mut side = Side::new(Family::Dual);
    side.socket.segments = false;
    a_group(&mut side, 21);
}

#[test]
fn a_socket_that_refuses_groups_is_found_out_once() {
    let mut side = Side::new(Family::V4);
    // Without checksums there is no segmentation: EIO or EINVAL, by the kernel's version.
    let socket = side.socket.socket.as_raw_fd();
    let on: libc::c_int = 1;
    // SAFETY: the value is a c_int that outlives the call, and the length is its size.
    let result =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, (&raw const on).cast(), 4) };
    assert_eq!(result, 0);
    a_group(&mut side, 21);
    // As EIO has it: for the next minute nothing is tried in vain.
    side.sending.refuse_now();
    a_group(&mut side, 21);
}

/// Runs in a network namespace of its own, where the loopback's MTU is the least that IPv6 allows. False: that takes
/// root.
fn on_a_narrow_path(test: impl FnOnce() + Send + 'static) -> bool {
    let thread = std::thread::spawn(|| {
        // SAFETY: no pointers are involved; it concerns this thread alone.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return false;
        }
        let mut ip = std::process::Command::new("ip");
        assert!(ip.args(["link", "set", "lo", "mtu", "1280", "up"]).status().unwrap().success());
        test();
        true
    });
    thread.join().unwrap()
}

#[test]
fn a_path_that_is_too_narrow_gets_fragments() {
    let ran = on_a_narrow_path(|| {
        let mut side = Side::new(Family::Dual);
        let peer = peer("127.0.0.1");
        let (to, from) = (peer.local_addr().unwrap(), "127.0.0.1".parse().unwrap());
        assert_eq!(
            side.send(&[(to, from, vec![1; 1400])]),
            SendReport { sent: 1, groups: 1, ..Default::default() }
        );
        let data = vec![2; 2800];
        let group = Outgoing { to, from, data: &data, segment: 1400 };
        let report = side.socket.send(&mut side.sending, [group].into_iter());
        assert_eq!(report, SendReport { sent: 2, groups: 2, ..Default::default() });
        let mut buffer = [0; 2000];
        for expected in [1, 2, 2] {
            assert_eq!(peer.recv(&mut buffer).unwrap(), 1400);
            assert_eq!(buffer[..1400], [expected; 1400]);
        }
    });
    if !ran {
        eprintln!("skipped: a network namespace of its own takes root");
    }
}

#[test]
fn what_came_together_is_taken_apart() {
    let mut sender = Side::new(Family::Dual);
    let mut receiver = Side::new(Family::Dual);
    let (to, from) = (receiver.at("127.0.0.1"), "127.0.0.1".parse().unwrap());
    let data: Vec<u8> = (0..5_400u32).map(|at| (at / 1000) as u8).collect();
    let group = Outgoing { to, from, data: &data, segment: 1000 };
    assert_eq!(sender.socket.send(&mut sender.sending, [group].into_iter()).groups, 1);
    let got = receiver.collect(6);
    let got: Vec<&[u8]> = got.iter().map(|(_, _, data)| &data[..]).collect();
    assert_eq!(got, data.chunks(1000).collect::<Vec<_>>());
}

#[test]
fn a_datagram_too_large_is_dropped_and_counted_and_the_next_one_is_not() {
    let mut side = Side::new(Family::Dual);
    let peer = peer("127.0.0.1");
    peer.send_to(&[1; 2049], side.at("127.0.0.1")).unwrap();
    peer.send_to(&[2; 2048], side.at("127.0.0.1")).unwrap();
    peer.send_to(&[], side.at("127.0.0.1")).unwrap();
    let got: Vec<_> = side.collect(2).into_iter().map(|(_, _, data)| data).collect();
    assert_eq!(got, [vec![2; 2048], vec![]]);
    assert_eq!(side.received.unusable(), 1);
}

#[test]
fn a_destination_that_the_kernel_refuses_costs_the_others_nothing() {
    let mut side = Side::new(Family::Dual);
    let peer = peer("127.0.0.1");
    let (to, local) = (peer.local_addr().unwrap(), "127.0.0.1".parse().unwrap());
    let report = side.send(&[
        (to, local, vec![1]),
        // Larger than any UDP datagram.
        (to, local, vec![0; 70_000]),
        (to, local, vec![2]),
        // Not an address of this machine.
        (to, "192.0.2.77".parse().unwrap(), vec![0]),
        (to, local, vec![3]),
    ]);
    assert_eq!(report, SendReport { sent: 3, groups: 3, congested: 0, refused: 2 });
    let mut buffer = [0; 8];
    for expected in 1..=3 {
        let (length, _) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[..length], [expected]);
    }
}

#[test]
fn an_ipv4_socket_refuses_ipv6_destinations_only() {
    let mut side = Side::new(Family::V4);
    let peer = peer("127.0.0.1");
    let v6 = ("[::1]:9".parse().unwrap(), "::1".parse().unwrap(), vec![0]);
    let v4 = (peer.local_addr().unwrap(), "127.0.0.1".parse().unwrap(), vec![7]);
    assert_eq!(side.send(&[v6.clone(), v4, v6]), SendReport { sent: 1, groups: 1, congested: 0, refused: 2 });
    assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn icmp_errors_of_one_peer_do_not_disturb_the_socket() {
    let mut side = Side::new(Family::Dual);
    let local = "127.0.0.1".parse().unwrap();
    let gone = peer("127.0.0.1").local_addr().unwrap();
    for _ in 0..3 {
        assert_eq!(side.send(&[(gone, local, vec![0])]).sent, 1);
    }
    let peer = peer("127.0.0.1");
    peer.send_to(b"still here?", side.at("127.0.0.1")).unwrap();
    assert_eq!(side.collect(1).len(), 1);
}

#[test]
fn a_port_in_use_is_an_error() {
    let side = Side::new(Family::Dual);
    let error = MediaSocket::bind(side.socket.port()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_wake_up_ends_the_sleep_once() {
    let side = Side::new(Family::Dual);
    let long = Some(Duration::from_secs(60));
    std::thread::scope(|scope| {
        scope.spawn(|| side.waker.wake());
        let ready = side.socket.wait(&side.waker, None, long).unwrap();
        assert_eq!(ready, Ready { waker: true, ..Ready::default() });
    });
    let ready = side.socket.wait(&side.waker, None, Some(Duration::from_millis(1))).unwrap();
    assert_eq!(ready, Ready::default());
}
