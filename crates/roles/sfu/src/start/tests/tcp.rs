//! Those who have only TCP: checks and whole calls in frames, and strangers who send none.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use aws_lc_rs::hmac;
use is::stun::{StunMessage, TransId};

use super::*;
use crate::TcpConfig;
use bridge::Bridge;

mod bridge;

fn with_tcp(workers: usize, connections: usize) -> Config {
    let tcp = TcpConfig { port: 0, connections, connections_per_address: 1 };
    Config { tcp: Some(tcp), ..config(0, workers) }
}

/// What an answer says of TCP, and of ICE.
struct Door {
    address: SocketAddr,
    ufrag: String,
    pwd: String,
}

impl Door {
    fn of(answer: &str) -> Self {
        let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let words = |line: &'_ str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let candidates = answer.lines().filter(|line| line.starts_with("a=candidate:")).map(words);
        let tcp: Vec<_> = candidates.filter(|words| words[2] == "tcp").collect();
        assert_eq!(tcp.len(), 1, "{answer}");
        assert_eq!(tcp[0][6..], ["typ", "host", "tcptype", "passive"]);
        let address = format!("{}:{}", tcp[0][4], tcp[0][5]).parse().unwrap();
        Self { address, ufrag: value("a=ice-ufrag:"), pwd: value("a=ice-pwd:") }
    }

    fn knock(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
        stream
    }

    /// A check in a frame, from whom this offer is.
    fn check(&self, offer: &str, pwd: &str) -> Vec<u8> {
        let theirs = offer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
        let username = format!("{}:{theirs}", self.ufrag);
        let message = StunMessage::binding_request(&username, TransId::new(), true, 5, 100, true);
        let mut bytes = [0; 300];
        let len = message.to_bytes(Some(pwd.as_bytes()), &mut bytes, hmac_sha1).unwrap();
        framed(&bytes[..len])
    }
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().try_into().unwrap()
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes()[..], datagram].concat()
}

/// The next frame; `None`: the other side has closed.
fn frame(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).ok()?;
    let mut frame = vec![0; usize::from(u16::from_be_bytes(header))];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Whether the other side closes before its own time is up.
fn is_closed(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0; 100]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

impl World {
    /// A stream whose publisher has not connected yet: its offer, and where it may.
    async fn announced(&mut self, mid: &str) -> (String, Door) {
        let publisher = Publisher::new(&self.media, &PublisherConfig::default());
        let offer = publisher.offer().to_owned();
        let answer = self.publish(mid, &offer).await.unwrap();
        (offer, Door::of(&answer))
    }

