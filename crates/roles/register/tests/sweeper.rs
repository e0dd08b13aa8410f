//! The sweeper takes out who fell silent, says so, and ends when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Events, Received, Store};
use model::{NodeId, Notice, Owner, RoomId, UserId};
use tokio::sync::oneshot;

#[tokio::test]
async fn a_user_who_fell_silent_leaves_and_the_others_hear_of_it() {
    let now_us = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now_us);
    let store = Arc::new(MemoryStore::with_clock(Arc::new(move || clock.load(Ordering::Relaxed))));
    let events = Arc::new(MemoryEvents::default());
    let (rid, uid) = (RoomId::parse("room").unwrap(), UserId::parse("ann").unwrap());
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 1 };
    let joined = store.join(&rid, &uid, &owner).await.unwrap();
    let mut subscription = events.subscribe(&rid).await.unwrap();
    now_us.store(60_000_000, Ordering::Relaxed);

    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _told = stopped.await;
    };
    let sweeper = tokio::spawn(register::run_sweeper(store.clone(), events, shutdown));

    let Some(Received::Event(event)) = subscription.next().await else { panic!("no event") };
    assert_eq!(event.version, joined.state.version + 1);
    assert_eq!(*event.notices, [Notice::PeerLeave { uid }]);
    assert!(store.snapshot(&rid).await.unwrap().users.is_empty());

    stop.send(()).unwrap();
    sweeper.await.unwrap();
}
