//! The sweeper takes out who fell silent, says so, and ends when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Events, Expiry, NodeRun, Received, Role, Store};
use model::{MediaInfo, NodeId, Notice, Owner, RoomId, Stream, StreamId, Takeover, UserId};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;
use tokio::time::Instant;

#[tokio::test]
async fn a_user_who_fell_silent_leaves_and_the_others_hear_of_it() {
    let now_us = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now_us);
    let store = Arc::new(MemoryStore::with_clock(Arc::new(move || clock.load(Ordering::Relaxed))));
    let events = Arc::new(MemoryEvents::default());
    let (rid, uid) = (RoomId::parse("room").unwrap(), UserId::parse("ann").unwrap());
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 1 };
    let joined = store.join(&rid, &uid, &owner, Takeover::Replace, Expiry::NEVER).await.unwrap();
    let mut subscription = events.subscribe(&rid).await.unwrap();
    now_us.store(60_000_000, Ordering::Relaxed);

    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _told = stopped.await;
    };
    let sweeper = tokio::spawn(register::Register::new(store.clone(), events).sweep(shutdown));

    let Some(Received::Event(event)) = subscription.next().await else { panic!("no event") };
    assert_eq!(event.version, joined.state.version + 1);
    assert_eq!(*event.notices, [Notice::PeerLeave { uid }]);
    assert!(store.snapshot(&rid).await.unwrap().users.is_empty());

    stop.send(()).unwrap();
    sweeper.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_node_leaves_behind_is_taken_out_after_its_grace() {
    let store = Arc::new(MemoryStore::default());
    let events = Arc::new(MemoryEvents::default());
    let (rid, uid) = (RoomId::parse("room").unwrap(), UserId::parse("ann").unwrap());
    let node = NodeId::parse("one").unwrap();
    let owner = Owner { signal: node.clone(), connection: 1 };
    store.join(&rid, &uid, &owner, Takeover::Replace, Expiry::NEVER).await.unwrap();
    let info = MediaInfo::parse(r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#).unwrap();
    let stream = Stream { mid: StreamId::parse("m").unwrap(), uid: uid.clone(), sfu: node.clone(), info };
    store.add_stream(&rid, &owner, stream.clone(), Expiry::NEVER).await.unwrap();
    for role in [Role::Signal, Role::Sfu] {
        store.beat(&NodeRun { role, id: node.clone(), started: 1 }).await.unwrap();
    }
    let mut subscription = events.subscribe(&rid).await.unwrap();

    let started = Instant::now();
    let register = register::Register::new(store.clone(), events);
    let mut registry = Registry::default();
    register.register_metrics(&mut registry);
    let sweeper = tokio::spawn(register.sweep(std::future::pending()));
    let Some(Received::Event(event)) = subscription.next().await else { panic!("no event") };
    let removed = Notice::StreamRemove { uid: uid.clone(), mid: stream.mid, by_server: true };
    assert_eq!(*event.notices, [removed]);
    assert_eq!(started.elapsed().as_secs(), 5);
    let Some(Received::Event(event)) = subscription.next().await else { panic!("no event") };
    assert_eq!(*event.notices, [Notice::PeerLeave { uid }]);
    assert_eq!(started.elapsed().as_secs(), 11);
    while !store.runs().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    sweeper.abort();

    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    for line in [
        "register_dead_nodes_total{role=\"signal\"} 1",
        "register_dead_nodes_total{role=\"sfu\"} 1",
        "register_swept_users_total{reason=\"left_behind\"} 1",
        "register_swept_streams_total{reason=\"left_behind\"} 1",
        "register_swept_users_total{reason=\"expired\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
}
