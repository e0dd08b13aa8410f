//! `prefer` and `restart`: what goes on is changed by whose it is, and by nobody else.

use crate::{
    client::{Client, offer},
    world::World,
};
use model::ErrorCode;
use rpc::proto::Preference;
use serde_json::{Value, json};

#[tokio::test]
async fn a_subscriber_says_what_it_wants_at_once_and_later() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    let wanted = json!({"rid": "h", "maxHeight": 360, "maxBitrate": 500_000, "priority": 200, "else": 1});
    let data = json!({"rid": "r", "mid": mid, "jsep": offer(), "prefer": wanted});
    let answer = bob.ok("subscribe", data).await;
    let sid = answer["sid"].as_str().unwrap();
    let asked = Preference { rid: "h".into(), max_height: 360, max_bitrate: 500_000, priority: Some(200) };
    assert_eq!(world.sfu.wanted(sid).1, asked);

    let prefer = |prefer: Value| json!({"rid": "r", "mid": mid, "sid": sid, "sfuid": "x", "prefer": prefer});
    assert_eq!(bob.ok("prefer", prefer(json!({"maxHeight": 180}))).await, json!({}));
    let replaced = Preference { max_height: 180, priority: Some(100), ..Preference::default() };
    assert_eq!(world.sfu.wanted(sid).1, replaced, "the whole preference is replaced");
    bob.ok("prefer", prefer(json!({}))).await;
    assert_eq!(world.sfu.wanted(sid).1, Preference { priority: Some(100), ..Preference::default() });
}

#[tokio::test]
async fn the_subscriptions_of_a_connection_are_on_one_network_also_after_it_came_back() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    alice.join("s").await;
    let (one, other) = (alice.publish("r").await, alice.publish("s").await);
    bob.join("s").await;
    let sids = [bob.subscribe("r", &one).await, bob.subscribe("s", &other).await];
    let mine = alice.subscribe("r", &one).await;
    let network = |sid: &str| world.sfu.wanted(sid).0;
    assert_ne!(network(&sids[0]), 0);
    assert_eq!(network(&sids[0]), network(&sids[1]));
    assert_ne!(network(&sids[0]), network(&mine));

    let elsewhere = world.another_signal().await;
    let mut new = Client::connect(elsewhere.address(), "bob").await;
    let subs = json!([{"mid": one, "sid": sids[0], "sfuid": "sfu-1"}]);
    new.ok("join", json!({"rid": "r", "resume": {"pubs": [], "subs": subs}})).await;
    let later = new.subscribe("r", &one).await;
    assert_eq!(network(&later), network(&sids[0]));
}

#[tokio::test]
async fn an_own_stream_and_an_own_subscription_get_new_credentials() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    let sid = bob.subscribe("r", &mid).await;
    let answer = |text: &str| json!({"jsep": {"type": "answer", "sdp": text}});
    assert_eq!(
        alice.ok("restart", json!({"rid": "r", "mid": mid, "jsep": offer()})).await,
        answer("the stream's new answer to v=0")
    );
    let data = json!({"rid": "r", "mid": mid, "sid": sid, "jsep": offer(), "sfuid": "sfu-1"});
    assert_eq!(bob.ok("restart", data).await, answer("the subscription's new answer to v=0"));
}

#[tokio::test]
async fn each_missing_or_invalid_member_has_its_code() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    let sid = alice.subscribe("r", &mid).await;
    let other = alice.publish("r").await;
    let cases: &[(&str, Value, u64)] = &[
        ("prefer", json!([]), 19),
        ("prefer", json!({"prefer": {}}), 2),
        ("prefer", json!({"rid": "elsewhere"}), 15),
        ("prefer", json!({"rid": "r", "sid": sid}), 3),
        ("prefer", json!({"rid": "r", "mid": mid}), 4),
        ("prefer", json!({"rid": "r", "mid": mid, "sid": sid}), 19),
        ("prefer", json!({"rid": "r", "mid": mid, "sid": sid, "prefer": null}), 19),
        ("prefer", json!({"rid": "r", "mid": mid, "sid": sid, "prefer": {"priority": 256}}), 19),
        ("prefer", json!({"rid": "r", "mid": mid, "sid": "alice#0", "prefer": {}}), 9),
        ("prefer", json!({"rid": "r", "mid": other, "sid": sid, "prefer": {}}), 9),
        ("subscribe", json!({"rid": "r", "mid": mid, "jsep": offer(), "prefer": []}), 19),
        ("subscribe", json!({"rid": "r", "mid": mid, "jsep": offer(), "prefer": {"maxHeight": "1"}}), 19),
        ("restart", json!("x"), 19),
        ("restart", json!({"jsep": offer()}), 2),
        ("restart", json!({"rid": "elsewhere"}), 15),
        ("restart", json!({"rid": "r", "jsep": offer()}), 3),
        ("restart", json!({"rid": "r", "mid": mid, "sid": 7, "jsep": offer()}), 4),
        ("restart", json!({"rid": "r", "mid": mid}), 5),
        ("restart", json!({"rid": "r", "mid": mid, "jsep": {"type": "offer", "sdp": ""}}), 6),
        ("restart", json!({"rid": "r", "mid": "alice#0", "jsep": offer()}), 8),
        ("restart", json!({"rid": "r", "mid": mid, "sid": "alice#0", "jsep": offer()}), 9),
    ];
    for (method, data, code) in cases {
        assert_eq!(alice.error(method, data.clone()).await, *code, "{method} {data}");
    }
    bob.heard_methods(2).await;
    // What is somebody else's.
    let prefer = json!({"rid": "r", "mid": mid, "sid": sid, "prefer": {}});
    assert_eq!(bob.error("prefer", prefer).await, 9);
    assert_eq!(bob.error("restart", json!({"rid": "r", "mid": mid, "jsep": offer()})).await, 16);
    assert_eq!(bob.error("restart", json!({"rid": "r", "mid": mid, "sid": sid, "jsep": offer()})).await, 9);
}

#[tokio::test]
async fn what_the_sfu_says_is_handed_on() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    let sid = alice.subscribe("r", &mid).await;
    let restart = json!({"rid": "r", "mid": mid, "jsep": offer()});
    let prefer = json!({"rid": "r", "mid": mid, "sid": sid, "prefer": {}});
    world.sfu.end(&mid);
    assert_eq!(alice.error("restart", restart.clone()).await, 8);
    assert_eq!(alice.error("prefer", prefer.clone()).await, 9);
    for (refused, code) in [(ErrorCode::Sdp, 6), (ErrorCode::Limit, 17)] {
        world.sfu.refuse(refused);
        assert_eq!(alice.error("restart", restart.clone()).await, code);
    }
    world.sfu.fall_silent();
    assert_eq!(alice.error("restart", restart).await, 12);
    assert_eq!(alice.error("prefer", prefer).await, 12);
}
