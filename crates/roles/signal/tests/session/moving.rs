//! Clients that go on elsewhere: through another connection, because theirs died or its node is to end,
//! and at another SFU.

use crate::{
    client::{Client, minfo, open},
    world::{World, eventually},
};
use cluster::{Events, Store};
use model::{NodeId, RoomId, UserId};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite;

/// What a client says that it still has.
fn resume(pubs: &[&str], subs: &[(&str, &str)]) -> Value {
    let pubs: Vec<_> =
        pubs.iter().map(|mid| json!({"mid": mid, "sfuid": "sfu-1", "minfo": minfo()})).collect();
    let subs: Vec<_> =
        subs.iter().map(|(mid, sid)| json!({"mid": mid, "sid": sid, "sfuid": "sfu-1"})).collect();
    json!({"rid": "r", "resume": {"pubs": pubs, "subs": subs}})
}

#[tokio::test]
async fn a_client_goes_on_through_another_node_and_the_room_hears_nothing() {
    let world = World::new().await;
    let elsewhere = world.another_signal().await;
    let mut bob = world.member("bob", "r").await;
    let bobs = bob.publish("r").await;
    let mut old = world.member("alice", "r").await;
    let (mid, sid) = (old.publish("r").await, old.subscribe("r", &bobs).await);
    assert_eq!(bob.heard_methods(2).await, ["peer-join", "stream-add"]);

    let mut new = Client::connect(elsewhere.address(), "alice").await;
    let lists = new.ok("join", resume(&[&mid], &[(&bobs, &sid), (&bobs, "alice#none")])).await;
    assert_eq!(lists["resumed"], json!({"pubs": [mid], "subs": [sid]}));
    assert_eq!((&lists["users"][0]["uid"], &lists["pubs"][0]["mid"]), (&json!("bob"), &json!(bobs)));

    let (code, before) = old.closed().await;
    assert_eq!((code, &before.last().unwrap()["method"]), (4000, &json!("peer-kick")));
    eventually("the older connection is over", || async { world.signal.sessions() == 1 }).await;
    assert_eq!(bob.all_heard("r").await, [], "the room sees nothing of it");
    assert_eq!((world.sfu.streams(), world.sfu.subscriptions()), (2, 1), "media goes on");

    // All of it is the new connection's.
    new.ok("unpublish", json!({"rid": "r", "mid": mid})).await;
    assert_eq!(bob.heard().await.0, "stream-remove");
    drop(new);
    assert_eq!(bob.heard().await.0, "peer-leave");
    eventually("its media ends with it", || async {
        (world.sfu.streams(), world.sfu.subscriptions()) == (1, 0)
    })
    .await;
}

#[tokio::test]
async fn what_a_client_no_longer_has_ends_and_what_the_room_has_lost_comes_back() {
    let world = World::new().await;
    let mut bob = world.member("bob", "r").await;
    let mut old = world.member("alice", "r").await;
    let (kept, given_up) = (old.publish("r").await, old.publish("r").await);
    let dead = old.publish("r").await;
    assert_eq!(bob.heard_methods(4).await, ["peer-join", "stream-add", "stream-add", "stream-add"]);
    // The SFU ends a stream, which the room does not know yet.
    world.sfu.end(&dead);

    let mut new = world.client("alice").await;
    let lists = new.ok("join", resume(&[&kept, &dead], &[])).await;
    assert_eq!(lists["resumed"], json!({"pubs": [kept], "subs": []}));
    assert_eq!(bob.heard_methods(2).await, ["stream-remove", "stream-remove"]);
    eventually("what was given up ends", || async { world.sfu.streams() == 1 }).await;
    assert_ne!(kept, given_up);

    // The register forgets her altogether, and her node does not hear of it.
    old.closed().await;
    let (rid, uid) = (RoomId::parse("r").unwrap(), UserId::parse("alice").unwrap());
    let owner = world.truth("r").await.users[0].owner.clone();
    let left = world.store.leave(&rid, &uid, &owner).await.unwrap();
    world.events.publish(&left.event).await.unwrap();
    assert_eq!(bob.heard_methods(2).await, ["stream-remove", "peer-leave"]);
    let mut newest = world.client("alice").await;
    let lists = newest.ok("join", resume(&[&kept], &[])).await;
    assert_eq!(lists["resumed"]["pubs"], json!([kept]));
    assert_eq!(bob.heard().await.0, "peer-join");
    let (method, data) = bob.heard().await;
    assert_eq!((method.as_str(), &data["mid"], &data["minfo"]), ("stream-add", &json!(kept), &minfo()));
}

