//! Nobody hears of anything twice, or never, or out of order, whatever happens to
//! the events and whoever comes and goes.

use crate::{
    client::Client,
    world::{World, eventually},
};
use cluster::{Events, Store};
use model::{NodeId, RoomId, StreamId};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A room as a client believes it to be, from its lists and what it heard since.
#[derive(Debug, Default, PartialEq, Eq)]
struct Belief {
    /// Each user with their streams.
    users: BTreeMap<String, BTreeSet<String>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Belief {
    fn from_lists(lists: &Value) -> Self {
        let mut belief = Self::default();
        for user in lists["users"].as_array().unwrap() {
            belief.hear("peer-join", user);
        }
        for stream in lists["pubs"].as_array().unwrap() {
            belief.hear("stream-add", stream);
        }
        belief
    }

    /// Takes a notification; panics where it cannot follow what was heard before.
    fn hear(&mut self, method: &str, data: &Value) {
        let uid = text(&data["uid"]);
        match method {
            "peer-join" => assert_eq!(self.users.insert(uid, BTreeSet::new()), None, "{data}"),
            "peer-leave" => assert_eq!(self.users.remove(&uid), Some(BTreeSet::new()), "{data}"),
            "stream-add" => assert!(self.users.get_mut(&uid).unwrap().insert(text(&data["mid"])), "{data}"),
            "stream-remove" => {
                assert!(self.users.get_mut(&uid).unwrap().remove(&text(&data["mid"])), "{data}");
            }
            other => panic!("{other} {data}"),
        }
    }

    async fn truth_without(world: &World, rid: &str, uid: &str) -> Self {
        let state = world.truth(rid).await;
        let others = state.users.iter().filter(|user| user.uid.as_str() != uid);
        let mut users: BTreeMap<String, BTreeSet<String>> =
            others.map(|user| (user.uid.to_string(), BTreeSet::new())).collect();
        for stream in &state.streams {
            if let Some(streams) = users.get_mut(stream.uid.as_str()) {
                streams.insert(stream.mid.to_string());
            }
        }
        Self { users }
    }
}

/// Comes, publishes, goes, drops and comes again, then stays.
async fn restless(world: &World, uid: String) -> (Client, Belief) {
    for round in 0..6 {
        let mut client = world.client(&uid).await;
        let mut belief = Belief::from_lists(&client.join("r").await);
        let mid = client.publish("r").await;
        client.publish("r").await;
        client.ok("unpublish", json!({"rid": "r", "mid": mid})).await;
        for (method, data) in client.all_heard("r").await {
            belief.hear(&method, &data);
        }
        match round % 3 {
            0 => {
                client.ok("leave", json!({"rid": "r"})).await;
            }
            1 => drop(client),
            // The next connection takes over from this one.
            _ => std::mem::forget(client),
        }
    }
    let mut client = world.client(&uid).await;
    let belief = Belief::from_lists(&client.join("r").await);
    (client, belief)
}

async fn everybody_ends_with_the_truth(troubled: bool) {
    let world = World::with_timing(|timing| timing.refresh = Duration::from_millis(100)).await;
    if troubled {
        world.events.trouble();
    }
    let mut stayer = world.client("stayer").await;
    let mut belief = Belief::from_lists(&stayer.join("r").await);
    let uids = (0..8).map(|number| format!("user {number}"));
    let mut clients = futures_util::future::join_all(uids.map(|uid| restless(&world, uid))).await;
    eventually("those who dropped are out", || async {
        let state = world.truth("r").await;
        state.users.len() == 9 && state.streams.is_empty()
    })
    .await;

    for (method, data) in stayer.all_heard("r").await {
        belief.hear(&method, &data);
    }
    assert_eq!(belief, Belief::truth_without(&world, "r", "stayer").await);
    for (number, (client, belief)) in clients.iter_mut().enumerate() {
        for (method, data) in client.all_heard("r").await {
            belief.hear(&method, &data);
        }
        assert_eq!(*belief, Belief::truth_without(&world, "r", &format!("user {number}")).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restless_room_is_heard_right() {
    everybody_ends_with_the_truth(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restless_room_is_heard_right_though_events_get_lost() {
    everybody_ends_with_the_truth(true).await;
}

#[tokio::test]
async fn broadcasts_come_once_and_in_order_though_events_get_lost() {
    let world = World::new().await;
    world.events.trouble();
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    for number in 0..100 {
        alice.ok("broadcast", json!({"rid": "r", "data": number})).await;
    }
    let heard: Vec<Value> = bob.all_heard("r").await.iter().map(|(_, data)| data["data"].clone()).collect();
    assert_eq!(heard, (0..100).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lost_last_event_is_noticed() {
    let world = World::with_timing(|timing| timing.refresh = Duration::from_millis(100)).await;
    let mut alice = world.member("alice", "r").await;
    world.events.lose_all(true);
    let _bob = world.member("bob", "r").await;
    assert_eq!(alice.heard().await.0, "peer-join");
}

#[tokio::test]
async fn so_much_was_missed_that_only_the_state_is_left() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    alice.heard().await;
    world.events.lose_all(true);
    let mut carol = world.member("carol", "r").await;
    let mid = carol.publish("r").await;
    // More than the room's log keeps, and less than a connection may say at once.
    let large = "x".repeat(100_000);
    for _ in 0..model::room::limits::MAX_LOG_BYTES / large.len() + 4 {
        carol.notify("broadcast", json!({"rid": "r", "data": large})).await;
    }
    carol.ok("unpublish", json!({"rid": "r", "mid": mid})).await;
    let kept = carol.publish("r").await;
    world.events.lose_all(false);

    let heard = bob.all_heard("r").await;
    let methods: Vec<&str> =
        heard.iter().map(|(method, _)| method.as_str()).filter(|method| *method != "broadcast").collect();
    // What bob fetched on the way may have had the first stream, or not.
    assert_eq!(methods.first(), Some(&"peer-join"));
    assert_eq!(methods.last(), Some(&"stream-add"));
    assert_eq!(heard.last().unwrap().1["mid"], kept);
    let lists = alice.join("r").await;
    assert_eq!(lists["pubs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_connection_of_a_user_takes_over() {
    let world = World::new().await;
    let mut bob = world.member("bob", "r").await;
    let mut old = world.member("alice", "r").await;
    old.join("another").await;
    old.publish("r").await;
    let mut new = world.client("alice").await;
    let lists = new.join("r").await;
    assert_eq!(lists, json!({"users": [{"rid": "r", "uid": "bob", "signalid": "signal-1"}], "pubs": []}));

    let (code, before) = old.closed().await;
    assert_eq!(code, 4000);
    assert_eq!(before.last().unwrap()["method"], "peer-kick");
    assert_eq!(before.last().unwrap()["data"], json!({"rid": "r", "uid": "alice"}));
    let heard = ["peer-join", "stream-add", "stream-remove", "peer-leave", "peer-join"];
    assert_eq!(bob.heard_methods(5).await, heard);
    eventually("the old one's stream ends", || async { world.sfu.streams() == 0 }).await;
    eventually("the old one leaves its other rooms", || async {
        world.truth("another").await.users.is_empty()
    })
    .await;
    new.ok("broadcast", json!({"rid": "r", "data": 1})).await;
    assert_eq!(new.all_heard("r").await, []);
    assert_eq!(world.truth("r").await.users.len(), 2);
}

#[tokio::test]
async fn who_drops_without_a_word_leaves_all_rooms() {
    let world = World::new().await;
    let mut bob = world.member("bob", "r").await;
    let mut alice = world.member("alice", "r").await;
    alice.join("another").await;
    let mid = bob.publish("r").await;
    alice.publish("r").await;
    alice.subscribe("r", &mid).await;
    drop(alice);
    let heard = ["peer-join", "stream-add", "stream-remove", "peer-leave"];
    assert_eq!(bob.heard_methods(4).await, heard);
    eventually("all of it is gone", || async {
        world.truth("another").await.users.is_empty()
            && world.sfu.streams() == 1
            && world.sfu.subscriptions() == 0
            && world.signal.sessions() == 1
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_the_server_ended_is_told_to_its_publisher_too() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "r").await);
    let (mid, other) = (alice.publish("r").await, alice.publish("r").await);
    world.sfu.end(&mid);
    let (rid, sfu) = (RoomId::parse("r").unwrap(), NodeId::parse("sfu-1").unwrap());
    let ended = world.store.stream_ended(&rid, &StreamId::parse(&mid).unwrap(), &sfu).await.unwrap();
    world.events.publish(&ended.unwrap()).await.unwrap();

    let removed = json!({"rid": "r", "uid": "alice", "mid": mid});
    assert_eq!(alice.heard().await.0, "peer-join");
    assert_eq!(alice.heard().await, ("stream-remove".to_owned(), removed.clone()));
    assert_eq!(bob.heard_methods(2).await, ["stream-add", "stream-add"]);
    assert_eq!(bob.heard().await, ("stream-remove".to_owned(), removed));
    assert_eq!(alice.error("unpublish", json!({"rid": "r", "mid": mid})).await, 8);
    alice.ok("unpublish", json!({"rid": "r", "mid": other})).await;
    assert_eq!(alice.all_heard("r").await, []);
}

#[tokio::test]
async fn a_room_that_everybody_left_begins_anew() {
    let world = World::new().await;
    for _ in 0..20 {
        let mut alice = world.member("alice", "r").await;
        let mut bob = world.member("bob", "r").await;
        assert_eq!(alice.heard().await.0, "peer-join");
        alice.ok("leave", json!({"rid": "r"})).await;
        assert_eq!(bob.heard().await.0, "peer-leave");
        bob.ok("leave", json!({"rid": "r"})).await;
    }
    assert!(world.truth("r").await.users.is_empty());
}
