//! Somebody else wrote into this Redis: calls fail or go on, and nothing panics.

use cluster::{Expiry, Member, Store};
use model::{Gone, RoomId};
use servers::Redis;

use super::people::{data, eventually, join, mid, node, owner, rid, store_at, stream_at, uid};

async fn call_everything(store: &dyn Store, room: &RoomId) {
    let (ann, owner) = (uid("ann"), owner(1));
    let member = Member { rid: room.clone(), uid: ann.clone(), owner: owner.clone() };
    drop(join(store, room, "ann").await);
    drop(store.add_stream(room, &owner, stream_at("f1", &ann, "m2", 0), Expiry::NEVER).await);
    drop(store.broadcast(room, &ann, &owner, data("1")).await);
    drop(store.keep_alive(&[member]).await);
    drop(store.hold_streams(&node("f1"), &[(room.clone(), mid("m1"))]).await);
    drop(store.snapshot(room).await);
    drop(store.events_since(room, 5).await);
    drop(store.find_stream(room, &mid("m1")).await);
    drop(store.stream_ended(room, &mid("m1"), &node("f1")).await);
    drop(store.remove_stream(room, &ann, &owner, &mid("m2")).await);
    drop(store.expire().await);
    drop(store.release(&Gone::Sfu { id: node("f1") }).await);
    drop(store.release(&Gone::Signal { id: node("s1"), before: 9 }).await);
    drop(store.leave(room, &ann, &owner).await);
    drop(store.runs().await);
}

async fn fill(store: &dyn Store, room: &RoomId) {
    join(store, room, "ann").await.unwrap();
    join(store, room, "bob").await.unwrap();
    let stream = stream_at("f1", &uid("ann"), "m1", 0);
    store.add_stream(room, &owner(1), stream, Expiry::NEVER).await.unwrap();
}

#[tokio::test]
async fn keys_of_another_type_break_no_more_than_their_room() {
    let redis = Redis::start();
    let (store, room) = (store_at(&redis), rid("room"));
    fill(&store, &room).await;
    let keys: Vec<String> = redis.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    for key in keys.iter().map(String::as_str).chain(["{anabranch:runs}:runs"]) {
        redis.cli(&["FLUSHALL"]);
        fill(&store, &room).await;
        for (command, rest) in [("SET", &["x"][..]), ("LPUSH", &["x"]), ("SADD", &["x"])] {
            redis.cli(&["DEL", key]);
            redis.cli(&[&[command, key], rest].concat());
            call_everything(&store, &room).await;
        }
        assert_eq!(join(&store, &rid("elsewhere"), "ann").await.unwrap().state.users.len(), 1);
    }
}

#[tokio::test]
async fn records_that_no_script_wrote_are_passed_over() {
    let redis = Redis::start();
    let (store, room) = (store_at(&redis), rid("room"));
    fill(&store, &room).await;
    let key = |what: &str| redis.cli(&["KEYS", &format!("*:{what}*")]).trim().to_owned();
    let (users, streams, log, meta) = (key("users"), key("streams"), key("log"), key("meta"));
    let (due, nodes, seen, held) = (key("due"), key("nodes"), key("seen"), key("held"));
    for command in [
        &["HSET", &users, "cid", "rubbish"][..],
        &["HSET", &users, "", ""],
        &["HSET", &streams, "m9", "rubbish", "", "\u{1f}\u{1f}"],
        &["RPUSH", &log, "rubbish"],
        &["ZADD", &due, "0", "", "1", "room\u{1f}x", "2", "nobody's"],
        &[
            "ZADD",
            &nodes,
            "0",
            "f\u{1f}f1\u{1f}",
            "0",
            "s\u{1f}s1\u{1f}00000000000000000001\u{1f}room\u{1f}zoe",
        ],
        // Entries that are not true, or not any more.
        &["ZADD", &nodes, "0", "s\u{1f}s9\u{1f}00000000000000000001\u{1f}room\u{1f}ann"],
        &["ZADD", &nodes, "0", "f\u{1f}f9\u{1f}room\u{1f}m1"],
        &["ZADD", &seen, "0", "nobody"],
        &["ZADD", &held, "0", "nothing"],
    ] {
        redis.cli(command);
    }
    let state = store.snapshot(&room).await.unwrap();
    assert_eq!((state.users.len(), state.streams.len()), (2, 1));
    // The log is not as it was written, so the state is answered.
    assert!(store.events_since(&room, state.version - 1).await.is_ok());
    // The indexes get rid of what is none.
    eventually(|| store.expire()).await;
    let (s9, f9) = (Gone::Signal { id: node("s9"), before: 9 }, Gone::Sfu { id: node("f9") });
    assert_eq!(store.release(&s9).await.unwrap(), []);
    assert_eq!(store.release(&f9).await.unwrap(), []);
    let gone = Gone::Sfu { id: node("f1") };
    eventually(|| store.release(&gone)).await;
    eventually(|| store.release(&gone)).await;
    assert_eq!(redis.cli(&["ZCARD", &due]).trim(), "1");
    redis.cli(&["HSET", &meta, "version", "rubbish", "bytes", "x", "log", ""]);
    call_everything(&store, &room).await;
    assert!(join(&store, &room, "dan").await.is_ok());
}