#[tokio::test]
async fn a_client_that_is_still_there_keeps_what_it_names() {
    let world = World::new().await;
    let mut bob = world.member("bob", "r").await;
    let bobs = bob.publish("r").await;
    let mut alice = world.member("alice", "r").await;
    let (kept, given_up) = (alice.publish("r").await, alice.publish("r").await);
    let (sid, other) = (alice.subscribe("r", &bobs).await, alice.subscribe("r", &bobs).await);
    assert_eq!(bob.heard_methods(3).await, ["peer-join", "stream-add", "stream-add"]);
    let lists = alice.ok("join", resume(&[&kept], &[(&bobs, &sid)])).await;
    assert_eq!(lists["resumed"], json!({"pubs": [kept], "subs": [sid]}));
    let (method, data) = bob.heard().await;
    assert_eq!((method.as_str(), &data["mid"]), ("stream-remove", &json!(given_up)));
    eventually("what was given up ends", || async {
        (world.sfu.streams(), world.sfu.subscriptions()) == (2, 1)
    })
    .await;
    assert_eq!(alice.error("unsubscribe", json!({"rid": "r", "mid": bobs, "sid": other})).await, 9);
}

#[tokio::test]
async fn nobody_resumes_what_is_another_users() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let mid = alice.publish("r").await;
    let mut eve = world.client("eve").await;
    let lists = eve.ok("join", resume(&[&mid], &[])).await;
    assert_eq!(lists["resumed"], json!({"pubs": [], "subs": []}));
    assert_eq!(world.truth("r").await.streams.len(), 1);
    assert_eq!(eve.error("unpublish", json!({"rid": "r", "mid": mid})).await, 16);
    alice.ok("unpublish", json!({"rid": "r", "mid": mid})).await;
}

#[tokio::test]
async fn rooms_move_one_by_one_and_the_older_connection_lasts_until_the_last() {
    let world = World::new().await;
    let mut old = world.member("alice", "r").await;
    old.join("another").await;
    let mid = old.publish("another").await;
    let mut new = world.client("alice").await;
    new.ok("join", resume(&[], &[])).await;
    assert_eq!(old.heard().await, ("peer-kick".to_owned(), json!({"rid": "r", "uid": "alice"})));
    assert_eq!(old.error("keepalive", json!({"rid": "r"})).await, 15);
    old.ok("keepalive", json!({"rid": "another"})).await;

    let mut data = resume(&[&mid], &[]);
    data["rid"] = json!("another");
    assert_eq!(new.ok("join", data).await["resumed"]["pubs"], json!([mid]));
    assert_eq!(old.closed().await.0, 4000);
    eventually("only the new one is left", || async { world.signal.sessions() == 1 }).await;
    assert_eq!((world.truth("r").await.users.len(), world.truth("another").await.streams.len()), (1, 1));
    assert_eq!(world.sfu.streams(), 1);

    // And back again, over a connection that was moved away from.
    let mut third = world.client("alice").await;
    third.join("r").await;
    assert_eq!(new.closed().await.0, 4000);
}

#[tokio::test]
async fn a_node_that_drains_sends_its_clients_away_and_takes_nobody_new() {
    let world = World::new().await;
    let elsewhere = world.another_signal().await;
    let mut old = world.member("alice", "r").await;
    let mid = old.publish("r").await;
    let address = world.address();
    let drained = async { world.signal.drain(Duration::from_secs(60)).await };
    let moving = async {
        assert_eq!(old.heard().await, ("reconnect".to_owned(), json!({"reason": "drain"})));
        let refused = open(address, "/ws?peer=carol", &[]).await.err();
        let Some(tungstenite::Error::Http(response)) = refused else { panic!("let in: {refused:?}") };
        assert_eq!(response.status(), 503);
        assert_eq!(old.error("join", json!({"rid": "one more"})).await, 20);
        old.ok("keepalive", json!({"rid": "r"})).await;

        let mut new = Client::connect(elsewhere.address(), "alice").await;
        assert_eq!(new.ok("join", resume(&[&mid], &[])).await["resumed"]["pubs"], json!([mid]));
        assert_eq!(old.closed().await.0, 4000);
        new
    };
    let (_, _new) = tokio::join!(drained, moving);
    assert_eq!(world.signal.sessions(), 0);
    assert_eq!((world.truth("r").await.streams.len(), world.sfu.streams()), (1, 1));
}

#[tokio::test]
async fn a_node_waits_for_clients_that_do_not_go_no_longer_than_it_may() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    world.signal.drain(Duration::from_millis(100)).await;
    assert_eq!(alice.heard().await.0, "reconnect");
    assert_eq!(world.signal.sessions(), 1);
}

#[tokio::test]
async fn publishers_hear_that_the_sfu_of_their_stream_drains_and_nobody_else_does() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let mid = alice.publish("r").await;
    assert_eq!(alice.heard().await.0, "peer-join");
    let lease = world.sfu_lease.as_ref().unwrap();
    lease.update(0.5, true);
    let to_move = json!({"rid": "r", "uid": "alice", "mid": mid, "reason": "drain"});
    assert_eq!(alice.heard().await, ("stream-move".to_owned(), to_move));
    lease.update(0.6, true);
    assert_eq!(
        alice.error("publish", json!({"rid": "r", "jsep": crate::client::offer(), "minfo": minfo()})).await,
        10
    );
    assert_eq!(alice.all_heard("r").await, [], "once");
    let heard = bob.all_heard("r").await;
    assert_eq!(heard.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>(), ["stream-add"]);
    assert_eq!(world.truth("r").await.streams[0].sfu, NodeId::parse("sfu-1").unwrap());
}
