//! A Redis that restarts, forgets, stops and comes late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Expiry, Member, NodeRun, Role, Store, StoreError};
use model::{Applied, EventsSince, RoomEvent, RoomId, RoomState, RoomView, Takeover};
use servers::{Redis, RedisOptions, until};

use super::people::{LONGEST_CALL, data, eventually, join, node, owner, rid, store_at, uid};

/// A reader who has `view` hears of `event`, and ends up with the room as it is.
async fn converges(store: &dyn Store, room: &RoomId, view: &mut RoomView, event: &RoomEvent) {
    let Applied::Gap { after } = view.apply(event) else { panic!("a gap must show: {event:?}") };
    let EventsSince::Snapshot(state) = store.events_since(room, after).await.unwrap() else {
        panic!("what may be lost cannot be told event by event")
    };
    drop(view.reset(&state));
    assert_eq!(view.state(), store.snapshot(room).await.unwrap());
}

async fn say(store: &dyn Store, room: &RoomId) -> RoomEvent {
    let (ann, owner) = (uid("ann"), owner(1));
    eventually(|| store.broadcast(room, &ann, &owner, data("1"))).await
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let redis = Redis::start();
    let (store, room) = (store_at(&redis), rid("room"));
    join(&store, &room, "ann").await.unwrap();
    redis.cli(&["SCRIPT", "FLUSH"]);
    store.broadcast(&room, &uid("ann"), &owner(1), data("1")).await.unwrap();
}

#[tokio::test]
async fn after_a_restart_every_reader_gets_a_snapshot() {
    let redis = Redis::start();
    let (store, room) = (store_at(&redis), rid("room"));
    let joined = join(&store, &room, "ann").await.unwrap();
    let mut view = RoomView::new(&joined.state);
    redis.kill();
    redis.start_again();
    let event = say(&store, &room).await;
    converges(&store, &room, &mut view, &event).await;
    // Once only: from then on events are events again.
    let event = say(&store, &room).await;
    assert!(matches!(view.apply(&event), Applied::Deliver(_)));
}

#[tokio::test]
async fn a_reader_who_knows_more_than_is_left_gets_a_snapshot() {
    let redis = Redis::start();
    let (store, room) = (store_at(&redis), rid("room"));
    let mut view = RoomView::new(&join(&store, &room, "ann").await.unwrap().state);
    let keys: Vec<String> = redis.cli(&["KEYS", "*:room"]).lines().map(str::to_owned).collect();
    for key in &keys {
        redis.cli(&["COPY", key, &format!("{key}:backup")]);
    }
    for n in 0..20 {
        let joined = join(&store, &room, &format!("user {n}")).await.unwrap();
        assert!(matches!(view.apply(&joined.event.unwrap()), Applied::Deliver(_)));
    }
    for key in &keys {
        redis.cli(&["RENAME", &format!("{key}:backup"), key]);
    }
    redis.kill();
    redis.start_again();
    let event = say(&store, &room).await;
    converges(&store, &room, &mut view, &event).await;
    assert_eq!(view.users().count(), 1);
}

#[tokio::test]
async fn a_room_that_is_lost_altogether_goes_on_with_later_versions() {
    let more = ["--appendonly", "no"].map(str::to_owned).to_vec();
    let redis = Redis::with(RedisOptions { more, ..RedisOptions::default() });
    let (store, room) = (store_at(&redis), rid("room"));
    let mut view = RoomView::new(&join(&store, &room, "ann").await.unwrap().state);
    for _ in 0..100 {
        view.apply(&say(&store, &room).await);
    }
    redis.kill();
    redis.start_again();
    let member = Member { rid: room.clone(), uid: uid("ann"), owner: owner(1) };
    let kept = eventually(|| store.keep_alive(std::slice::from_ref(&member))).await;
    assert!(!kept[0].held && kept[0].version > view.version());
    let joined = join(&store, &room, "bob").await.unwrap();
    assert!(joined.state.version > kept[0].version);
    converges(&store, &room, &mut view, &joined.event.unwrap()).await;
    assert_eq!(view.users().map(|user| user.uid).collect::<Vec<_>>(), [uid("bob")]);
}

#[tokio::test]
async fn a_store_starts_without_redis_and_works_when_it_comes() {
    let redis = Redis::start();
    redis.kill();
    let (store, room) = (store_at(&redis), rid("room"));
    assert!(matches!(join(&store, &room, "ann").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.expire().await, Err(StoreError::Unavailable(_))));
    let member = Member { rid: room.clone(), uid: uid("ann"), owner: owner(1) };
    assert!(matches!(store.keep_alive(&[member]).await, Err(StoreError::Unavailable(_))));
    assert!(!store.healthy());
    redis.start_again();
    eventually(|| join(&store, &room, "ann")).await;
    assert!(store.healthy());
}

/// So many calls that not all of them are taken.
const FLOOD: usize = 10_000;

#[tokio::test]
async fn a_stopped_redis_keeps_nobody_waiting_and_does_nothing_late() {
    let redis = Redis::start();
    let (store, room) = (Arc::new(store_at(&redis)), rid("room"));
    let RoomState { users, .. } = join(&*store, &room, "ann").await.unwrap().state;
    let run = NodeRun { role: Role::Signal, id: node("s1"), started: 1 };
    let expiry = Expiry(Some(store.beat(&run).await.unwrap() + 500));
    redis.pause();
    let asked = Instant::now();
    let calls = (0..FLOOD).map(|n| {
        let (store, room) = (Arc::clone(&store), room.clone());
        tokio::spawn(async move {
            store.join(&room, &uid(&format!("late {n}")), &owner(1), Takeover::Replace, expiry).await
        })
    });
    let mut refused = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Err(StoreError::Unavailable(why)) => refused += usize::from(why.contains("too many")),
            other => panic!("{other:?}"),
        }
    }
    assert!(asked.elapsed() < LONGEST_CALL, "calls took {:?}", asked.elapsed());
    assert!(refused > 0 && refused < FLOOD);
    // The stopped Redis takes connections but nothing that is sent over them.
    assert!(join(&*store, &room, "late").await.is_err());
    assert!(!store.healthy());
    while asked.elapsed() < Duration::from_millis(600) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    redis.resume();
    // Redis has read what was left in its sockets when it has closed those that nobody holds any more.
    until("the old connections are gone", Duration::from_secs(20), || {
        redis.cli(&["CLIENT", "LIST"]).lines().filter(|line| line.contains("id=")).count() <= 1
    });
    let state = eventually(|| store.snapshot(&room)).await;
    assert_eq!(state.users, users, "none of the late joins was made");
}
