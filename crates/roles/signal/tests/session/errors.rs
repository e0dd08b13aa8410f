//! Every error code that a request can get, and that nothing is left behind.

use crate::{
    client::{Client, minfo, offer},
    world::{World, eventually},
};
use cluster::{Expiry, Store};
use model::{ErrorCode, Owner, RoomId, Takeover, UserId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn each_missing_or_invalid_member_has_its_code() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    let answer = json!({"type": "answer", "sdp": "v=0"});
    let cases: &[(&str, Value, u64)] = &[
        ("join", Value::Null, 19),
        ("join", json!([]), 19),
        ("join", json!({}), 2),
        ("join", json!({"rid": ""}), 2),
        ("join", json!({"rid": 7}), 2),
        ("join", json!({"rid": "x".repeat(129)}), 2),
        ("join", json!({"rid": "a\nb"}), 2),
        ("leave", json!({"rid": "elsewhere"}), 15),
        ("keepalive", json!({"rid": "elsewhere"}), 15),
        ("getusers", json!({"rid": "elsewhere"}), 15),
        ("getpubs", json!({}), 2),
        ("broadcast", json!({"rid": "elsewhere"}), 15),
        ("broadcast", json!({"rid": "r"}), 19),
        ("publish", json!({"jsep": 1}), 2),
        ("publish", json!({"rid": "elsewhere", "jsep": 1}), 15),
        ("publish", json!({"rid": "r", "minfo": minfo()}), 5),
        ("publish", json!({"rid": "r", "jsep": answer, "minfo": minfo()}), 5),
        ("publish", json!({"rid": "r", "jsep": {"type": "offer"}, "minfo": minfo()}), 6),
        ("publish", json!({"rid": "r", "jsep": {"type": "offer", "sdp": ""}}), 6),
        ("publish", json!({"rid": "r", "jsep": offer()}), 7),
        ("publish", json!({"rid": "r", "jsep": offer(), "minfo": {"audio": true}}), 7),
        ("unpublish", json!({"rid": "r"}), 3),
        ("unpublish", json!({"rid": "r", "mid": ""}), 3),
        ("unpublish", json!({"rid": "r", "mid": "alice#0"}), 8),
        ("subscribe", json!({"rid": "r", "jsep": 1}), 3),
        ("subscribe", json!({"rid": "r", "mid": mid}), 5),
        ("subscribe", json!({"rid": "r", "mid": mid, "jsep": {"type": "offer", "sdp": 1}}), 6),
        ("subscribe", json!({"rid": "r", "mid": "alice#0", "jsep": offer()}), 8),
        ("unsubscribe", json!({"rid": "r", "sid": "x"}), 3),
        ("unsubscribe", json!({"rid": "r", "mid": mid}), 4),
        ("unsubscribe", json!({"rid": "r", "mid": mid, "sid": "alice#0"}), 9),
        ("unsubscribe", json!({"rid": "r", "mid": "alice#0", "sid": "alice#0"}), 9),
        ("nonsense", json!({"rid": "r"}), 14),
        ("", json!({"rid": "r"}), 14),
    ];
    for (method, data, code) in cases {
        assert_eq!(alice.error(method, data.clone()).await, *code, "{method} {data}");
    }
}

#[tokio::test]
async fn a_reason_repeats_little_of_what_was_sent() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let long = "y".repeat(200_000);
    for (method, data) in [
        (long.as_str(), json!({"rid": "r"})),
        ("join", json!({"rid": long})),
        ("unpublish", json!({"rid": "r", "mid": long})),
        ("publish", json!({"rid": "r", "jsep": {"type": long}})),
        ("publish", json!({"rid": "r", "jsep": offer(), "minfo": long})),
    ] {
        let (_, reason) = alice.ask(method, data).await.unwrap_err();
        assert!(reason.matches('y').count() <= 64 + "anything else".len(), "{reason}");
    }
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_touched() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    let sid = alice.subscribe("r", &mid).await;
    assert_eq!(bob.error("unpublish", json!({"rid": "r", "mid": mid})).await, 16);
    assert_eq!(bob.error("unsubscribe", json!({"rid": "r", "mid": mid, "sid": sid})).await, 16);
    assert_eq!((world.sfu.streams(), world.sfu.subscriptions()), (1, 1));
}

#[tokio::test]
async fn a_subscription_may_be_ended_after_its_stream() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    let sid = bob.subscribe("r", &mid).await;
    alice.ok("unpublish", json!({"rid": "r", "mid": mid})).await;
    let data = json!({"rid": "r", "mid": mid, "sid": sid});
    assert_eq!(bob.ok("unsubscribe", data.clone()).await, json!({}));
    assert_eq!(bob.error("unsubscribe", data).await, 9);
}

