//! A whole SFU on loopback: commanded by gRPC, spoken to by real peers.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Expiry, Lease, Store};
use model::{ErrorCode, MediaInfo, Owner, RoomId, Stream, StreamId, Takeover, UserId};
use peer::{MediaThread, Publisher, PublisherConfig, Subscriber, SubscriberConfig};
use rpc::channel::InProcess;
use rpc::proto::sfu_client::SfuClient;
use rpc::proto::{DescribeRequest, PublishRequest, SubscribeRequest, UnpublishRequest, UnsubscribeRequest};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::*;

mod branches;
mod life;
mod recording;
mod steering;
mod tcp;

const PATIENCE: Duration = Duration::from_secs(10);

const INFO: &str = r#"{"audio":true,"video":false,"audiotype":1,"videotype":0}"#;

fn config(port: u16, workers: usize) -> Config {
    Config {
        id: NodeId::parse("sfu-1").unwrap(),
        dc: "here".into(),
        ips: vec!["127.0.0.1".parse().unwrap()],
        port,
        tcp: None,
        workers,
        coalesce: media::COALESCE,
        estimation: None,
        branch_at: 0.5,
        limits: Limits::default(),
        bandwidth: 1_000_000_000,
        pressure: Pressure::default(),
        record: None,
    }
}

/// A register that can be reached.
fn register(in_process: &InProcess, store: &Arc<dyn Store>) {
    let service = register::Register::new(Arc::clone(store), Arc::new(MemoryEvents::default())).service();
    let server = rpc::server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(in_process.listen("register").unwrap()));
}

/// Says where the register is.
async fn announce_register(discovery: &dyn Discovery) -> Lease {
    let node = NodeInfo {
        id: NodeId::parse("register-1").unwrap(),
        dc: "here".into(),
        role: Role::Register,
        address: "inproc://register".into(),
        load: 0.0,
        draining: false,
    };
    discovery.register(node).await.unwrap()
}

/// A room that says: this user's stream is on sfu-1. One that no room knows ends after ten seconds.
async fn enter(store: &dyn Store, rid: &str, uid: &str, mid: &str) {
    let (rid, uid) = (RoomId::parse(rid).unwrap(), UserId::parse(uid).unwrap());
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 1 };
    store.join(&rid, &uid, &owner, Takeover::Resume, Expiry::NEVER).await.unwrap();
    let (mid, sfu) = (StreamId::parse(mid).unwrap(), NodeId::parse("sfu-1").unwrap());
    let stream = Stream { mid, uid, sfu, info: MediaInfo::parse(INFO).unwrap() };
    store.add_stream(&rid, &owner, stream, Expiry::NEVER).await.unwrap();
}

/// An SFU that takes streams, beside a real register.
struct World {
    sfu: Sfu,
    client: SfuClient<Channel>,
    media: MediaThread,
    discovery: Arc<dyn Discovery>,
    store: Arc<dyn Store>,
    _register: Lease,
}

impl World {
    async fn new(workers: usize) -> Self {
        Self::with(config(0, workers)).await
    }