    async fn until_visitors(&self, expected: u64) {
        let visitors = self.sfu.workers.visitors.clone().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while visitors.now() != expected {
            assert!(Instant::now() < deadline, "{} are here, and not {expected}", visitors.now());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_port_leads_to_each_worker() {
    let mut world = World::with(with_tcp(3, 10)).await;
    let mut open = Vec::new();
    for mid in ["a", "b", "c"] {
        let (offer, door) = world.announced(mid).await;
        let mut stream = door.knock();
        // In pieces, as networks deliver.
        for piece in door.check(&offer, &door.pwd).chunks(7) {
            stream.write_all(piece).unwrap();
        }
        let reply = frame(&stream).unwrap();
        let reply = StunMessage::parse(&reply).unwrap();
        assert!(reply.is_successful_binding_response() && reply.verify(door.pwd.as_bytes(), hmac_sha1));
        assert_eq!(reply.mapped_address(), Some(stream.local_addr().unwrap()));
        // And once more, by the worker itself.
        stream.write_all(&door.check(&offer, &door.pwd)).unwrap();
        assert!(frame(&stream).is_some());
        open.push((door, stream));
    }
    assert!(open.windows(2).all(|pair| pair[0].0.address == pair[1].0.address));
    let stats = world.sfu.stats().await;
    let each = |of: fn(&WorkerStats) -> u64| stats.iter().map(of).collect::<Vec<_>>();
    assert_eq!(each(|worker| worker.socket.tcp_connections), [1; 3]);
    assert_eq!(
        (each(|worker| worker.socket.tcp_received), each(|worker| worker.socket.tcp_sent)),
        (vec![2; 3], vec![2; 3])
    );
    drop(open);
    world.until_visitors(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call_goes_over_tcp_and_on_when_the_connections_are_cut() {
    let mut world = World::with(with_tcp(2, 10)).await;
    let mut publisher = Publisher::new(&world.media, &PublisherConfig::default());
    let answer = world.publish("m", publisher.offer()).await.unwrap();
    let up = Bridge::to(Door::of(&answer).address);
    publisher.accept(&up.announced(&answer));
    let mut subscriber = Subscriber::new(&world.media, &SubscriberConfig::default());
    let answer = world.subscribe("room", "m", "s", subscriber.offer()).await.unwrap();
    let down = Bridge::to(Door::of(&answer).address);
    subscriber.accept(&down.announced(&answer));
    // Another one, over UDP.
    let mut other = world.subscribed("m", "s2").await;
    subscriber.frames(20, 20).await;
    other.frames(20, 20).await;
    for bridge in [&up, &down] {
        bridge.cut();
        let before = subscriber.frames(1, 1).await;
        subscriber.until("more", |reception| reception.datagrams > before.datagrams + 100).await;
    }
    let socket = world.sfu.stats().await[0].socket;
    assert_eq!(socket.tcp_connections, 2);
    assert!(socket.tcp_sent > 100 && socket.tcp_received > 100, "{socket:?}");
    assert!(socket.sent > socket.tcp_sent + 40, "{socket:?}");
    world.unpublish("room", "m").await;
    subscriber.until("ended", |reception| reception.ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_or_no_check_costs_its_own_connection_alone() {
    let mut world = World::with(with_tcp(2, 100)).await;
    let (offer, door) = world.announced("m").await;
    let mut good = door.knock();
    good.write_all(&door.check(&offer, &door.pwd)).unwrap();
    assert!(frame(&good).is_some());
    let check = door.check(&offer, &door.pwd);
    let for_nobody = Door { ufrag: "//nobody".into(), address: door.address, pwd: door.pwd.clone() };
    let firsts = [
        vec![0, 0],
        vec![0xff, 0xff],
        vec![8, 1],
        framed(&[0; 20]),
        framed(&[128; 1200]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        for_nobody.check(&offer, &door.pwd),
    ];
    for first in firsts {
        let mut stream = door.knock();
        let _ = stream.write_all(&first);
        let _ = stream.shutdown(Shutdown::Write);
        assert!(is_closed(&stream), "{first:?}");
    }
    // Behind a good one.
    for then in [vec![0, 0], vec![8, 1], [framed(&[128; 30]), vec![0xff; 3]].concat()] {
        let mut stream = door.knock();
        stream.write_all(&check).unwrap();
        stream.write_all(&then).unwrap();
        while frame(&stream).is_some() {}
        assert!(is_closed(&stream), "{then:?}");
    }
    good.write_all(&door.check(&offer, &door.pwd)).unwrap();
    assert!(frame(&good).is_some());
    world.until_visitors(1).await;
    assert!(world.sfu.workers.visitors.as_ref().unwrap().unwelcome() >= 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dawdles_or_knows_no_password_is_shown_the_door() {
    let mut world = World::with(with_tcp(1, 100)).await;
    let (offer, door) = world.announced("m").await;
    let (silent, mut drips, mut forges) = (door.knock(), door.knock(), door.knock());
    drips.write_all(&[0]).unwrap();
    forges.write_all(&door.check(&offer, "no-password-of-anybody")).unwrap();
    world.until_visitors(3).await;
    let visitors = world.sfu.workers.visitors.clone().unwrap();
    tokio::task::spawn_blocking(move || {
        assert!(is_closed(&silent) && is_closed(&drips) && is_closed(&forges));
    })
    .await
    .unwrap();
    world.until_visitors(0).await;
    assert_eq!(visitors.unwelcome(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_places_and_whoever_goes_gives_his_back() {
    let mut world = World::with(with_tcp(1, 2)).await;
    let (offer, door) = world.announced("m").await;
    let places = [door.knock(), door.knock()];
    world.until_visitors(2).await;
    assert!(is_closed(&door.knock()), "loopback has no limit of its own, but the node has");
    assert_eq!(world.sfu.workers.visitors.as_ref().unwrap().refused(), 1);
    drop(places);
    world.until_visitors(0).await;
    let mut stream = door.knock();
    stream.write_all(&door.check(&offer, &door.pwd)).unwrap();
    assert!(frame(&stream).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_takes_its_connection_along_and_a_node_its_port() {
    let mut world = World::with(with_tcp(1, 10)).await;
    let (offer, door) = world.announced("m").await;
    let mut stream = door.knock();
    stream.write_all(&door.check(&offer, &door.pwd)).unwrap();
    assert!(frame(&stream).is_some());
    world.unpublish("room", "m").await;
    tokio::task::spawn_blocking(move || while frame(&stream).is_some() {}).await.unwrap();
    world.until_visitors(0).await;
    world.sfu.shutdown().await;
    let deadline = Instant::now() + PATIENCE;
    while crate::tcp::Listener::bind(door.address.port()).is_err() {
        assert!(Instant::now() < deadline, "the port is still taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_tcp_port_in_use_is_named() {
    let taken = crate::tcp::Listener::bind(0).unwrap();
    let tcp = TcpConfig { port: taken.port(), connections: 1, connections_per_address: 1 };
    let config = Config { tcp: Some(tcp), ..config(0, 1) };
    let message =
        Sfu::start(&config, &MemoryDiscovery::default(), Dialer::default()).unwrap_err().to_string();
    assert!(message.contains(&format!("TCP port {} is in use", taken.port())), "{message}");
}