#[tokio::test]
async fn a_refused_offer_leaves_nothing_in_the_room() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    for (refused, code) in [(ErrorCode::Sdp, 6), (ErrorCode::Limit, 17)] {
        world.sfu.refuse(refused);
        assert_eq!(alice.error("publish", publish()).await, code);
        assert_eq!(alice.error("subscribe", json!({"rid": "r", "mid": mid, "jsep": offer()})).await, code);
    }
    assert_eq!(world.truth("r").await.streams.len(), 1);
    assert_eq!(world.sfu.subscriptions(), 0);
}

#[tokio::test]
async fn a_stream_too_many_is_taken_back_from_the_sfu() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    for _ in 0..model::room::limits::MAX_STREAMS_PER_USER {
        alice.publish("r").await;
    }
    assert_eq!(alice.error("publish", publish()).await, 17);
    let most = model::room::limits::MAX_STREAMS_PER_USER;
    eventually("the SFU ends the one too many", || async { world.sfu.streams() == most }).await;
    assert_eq!(world.truth("r").await.streams.len(), most);
}

#[tokio::test]
async fn without_an_sfu_one_can_still_meet() {
    let mut world = World::new().await;
    world.sfu_lease = None;
    let mut alice = world.member("alice", "r").await;
    assert_eq!(alice.error("publish", publish()).await, 10);
    alice.ok("broadcast", json!({"rid": "r", "data": 1})).await;
}

#[tokio::test]
async fn an_sfu_that_does_not_answer_is_given_up_in_time() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    world.sfu.fall_silent();
    assert_eq!(within_3_s(&mut alice, "publish", publish()).await, 12);
    let data = json!({"rid": "r", "mid": mid, "jsep": offer()});
    assert_eq!(within_3_s(&mut alice, "subscribe", data).await, 12);
    alice.ok("getusers", json!({"rid": "r"})).await;
}

#[tokio::test]
async fn without_a_register_there_is_a_code_for_that() {
    let mut world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    world.register = None;
    assert_eq!(alice.error("join", json!({"rid": "another"})).await, 11);
    assert_eq!(alice.error("getusers", json!({"rid": "r"})).await, 11);
    assert_eq!(alice.error("publish", publish()).await, 11);
    alice.ok("keepalive", json!({"rid": "r"})).await;
    eventually("the SFU ends what no room knows", || async { world.sfu.streams() == 0 }).await;
}

#[tokio::test]
async fn a_register_that_died_is_given_up_in_time() {
    let mut world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    world.kill_register();
    for (method, data) in [
        ("join", json!({"rid": "another"})),
        ("publish", publish()),
        ("broadcast", json!({"rid": "r", "data": 1})),
        ("leave", json!({"rid": "r"})),
    ] {
        assert_eq!(within_3_s(&mut alice, method, data).await, 13, "{method}");
    }
}

/// The register refuses a connection that no longer speaks for its user.
#[tokio::test]
async fn a_connection_that_was_replaced_unheard_changes_nothing() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    world.events.lose_all(true);
    let (rid, uid) = (RoomId::parse("r").unwrap(), UserId::parse("alice").unwrap());
    let elsewhere = Owner { signal: model::NodeId::parse("signal-2").unwrap(), connection: 1 };
    world.store.join(&rid, &uid, &elsewhere, Takeover::Replace, Expiry::NEVER).await.unwrap();
    assert_eq!(alice.error("broadcast", json!({"rid": "r", "data": 1})).await, 15);
    assert_eq!(alice.error("publish", publish()).await, 15);
}

#[tokio::test]
async fn there_is_a_limit_to_the_rooms_of_a_connection() {
    let world = World::new().await;
    let mut alice = world.client("alice").await;
    for room in 0..100 {
        alice.join(&format!("room {room}")).await;
    }
    assert_eq!(alice.error("join", json!({"rid": "one more"})).await, 17);
    alice.ok("leave", json!({"rid": "room 7"})).await;
    alice.join("one more").await;
}

fn publish() -> Value {
    json!({"rid": "r", "jsep": offer(), "minfo": minfo()})
}

async fn within_3_s(client: &mut Client, method: &str, data: Value) -> u64 {
    let began = Instant::now();
    let code = client.error(method, data).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{method} took {:?}", began.elapsed());
    code
}