    async fn with(config: Config) -> Self {
        let discovery: Arc<dyn Discovery> = Arc::new(MemoryDiscovery::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let in_process = InProcess::default();
        register(&in_process, &store);
        let lease = announce_register(&*discovery).await;
        let dialer = Dialer::new(in_process.clone());
        let mut sfu = Sfu::start(&config, &*discovery, dialer.clone()).unwrap();
        let server = rpc::server::builder().add_service(sfu.service());
        tokio::spawn(server.serve_with_incoming(in_process.listen("sfu").unwrap()));
        sfu.announce(&discovery, "inproc://sfu").await.unwrap();
        let client = rpc::client::sfu(dialer.dial("inproc://sfu").unwrap());
        Self { sfu, client, media: MediaThread::start(), discovery, store, _register: lease }
    }

    async fn publish(&mut self, mid: &str, offer: &str) -> Result<String, Status> {
        let request = PublishRequest {
            rid: "room".into(),
            uid: "ann".into(),
            mid: mid.into(),
            offer_sdp: offer.into(),
            ..PublishRequest::default()
        };
        Ok(self.client.publish(request).await?.into_inner().answer_sdp)
    }

    async fn subscribe(&mut self, rid: &str, mid: &str, sid: &str, offer: &str) -> Result<String, Status> {
        let request = SubscribeRequest {
            rid: rid.into(),
            uid: "bob".into(),
            mid: mid.into(),
            sid: sid.into(),
            offer_sdp: offer.into(),
            ..SubscribeRequest::default()
        };
        Ok(self.client.subscribe(request).await?.into_inner().answer_sdp)
    }

    async fn unsubscribe(&mut self, uid: &str, mid: &str, sid: &str) -> Result<(), Status> {
        let request = UnsubscribeRequest {
            rid: "room".into(),
            uid: uid.into(),
            mid: mid.into(),
            sid: sid.into(),
            owner: None,
        };
        self.client.unsubscribe(request).await.map(|_| ())
    }

    async fn unpublish(&mut self, rid: &str, mid: &str) {
        let request = UnpublishRequest { rid: rid.into(), mid: mid.into(), owner: None };
        self.client.unpublish(request).await.unwrap();
    }

    /// Streams and subscriptions as the service tells.
    async fn counts(&mut self) -> (u32, u32) {
        let reply = self.client.describe(DescribeRequest {}).await.unwrap().into_inner();
        (reply.streams, reply.subscriptions)
    }

    async fn until_counts(&mut self, expected: (u32, u32)) {
        let deadline = Instant::now() + PATIENCE;
        while self.counts().await != expected {
            assert!(Instant::now() < deadline, "{expected:?} never came, but {:?}", self.counts().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn published(&mut self, mid: &str) -> Publisher {
        let mut publisher = Publisher::new(&self.media, &PublisherConfig::default());
        let answer = self.publish(mid, publisher.offer()).await.unwrap();
        publisher.accept(&answer);
        publisher
    }

    async fn subscribed(&mut self, mid: &str, sid: &str) -> Subscriber {
        self.subscribed_in("room", mid, sid).await
    }

    async fn subscribed_in(&mut self, rid: &str, mid: &str, sid: &str) -> Subscriber {
        let mut subscriber = Subscriber::new(&self.media, &SubscriberConfig::default());
        let answer = self.subscribe(rid, mid, sid, subscriber.offer()).await.unwrap();
        subscriber.accept(&answer);
        subscriber
    }
}

fn failure<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, Option<ErrorCode>) {
    let status = result.unwrap_err();
    (status.code(), rpc::status::error_code(&status))
}

#[tokio::test(flavor = "multi_thread")]
async fn media_flows_from_a_publisher_to_its_subscribers_until_it_is_unpublished() {
    let mut world = World::new(2).await;
    let _publisher = world.published("m").await;
    let mut first = world.subscribed("m", "s1").await;
    let mut second = world.subscribed("m", "s2").await;
    first.frames(10, 10).await;
    second.frames(10, 10).await;
    assert_eq!(world.counts().await, (1, 2));

    let stats = world.sfu.stats().await;
    assert_eq!(stats.len(), 2);
    assert!(stats[0].media.media_in >= 20 && stats[0].media.media_out >= 40, "{stats:?}");
    assert!(stats[0].socket.sent >= 40, "{stats:?}");
    assert!(stats[0].cpu > Duration::ZERO, "{stats:?}");
    assert_eq!((stats[0].media.streams, stats[0].media.subscriptions), (1, 2));
    assert_eq!(stats[1].media.datagrams_in, 0, "the other worker is not involved");

    world.unpublish("room", "m").await;
    first.until("ended", |reception| reception.ended).await;
    second.until("ended", |reception| reception.ended).await;
    world.until_counts((0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_leaves_and_the_others_go_on() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let mut leaves = world.subscribed("m", "s1").await;
    let mut stays = world.subscribed("m", "s2").await;
    leaves.frames(1, 1).await;
    world.unsubscribe("bob", "m", "s1").await.unwrap();
    leaves.until("ended", |reception| reception.ended).await;
    let before = stays.frames(1, 1).await;
    stays.until("more", |reception| reception.datagrams > before.datagrams + 50).await;
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_by_itself_is_forgotten() {
    let mut world = World::new(1).await;
    let publisher = world.published("m").await;
    let mut subscriber = world.subscribed("m", "s1").await;
    let mut other = world.subscribed("m", "s2").await;
    subscriber.frames(1, 1).await;
    other.frames(1, 1).await;
    subscriber.close();
    world.until_counts((1, 1)).await;
    publisher.close();
    world.until_counts((0, 0)).await;
    other.until("ended", |reception| reception.ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_leaves_nothing_behind() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let subscriber = Subscriber::new(&world.media, &SubscriberConfig::default());
    let offer = subscriber.offer().to_owned();

    let unusable = (Code::InvalidArgument, Some(ErrorCode::Sdp));
    assert_eq!(failure(world.publish("other", "v=0").await), unusable);
    assert_eq!(failure(world.subscribe("room", "m", "s", "v=0").await), unusable);
    let no_mid = (Code::InvalidArgument, Some(ErrorCode::Mid));
    assert_eq!(failure(world.publish("", &offer).await), no_mid);
    let exists = (Code::AlreadyExists, Some(ErrorCode::Internal));
    assert_eq!(failure(world.publish("m", &offer).await), exists);
    let no_stream = (Code::NotFound, Some(ErrorCode::NoSuchStream));
    assert_eq!(failure(world.subscribe("room", "nothing", "s", &offer).await), no_stream);
    assert_eq!(failure(world.subscribe("elsewhere", "m", "s", &offer).await), no_stream);
    let no_subscription = (Code::NotFound, Some(ErrorCode::NoSuchSubscription));
    assert_eq!(failure(world.unsubscribe("bob", "m", "s").await), no_subscription);
    world.unpublish("elsewhere", "m").await;
    world.unpublish("room", "nothing").await;
    assert_eq!(world.counts().await, (1, 0));

    world.subscribe("room", "m", "s", &offer).await.unwrap();
    let not_allowed = (Code::PermissionDenied, Some(ErrorCode::NotAllowed));
    assert_eq!(failure(world.unsubscribe("eve", "m", "s").await), not_allowed);
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_neither_stops_the_media_nor_the_commands() {
    let mut world = World::new(1).await;
    let _publisher = world.published("m").await;
    let mut subscriber = world.subscribed("m", "s").await;
    let target = world.sfu.candidates()[0][0];
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let flood = std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        while !stopped.load(Ordering::Relaxed) {
            for first in [0u8, 1, 20, 22, 63, 64, 128, 144, 200, 255] {
                // The receiver's buffer may be full: that is the point.
                let _ = socket.send_to(&[first; 1200], target);
            }
            std::thread::yield_now();
        }
    });
    subscriber.frames(5, 5).await;
    let asked = Instant::now();
    let _another = world.subscribed("m", "s2").await;
    assert!(asked.elapsed() < rpc::DEADLINE);
    let deadline = Instant::now() + PATIENCE;
    while world.sfu.stats().await[0].media.drops <= 100 {
        assert!(Instant::now() < deadline, "there was no flood");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_says_goodbye_within_a_second_and_frees_the_ports() {
    let mut world = World::new(2).await;
    let _publisher = world.published("m").await;
    let mut subscriber = world.subscribed("m", "s").await;
    subscriber.frames(1, 1).await;
    let ports: Vec<u16> = world.sfu.candidates().iter().map(|c| c[0].port()).collect();

    let started = Instant::now();
    world.sfu.shutdown().await;
    assert!(started.elapsed() < STOP_TIME);
    subscriber.until("ended", |reception| reception.ended).await;
    for port in ports {
        MediaSocket::bind(port).unwrap();
    }
    let request = PublishRequest { rid: "r".into(), uid: "u".into(), mid: "m2".into(), ..Default::default() };
    let refused = failure(world.client.publish(request).await);
    assert_eq!(refused, (Code::Unavailable, Some(ErrorCode::Draining)));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind("[::]:0").or_else(|_| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let port = taken.local_addr().unwrap().port();
    let discovery = MemoryDiscovery::default();
    let start = |port, workers| Sfu::start(&config(port, workers), &discovery, Dialer::default());
    let message = start(port, 1).unwrap_err().to_string();
    assert!(message.contains(&format!("UDP port {port} is in use")), "{message}");
    let message = start(65_535, 2).unwrap_err().to_string();
    assert!(message.contains("leaves no room for 2 workers"), "{message}");
}
