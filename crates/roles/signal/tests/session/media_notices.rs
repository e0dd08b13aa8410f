//! What SFUs tell of a client's media reaches that client, and no other.

use crate::{
    client::{Client, minfo},
    world::{World, eventually},
};
use serde_json::{Value, json};

async fn listened_to(world: &World, by: usize) {
    eventually("the SFU is listened to", || async { world.sfu.listeners() == by }).await;
}

fn layers(mid: &str, layers: &[(&str, bool)]) -> (String, Value) {
    let layers: Vec<Value> =
        layers.iter().map(|(rid, wanted)| json!({"rid": rid, "wanted": wanted})).collect();
    ("stream-layers".to_owned(), json!({"rid": "r", "uid": "alice", "mid": mid, "layers": layers}))
}

fn pause(method: &str, mid: &str, sid: &str) -> (String, Value) {
    (method.to_owned(), json!({"rid": "r", "uid": "alice", "mid": mid, "sid": sid}))
}

#[tokio::test]
async fn publishers_hear_of_their_layers_and_subscribers_of_their_pauses() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    assert_eq!(alice.heard().await.0, "peer-join");
    let mid = alice.publish("r").await;
    assert_eq!(bob.heard().await.0, "stream-add");
    let sid = bob.subscribe("r", &mid).await;
    listened_to(&world, 1).await;

    world.sfu.layers(&mid, &[("q", true), ("f", false)]);
    assert_eq!(alice.heard().await, layers(&mid, &[("q", true), ("f", false)]));
    world.sfu.pause(&sid, true);
    assert_eq!(bob.heard().await, pause("stream-paused", &mid, &sid));
    world.sfu.pause(&sid, true);
    world.sfu.pause(&sid, false);
    assert_eq!(bob.heard().await, pause("stream-resumed", &mid, &sid), "and nothing twice");
    world.sfu.layers(&mid, &[("q", true), ("f", true)]);
    assert_eq!(alice.heard().await, layers(&mid, &[("q", true), ("f", true)]));
    assert_eq!((alice.all_heard("r").await, bob.all_heard("r").await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn what_happens_while_nobody_listens_is_told_when_somebody_does_again() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    let sid = alice.subscribe("r", &mid).await;
    listened_to(&world, 1).await;
    world.sfu.pause(&sid, true);
    assert_eq!(alice.heard().await.0, "stream-paused");

    world.sfu.hang_up();
    world.sfu.pause(&sid, false);
    world.sfu.layers(&mid, &[("q", false)]);
    let (one, other) = (alice.heard().await, alice.heard().await);
    let expected = [layers(&mid, &[("q", false)]), pause("stream-resumed", &mid, &sid)];
    assert!(expected.contains(&one) && expected.contains(&other) && one != other, "{one:?} {other:?}");
    // And nothing that it knows already.
    world.sfu.hang_up();
    listened_to(&world, 0).await;
    listened_to(&world, 1).await;
    assert_eq!(alice.all_heard("r").await, []);
}

#[tokio::test]
async fn a_client_that_came_back_through_another_node_hears_what_is_so_and_what_changes() {
    let world = World::new().await;
    let elsewhere = world.another_signal().await;
    let mut old = world.member("alice", "r").await;
    let mid = old.publish("r").await;
    let sid = old.subscribe("r", &mid).await;
    listened_to(&world, 1).await;
    world.sfu.layers(&mid, &[("q", true)]);
    world.sfu.pause(&sid, true);
    assert_eq!((old.heard().await.0, old.heard().await.0), ("stream-layers".into(), "stream-paused".into()));

    // Another client keeps the second node listening, so that the notices come before the join has ended.
    let mut bob = Client::connect(elsewhere.address(), "bob").await;
    bob.join("s").await;
    bob.publish("s").await;
    listened_to(&world, 2).await;

    let mut new = Client::connect(elsewhere.address(), "alice").await;
    let pubs = json!([{"mid": mid, "sfuid": "sfu-1", "minfo": minfo()}]);
    let subs = json!([{"mid": mid, "sid": sid, "sfuid": "sfu-1"}]);
    new.ok("join", json!({"rid": "r", "resume": {"pubs": pubs, "subs": subs}})).await;
    assert_eq!(new.heard().await, layers(&mid, &[("q", true)]));
    assert_eq!(new.heard().await, pause("stream-paused", &mid, &sid));
    world.sfu.pause(&sid, false);
    assert_eq!(new.heard().await, pause("stream-resumed", &mid, &sid));
    assert_eq!(old.closed().await.1.len(), 1, "the older one hears only that it is kicked");
}

/// It may believe anything that the older connection was told, or was to be.
#[tokio::test]
async fn a_client_that_came_back_hears_that_its_video_goes_on_where_that_was_while_it_was_away() {
    for through_another in [false, true] {
        let world = World::new().await;
        let elsewhere = world.another_signal().await;
        let mut old = world.member("alice", "r").await;
        let mid = old.publish("r").await;
        let (sid, flowing) = (old.subscribe("r", &mid).await, old.subscribe("r", &mid).await);
        listened_to(&world, 1).await;
        world.sfu.pause(&sid, true);
        assert_eq!(old.heard().await, pause("stream-paused", &mid, &sid));

        // The older connection is told, but stands for one that is dead without knowing it: its client reads nothing more.
        world.sfu.pause(&sid, false);
        assert_eq!(old.heard().await.0, "stream-resumed");
        let address = if through_another { elsewhere.address() } else { world.address() };
        let mut new = Client::connect(address, "alice").await;
        let pubs = json!([{"mid": mid, "sfuid": "sfu-1", "minfo": minfo()}]);
        let sub = |sid: &str| json!({"mid": mid, "sid": sid, "sfuid": "sfu-1"});
        let subs = json!([sub(&sid), sub(&flowing)]);
        new.ok("join", json!({"rid": "r", "resume": {"pubs": pubs, "subs": subs}})).await;
        assert_eq!(new.heard().await, pause("stream-resumed", &mid, &sid));
        world.sfu.pause(&sid, false);
        world.sfu.pause(&flowing, true);
        assert_eq!(new.heard().await, pause("stream-paused", &mid, &flowing), "and nothing twice");
        assert_eq!(new.all_heard("r").await, []);
    }
}

#[tokio::test]
async fn nobody_hears_of_what_they_do_not_have() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    assert_eq!(bob.heard().await.0, "stream-add");
    let sid = bob.subscribe("r", &mid).await;
    listened_to(&world, 1).await;
    bob.ok("leave", json!({"rid": "r"})).await;
    bob.join("r").await;
    world.sfu.pause(&sid, true);
    alice.heard_methods(3).await;
    world.sfu.layers(&mid, &[("q", true)]);
    assert_eq!(alice.heard().await.0, "stream-layers", "the SFU has told of both by now");
    assert_eq!(bob.all_heard("r").await, []);
}
