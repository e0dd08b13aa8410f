//! A Redis Cluster: rooms on all nodes, a node that dies, a slot that moves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster::{Member, RedisConfig, RedisStore, Store};
use model::room::limits::USER_EXPIRY_MS;
use model::{Gone, RoomId};
use servers::RedisCluster;

use super::people::{LONGEST_CALL, config, data, eventually, join, node, owner, rid, uid};

const ROOMS: usize = 60;

fn rooms() -> impl Iterator<Item = RoomId> {
    (0..ROOMS).map(|n| rid(&format!("room {n}")))
}

fn store_of(cluster: &RedisCluster) -> RedisStore {
    // Only one of them: the others are found.
    let addrs = config(vec![cluster.urls().swap_remove(1)]);
    RedisStore::connect(&RedisConfig { cluster: true, ..addrs }).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_live_on_all_nodes_of_a_cluster() {
    let cluster = tokio::task::spawn_blocking(RedisCluster::start).await.unwrap();
    let now_us = Arc::new(AtomicU64::new(1_700_000_000_000_000));
    let clock = Arc::clone(&now_us);
    let store = store_of(&cluster).with_clock(Arc::new(move || clock.load(Ordering::Relaxed)));
    for room in rooms() {
        join(&store, &room, "ann").await.unwrap();
        join(&store, &room, "bob").await.unwrap();
    }
    for n in 0..3 {
        let keys = cluster.node(n).cli(&["KEYS", "*:meta:*"]);
        assert!(keys.lines().count() > 5, "node {n} has rooms: {keys}");
    }
    let members: Vec<Member> =
        rooms().map(|room| Member { rid: room, uid: uid("bob"), owner: owner(1) }).collect();
    now_us.fetch_add((USER_EXPIRY_MS - 1) * 1000, Ordering::Relaxed);
    let kept = store.keep_alive(&members).await.unwrap();
    assert!(kept.iter().all(|kept| kept.held && kept.version > 1_700_000_000_000_000));
    assert_eq!(store.expire().await.unwrap(), []);
    now_us.fetch_add(1000, Ordering::Relaxed);
    let mut expired = BTreeSet::new();
    loop {
        let events = store.expire().await.unwrap();
        if events.is_empty() {
            break;
        }
        expired.extend(events.into_iter().map(|event| event.rid));
    }
    assert_eq!(expired.len(), ROOMS);
    let gone = Gone::Signal { id: node("s1"), before: u64::MAX };
    let mut released = 0;
    loop {
        let events = store.release(&gone).await.unwrap();
        if events.is_empty() {
            break;
        }
        released += events.len();
    }
    assert_eq!(released, ROOMS);

    a_node_dies_and_comes_back(&cluster, &store).await;
    a_slot_moves(&cluster, &store).await;
}

async fn a_node_dies_and_comes_back(cluster: &RedisCluster, store: &RedisStore) {
    for room in rooms() {
        join(store, &room, "ann").await.unwrap();
    }
    // One that only stands still keeps nobody waiting who does not need it, nor those who do for long.
    cluster.node(2).pause();
    let mut waited = 0;
    for room in rooms() {
        let asked = Instant::now();
        let answer = store.broadcast(&room, &uid("ann"), &owner(1), data("1")).await;
        assert!(asked.elapsed() < LONGEST_CALL);
        assert!(answer.is_err() || asked.elapsed() < Duration::from_millis(500));
        waited += usize::from(answer.is_err());
        if asked.elapsed() > Duration::from_millis(500) {
            break;
        }
    }
    assert!(waited > 0);
    cluster.node(2).resume();
    for room in rooms() {
        eventually(|| store.snapshot(&room)).await;
    }
    cluster.kill(2);
    let mut answered = BTreeSet::new();
    for room in rooms() {
        if join(store, &room, "bob").await.is_ok() {
            answered.insert(room);
        }
    }
    assert!(!answered.is_empty() && answered.len() < ROOMS, "the others go on: {}", answered.len());
    let members: Vec<Member> =
        rooms().map(|room| Member { rid: room, uid: uid("ann"), owner: owner(1) }).collect();
    if let Ok(kept) = store.keep_alive(&members).await {
        assert!(kept.iter().all(|kept| kept.held), "nobody is thought gone because a node is");
    }
    let dead = cluster.node(2);
    tokio::task::block_in_place(|| {
        dead.start_again();
        cluster.wait_until_ready();
    });
    for room in rooms() {
        let state = eventually(|| join(store, &room, "cid")).await.state;
        assert_eq!(state.users.len(), if answered.contains(&room) { 3 } else { 2 });
    }
    eventually(|| store.expire()).await;
}

/// While a slot moves, no change of its rooms is possible; then they are at the new node, as they were.
async fn a_slot_moves(cluster: &RedisCluster, store: &RedisStore) {
    let room = rid("moving");
    join(store, &room, "ann").await.unwrap();
    let key_at = |n: usize| cluster.node(n).cli(&["KEYS", "*:meta:moving"]).trim().to_owned();
    let from = (0..3).find(|n| !key_at(*n).is_empty()).unwrap();
    let slot = cluster.node(from).cli(&["CLUSTER", "KEYSLOT", &key_at(from)]).trim().to_owned();
    let to = (from + 1) % 3;
    let id = |n: usize| cluster.node(n).cli(&["CLUSTER", "MYID"]).trim().to_owned();
    cluster.node(to).cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    cluster.node(from).cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    let keys = cluster.node(from).cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
    let move_key = |key: &str| {
        let port = cluster.node(to).port().to_string();
        cluster.node(from).cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
    };
    let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
    let (half, rest) = keys.split_at(keys.len() / 2);
    half.iter().for_each(|key| move_key(key));
    let finish = || {
        rest.iter().for_each(|key| move_key(key));
        for n in [to, from] {
            cluster.node(n).cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
        }
    };
    let (joined, ()) = tokio::join!(eventually(|| join(store, &room, "bob")), async {
        tokio::task::yield_now().await;
        tokio::task::block_in_place(finish);
    });
    assert_eq!(joined.state.users.len(), 2);
    assert!(!key_at(to).is_empty() && key_at(from).is_empty());
    let said = store.broadcast(&room, &uid("ann"), &owner(1), data("1")).await;
    assert!(said.is_ok(), "{said:?}");
}
