use super::*;
use crate::{
    access::Rights,
    session::{Next, Outbox},
};
use cluster::events::MemoryEvents;
use futures_util::FutureExt;
use model::{MediaInfo, NodeId, Owner, RoomId, Stream, User};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

fn node(name: &str) -> NodeId {
    NodeId::parse(name).unwrap()
}

fn mid(name: &str) -> StreamId {
    StreamId::parse(name).unwrap()
}

fn user(name: &str, signal: &str, connection: u64) -> User {
    let owner = Owner { signal: node(signal), connection };
    User { uid: UserId::parse(name).unwrap(), owner, since: 1 }
}

/// Ann is here and ben is elsewhere, and both publish.
fn state() -> RoomState {
    let info = MediaInfo::parse(r#"{"audio":true,"video":false,"audiotype":0,"videotype":0}"#).unwrap();
    let stream = |name: &str, id: &str| Stream {
        mid: mid(id),
        uid: UserId::parse(name).unwrap(),
        sfu: node("sfu-1"),
        info: info.clone(),
    };
    RoomState {
        version: 9,
        users: vec![user("ann", "here", 1), user("ben", "elsewhere", 2)],
        streams: vec![stream("ann", "ann#1"), stream("ben", "ben#1")],
    }
}

fn session(name: &str, connection: u64) -> Arc<Session> {
    let User { uid, owner, .. } = user(name, "here", connection);
    let outbox = Outbox::new(Arc::default(), 1 << 20);
    Arc::new(Session::new(uid, owner, Rights::all(), CancellationToken::new(), outbox))
}

fn room() -> Arc<Room> {
    Arc::new(Room::new(RoomId::parse("r").unwrap(), node("here")))
}

/// The lists that a connection was told since it was asked last.
fn heard(session: &Session) -> Vec<Value> {
    let mut heard = Vec::new();
    while let Some(Next::Message(text)) = session.outbox.next().now_or_never() {
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["method"], "active-speakers");
        heard.push(message["data"]["speakers"].clone());
    }
    heard
}

fn says(node_name: &str, speakers: &[(&str, i8)]) -> SpeakersOfNode {
    let speakers = speakers.iter().map(|(name, level)| Speaker { mid: mid(name), level: *level }).collect();
    SpeakersOfNode { node: node(node_name), speakers }
}

/// The room, with its task running.
fn running(room: &Arc<Room>) -> MemoryEvents {
    let events = MemoryEvents::default();
    let (task, its) = (Arc::clone(room), events.clone());
    tokio::spawn(async move { run(&task, &its).await });
    events
}

#[tokio::test(start_paused = true)]
async fn who_speaks_here_and_elsewhere_is_told_together() {
    let (room, ann) = (room(), session("ann", 1));
    room.admit(&ann, state(), |_| {});
    running(&room);
    room.speaks(&mid("ann#1"), Some(-30));
    sleep(LOOK).await;
    let own = json!({"uid": "ann", "mid": "ann#1", "level": -30});
    assert_eq!(heard(&ann), [json!([own])]);
    room.others_speak(&says("elsewhere", &[("ben#1", -20)]));
    sleep(LOOK).await;
    assert_eq!(heard(&ann), [json!([{"uid": "ben", "mid": "ben#1", "level": -20}, own])]);
    room.others_speak(&says("elsewhere", &[]));
    room.speaks(&mid("ann#1"), None);
    sleep(LOOK).await;
    assert_eq!(heard(&ann), [json!([])]);
    sleep(LOOK * 10).await;
    assert_eq!(heard(&ann), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn who_is_not_heard_any_more_falls_silent() {
    let (room, ann) = (room(), session("ann", 1));
    room.admit(&ann, state(), |_| {});
    running(&room);
    room.others_speak(&says("elsewhere", &[("ben#1", -20), ("of no stream", -10)]));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(heard(&ann), [json!([{"uid": "ben", "mid": "ben#1", "level": -20}])]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(heard(&ann), [json!([])]);
}

#[tokio::test(start_paused = true)]
async fn the_other_nodes_hear_it_at_once_again_and_again_and_when_it_is_over() {
    let (room, ann) = (room(), session("ann", 1));
    room.admit(&ann, state(), |_| {});
    let events = running(&room);
    let mut elsewhere = events.subscribe(&RoomId::parse("r").unwrap()).await.unwrap();
    let mut said = async || match elsewhere.next().await {
        Some(cluster::Received::Speakers(said)) => said,
        other => panic!("{other:?}"),
    };
    // What others say is not passed on.
    room.others_speak(&says("elsewhere", &[("ben#1", -20)]));
    room.speaks(&mid("ann#1"), Some(-30));
    let began = Instant::now();
    assert_eq!(said().await, says("here", &[("ann#1", -30)]));
    assert!(began.elapsed() <= LOOK);
    room.speaks(&mid("ann#1"), Some(-40));
    assert_eq!(said().await, says("here", &[("ann#1", -40)]));
    assert!(began.elapsed() <= SAY_AGAIN + LOOK);
    room.speaks(&mid("ann#1"), None);
    assert_eq!(said().await, says("here", &[]));
}

#[tokio::test(start_paused = true)]
async fn where_all_are_here_nobody_else_is_told() {
    let (room, ann) = (room(), session("ann", 1));
    let mut alone = state();
    alone.users.retain(|user| user.owner.signal == node("here"));
    room.admit(&ann, alone, |_| {});
    let events = running(&room);
    let mut elsewhere = events.subscribe(&RoomId::parse("r").unwrap()).await.unwrap();
    room.speaks(&mid("ann#1"), Some(-30));
    sleep(LOOK * 20).await;
    assert!(elsewhere.next().now_or_never().is_none());
    assert_eq!(heard(&ann).len(), 2, "that she speaks, and that she does not any more");
}

#[tokio::test(start_paused = true)]
async fn who_comes_into_a_conversation_is_told_who_speaks() {
    let (room, ann, cat) = (room(), session("ann", 1), session("cat", 3));
    room.admit(&ann, state(), |_| {});
    running(&room);
    room.speaks(&mid("ann#1"), Some(-30));
    sleep(LOOK).await;
    room.admit(&cat, state(), |_| {});
    assert_eq!(heard(&cat), [json!([{"uid": "ann", "mid": "ann#1", "level": -30}])]);

    let quiet = self::room();
    quiet.admit(&ann, state(), |_| {});
    assert_eq!(heard(&ann).len(), 1, "in the first room alone");
}
