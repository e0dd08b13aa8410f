//! How sessions end, and what the register then knows.

use crate::world::{World, eventually};
use cluster::{Expiry, Store};
use futures_util::{SinkExt, StreamExt};
use model::{NodeId, Owner, RoomId, Takeover, UserId};
use rpc::proto::{KickRequest, ListSessionsRequest, signal_server::Signal as _};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tonic::{Code, Request};

#[tokio::test]
async fn a_node_that_goes_down_takes_leave() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.member("alice", "r").await, world.member("bob", "another").await);
    alice.publish("r").await;
    let address = world.address();
    let began = Instant::now();
    world.signal.shutdown(Duration::from_secs(4)).await;
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(alice.closed().await.0, 1001);
    assert_eq!(bob.closed().await.0, 1001);
    for rid in ["r", "another"] {
        let rid = RoomId::parse(rid).unwrap();
        assert!(world.store.snapshot(&rid).await.unwrap().users.is_empty());
    }
    assert_eq!(world.sfu.streams(), 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_hangs_does_not_hold_up_the_end() {
    let world = World::new().await;
    // It reads nothing, and never closes its side.
    let _alice = world.member("alice", "r").await;
    let began = Instant::now();
    world.signal.shutdown(Duration::from_secs(5)).await;
    assert!(began.elapsed() < Duration::from_millis(4500), "{:?}", began.elapsed());
    assert!(world.store.snapshot(&RoomId::parse("r").unwrap()).await.unwrap().users.is_empty());
}

#[tokio::test]
async fn who_asks_for_nothing_leaves_the_rooms_and_stays_connected() {
    let world = World::with_timing(|timing| timing.idle = Duration::from_millis(1500)).await;
    let mut alice = world.member("alice", "r").await;
    let mut bob = world.member("bob", "r").await;
    bob.publish("r").await;
    assert_eq!(alice.heard_methods(2).await, ["peer-join", "stream-add"]);
    let keeping = async {
        loop {
            alice.ok("keepalive", json!({"rid": "r"})).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if world.truth("r").await.users.len() == 1 {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), keeping).await.expect("bob never left");
    assert_eq!(alice.heard_methods(2).await, ["stream-remove", "peer-leave"]);
    eventually("the SFU ends bob's stream", || async { world.sfu.streams() == 0 }).await;
    assert_eq!(bob.error("keepalive", json!({"rid": "r"})).await, 15);
    bob.join("r").await;
    assert_eq!(alice.heard().await.0, "peer-join");
}

#[tokio::test]
async fn the_register_hears_who_is_still_there() {
    let world = World::with_timing(|timing| timing.refresh = Duration::from_millis(100)).await;
    let mut alice = world.member("alice", "r").await;
    let owner = world.truth("r").await.users[0].owner.clone();
    // The register loses the user without a word.
    world.events.lose_all(true);
    let (rid, uid) = (RoomId::parse("r").unwrap(), UserId::parse("alice").unwrap());
    world.store.leave(&rid, &uid, &owner).await.unwrap();
    assert_eq!(alice.closed().await.0, 1012);
}

#[tokio::test]
async fn a_kick_that_was_lost_on_the_way_is_noticed() {
    let world = World::with_timing(|timing| timing.refresh = Duration::from_millis(100)).await;
    let mut alice = world.member("alice", "r").await;
    world.events.lose_all(true);
    let (rid, uid) = (RoomId::parse("r").unwrap(), UserId::parse("alice").unwrap());
    let elsewhere = Owner { signal: NodeId::parse("signal-2").unwrap(), connection: 1 };
    world.store.join(&rid, &uid, &elsewhere, Takeover::Replace, Expiry::NEVER).await.unwrap();
    let (code, before) = alice.closed().await;
    assert_eq!(code, 4000);
    assert_eq!(before.last().unwrap()["method"], "peer-kick");
    assert_eq!(world.truth("r").await.users[0].owner, elsewhere, "the new one stays");
}

#[tokio::test]
async fn operators_see_sessions_and_can_end_them() {
    let world = World::new().await;
    let mut alice = world.member("alice", "one").await;
    alice.join("two").await;
    let _bob = world.client("bob").await;
    let service = world.signal.service();
    let listed = service.list_sessions(Request::new(ListSessionsRequest {})).await.unwrap().into_inner();
    assert_eq!(listed.total, 2);
    let session = listed.sessions.iter().find(|session| session.uid == "alice").unwrap();
    assert_eq!(session.rids, ["one", "two"]);

    let kick =
        |uid: &str| KickRequest { uid: uid.to_owned(), owner: session.owner.clone(), rid: String::new() };
    let status = service.kick(Request::new(kick("bob"))).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    service.kick(Request::new(kick("alice"))).await.unwrap();
    let (code, before) = alice.closed().await;
    assert_eq!(code, 4000);
    let kicks: Vec<_> =
        before.iter().map(|kick| (kick["method"].as_str(), kick["data"]["rid"].as_str())).collect();
    assert_eq!(kicks, [(Some("peer-kick"), Some("one")), (Some("peer-kick"), Some("two"))]);
    eventually("alice is out of both", || async {
        world.truth("one").await.users.is_empty() && world.truth("two").await.users.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_client_that_closes_gets_its_close_back() {
    let world = World::new().await;
    let mut alice = world.member("alice", "r").await;
    let frame = CloseFrame { code: 1000.into(), reason: "bye".into() };
    alice.socket.send(Message::Close(Some(frame))).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = alice.socket.next().await else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1000);
    eventually("alice is out", || async { world.truth("r").await.users.is_empty() }).await;
}

#[tokio::test]
async fn what_was_under_way_when_a_client_vanished_is_cleared_away() {
    let world = World::new().await;
    for number in 0..20 {
        let mut alice = world.client(&format!("alice {number}")).await;
        alice.send("join", json!({"rid": "r"})).await;
        alice
            .send(
                "publish",
                json!({"rid": "r", "jsep": {"type": "offer", "sdp": "v=0"},
            "minfo": {"audio": true, "video": true, "audiotype": 0, "videotype": 0}}),
            )
            .await;
        drop(alice);
    }
    eventually("nobody and nothing is left", || async {
        world.signal.sessions() == 0 && world.truth("r").await.users.is_empty() && world.sfu.streams() == 0
    })
    .await;
}
