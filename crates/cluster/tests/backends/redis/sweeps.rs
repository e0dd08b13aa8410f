//! What dead nodes left in many rooms, and many callers at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::{Expiry, NodeRun, RedisStore, Role, Store};
use model::{EventsSince, Gone, Notice, RoomEvent, Takeover};
use servers::Redis;

use super::people::{calls_of, data, node, owner, owner_at, rid, store_at, stream_at, uid};

const ROOMS: u64 = 1000;

/// Releases until nothing changes.
async fn release_all(store: &RedisStore, gone: Gone) -> (usize, Vec<RoomEvent>) {
    let (mut rounds, mut all) = (0, Vec::new());
    loop {
        let events = store.release(&gone).await.unwrap();
        if events.is_empty() {
            return (rounds, all);
        }
        rounds += 1;
        all.extend(events);
    }
}

#[tokio::test]
async fn two_sweepers_release_a_thousand_rooms_and_each_change_is_made_once() {
    let redis = Redis::start();
    let (one, other) = (store_at(&redis), store_at(&redis));
    for n in 0..ROOMS {
        let (room, ann, bob) = (rid(&format!("room {n}")), uid("ann"), uid("bob"));
        one.join(&room, &ann, &owner(n), Takeover::Replace, Expiry::NEVER).await.unwrap();
        one.join(&room, &bob, &owner_at("s2", n), Takeover::Replace, Expiry::NEVER).await.unwrap();
        one.add_stream(&room, &owner_at("s2", n), stream_at("f1", &bob, "b1", 0), Expiry::NEVER)
            .await
            .unwrap();
    }
    // Only the first run of the node is gone, which had the connections below 900.
    let gone = Gone::Signal { id: node("s1"), before: 900 };
    let ((rounds, mine), (more, others)) =
        tokio::join!(release_all(&one, gone.clone()), release_all(&other, gone));
    assert!(rounds + more > 1, "others get their turn in between");
    let changed: BTreeSet<_> = mine.iter().chain(&others).map(|event| event.rid.clone()).collect();
    assert_eq!((changed.len(), mine.len() + others.len()), (900, 900));

    let (_, events) = release_all(&one, Gone::Sfu { id: node("f1") }).await;
    assert_eq!(events.len(), 1000);
    let by_server =
        |event: &RoomEvent| matches!(&event.notices[..], [Notice::StreamRemove { by_server: true, .. }]);
    assert!(events.iter().all(by_server));
    let (_, events) = release_all(&one, Gone::Signal { id: node("s2"), before: u64::MAX }).await;
    assert_eq!(events.len(), 1000);

    let (scripts, reads) = (calls_of(&redis, "evalsha"), calls_of(&redis, "zrange"));
    assert_eq!(one.expire().await.unwrap(), []);
    assert_eq!(calls_of(&redis, "evalsha"), scripts, "an idle round runs no script");
    assert_eq!(calls_of(&redis, "zrange") - reads, 256, "and reads a little of each bucket");
}

#[tokio::test]
async fn a_change_is_one_call() {
    let redis = Redis::start();
    let store = store_at(&redis);
    let (room, ann) = (rid("room"), uid("ann"));
    let scripts = || calls_of(&redis, "evalsha") + calls_of(&redis, "eval");
    store.join(&room, &ann, &owner(1), Takeover::Replace, Expiry::NEVER).await.unwrap();
    let before = scripts();
    store.join(&room, &uid("bob"), &owner(2), Takeover::Replace, Expiry::NEVER).await.unwrap();
    assert_eq!(scripts() - before, 1);
    store.add_stream(&room, &owner(1), stream_at("f1", &ann, "a1", 0), Expiry::NEVER).await.unwrap();
    let before = scripts();
    store.add_stream(&room, &owner(1), stream_at("f1", &ann, "a2", 0), Expiry::NEVER).await.unwrap();
    assert_eq!(scripts() - before, 1);
}

#[tokio::test]
async fn many_at_once_make_one_log_without_gaps() {
    let redis = Redis::start();
    let stores = [Arc::new(store_at(&redis)), Arc::new(store_at(&redis))];
    let room = rid("room");
    let first =
        stores[0].join(&room, &uid("first"), &owner(99), Takeover::Replace, Expiry::NEVER).await.unwrap();
    let tasks = (0..8usize).map(|n| {
        let (store, room) = (Arc::clone(&stores[n % 2]), room.clone());
        tokio::spawn(async move {
            let (user, owner) = (uid(&format!("user {n}")), owner(n as u64));
            let joined = store.join(&room, &user, &owner, Takeover::Replace, Expiry::NEVER).await.unwrap();
            let mut events = vec![joined.event.unwrap()];
            for word in 0..60 {
                let said = data(&format!("[{n},{word}]"));
                events.push(store.broadcast(&room, &user, &owner, said).await.unwrap());
            }
            events
        })
    });
    let mut events = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        events.extend(task.await.unwrap());
    }
    events.sort_by_key(|event| event.version);
    assert_eq!(events.len(), 8 * 61);
    let since = stores[1].events_since(&room, first.state.version).await.unwrap();
    assert_eq!(since, EventsSince::Events(events));
}

#[tokio::test]
async fn the_beats_of_each_run_are_known_until_it_is_forgotten() {
    let redis = Redis::start();
    let now_us = Arc::new(AtomicU64::new(5_000_000));
    let clock = Arc::clone(&now_us);
    let store = store_at(&redis).with_clock(Arc::new(move || clock.load(Ordering::Relaxed)));
    let run = |started| NodeRun { role: Role::Signal, id: node("s1.eu-west"), started };
    assert_eq!(store.beat(&run(1)).await.unwrap(), 5000);
    assert_eq!(store.beat(&run(u64::MAX)).await.unwrap(), 5000);
    let before = store.runs().await.unwrap();
    assert_eq!(before.iter().map(|(run, _)| run.clone()).collect::<Vec<_>>(), [run(1), run(u64::MAX)]);
    // The clock stands still, or even goes back.
    now_us.fetch_sub(1_000_000, Ordering::Relaxed);
    store.beat(&run(1)).await.unwrap();
    let after = store.runs().await.unwrap();
    assert!(after[0].1 > before[0].1 && after[1].1 == before[1].1);
    store.forget_run(&run(1), before[0].1).await.unwrap();
    store.forget_run(&run(u64::MAX), before[1].1).await.unwrap();
    assert_eq!(store.runs().await.unwrap(), [after[0].clone()], "it has beaten since");
}
