//! The register as its callers see it: a real service over the in-memory store, reached through the
//! in-process channel and over TCP.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Events, Received, Subscription};
use model::{ErrorCode, Notice, RoomEvent, RoomId};
use rpc::channel::{Dialer, InProcess};
use rpc::proto::register_client::RegisterClient;
use rpc::proto::*;
use tokio::net::TcpListener;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};

struct Register {
    client: RegisterClient<Channel>,
    events: MemoryEvents,
}

async fn in_process() -> Register {
    let events = MemoryEvents::default();
    let service =
        register::Register::new(Arc::new(MemoryStore::default()), Arc::new(events.clone())).service();
    let in_process = InProcess::default();
    let incoming = in_process.listen("register").unwrap();
    tokio::spawn(rpc::server::builder().add_service(service).serve_with_incoming(incoming));
    let channel = Dialer::new(in_process).dial("inproc://register").unwrap();
    Register { client: rpc::client::register(channel), events }
}

async fn over_tcp() -> Register {
    let events = MemoryEvents::default();
    let service =
        register::Register::new(Arc::new(MemoryStore::default()), Arc::new(events.clone())).service();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpIncoming::from(listener);
    tokio::spawn(rpc::server::builder().add_service(service).serve_with_incoming(incoming));
    let channel = Dialer::default().dial(&address).unwrap();
    Register { client: rpc::client::register(channel), events }
}

impl Register {
    async fn listen(&self) -> Subscription {
        self.events.subscribe(&RoomId::parse("room").unwrap()).await.unwrap()
    }

    async fn join(&mut self, uid: &str, connection: u64) -> Result<RoomState, Status> {
        let request = JoinRequest {
            rid: "room".into(),
            uid: uid.into(),
            owner: owner(connection),
            ..Default::default()
        };
        Ok(self.client.join(request).await?.into_inner().room.unwrap())
    }

    async fn publish(&mut self, uid: &str, connection: u64, mid: &str) -> Result<u64, Status> {
        let stream = Some(stream(uid, mid));
        let request =
            AddStreamRequest { rid: "room".into(), owner: owner(connection), stream, expires_ms: 0 };
        Ok(self.client.add_stream(request).await?.into_inner().version)
    }

    async fn say(&mut self, uid: &str, connection: u64, json: &str) -> Result<u64, Status> {
        let request = BroadcastRequest {
            rid: "room".into(),
            uid: uid.into(),
            owner: owner(connection),
            data_json: json.into(),
        };
        Ok(self.client.broadcast(request).await?.into_inner().version)
    }
}

fn owner(connection: u64) -> Option<Owner> {
    Some(Owner { signal_id: "signal-1".into(), connection })
}

fn stream(uid: &str, mid: &str) -> Stream {
    Stream {
        mid: mid.into(),
        uid: uid.into(),
        sfu_id: "sfu-1".into(),
        minfo_json: r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#.into(),
    }
}

async fn next(subscription: &mut Subscription) -> RoomEvent {
    match subscription.next().await {
        Some(Received::Event(event)) => event,
        other => panic!("expected an event: {other:?}"),
    }
}

/// What goes wrong is said with a gRPC code, the protocol's code, and words.
fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, error: ErrorCode, words: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), rpc::status::error_code(&status)), (code, Some(error)), "{status}");
    assert!(status.message().contains(words), "{status}");
}

/// Two people meet: every change answers its version, and is published as one event.
async fn two_people_meet(mut register: Register) {
    let mut events = register.listen().await;

    let alone = register.join("ann", 1).await.unwrap();
    assert_eq!(alone.users.len(), 1);
    assert_eq!(next(&mut events).await.version, alone.version);

    assert_eq!(register.publish("ann", 1, "ann#1").await.unwrap(), alone.version + 1);
    assert!(matches!(*next(&mut events).await.notices, [Notice::StreamAdd(_)]));

    let both = register.join("bob", 2).await.unwrap();
    assert_eq!(both.users.iter().map(|user| user.uid.as_str()).collect::<Vec<_>>(), ["ann", "bob"]);
    assert_eq!(both.streams, [stream("ann", "ann#1")]);
    assert_eq!(next(&mut events).await.version, both.version);

    let again = register.join("bob", 2).await.unwrap();
    assert_eq!(again, both, "joining again changes nothing");
    let said = register.say("bob", 2, r#"{ "n": 1.0 }"#).await.unwrap();
    assert_eq!(said, both.version + 1, "and makes no event");
    let Notice::Broadcast { data, .. } = next(&mut events).await.notices[0].clone() else {
        panic!("no broadcast")
    };
    assert_eq!(data.as_str(), r#"{ "n": 1.0 }"#);

    let request = FindStreamRequest { rid: "room".into(), mid: "ann#1".into() };
    let found = register.client.find_stream(request).await.unwrap().into_inner();
    assert_eq!(found.stream, Some(stream("ann", "ann#1")));

    let request = LeaveRequest { rid: "room".into(), uid: "ann".into(), owner: owner(1) };
    let left = register.client.leave(request).await.unwrap().into_inner();
    assert_eq!(left.streams, [stream("ann", "ann#1")]);
    let event = next(&mut events).await;
    assert_eq!(event.version, left.version);
    assert!(matches!(*event.notices, [Notice::StreamRemove { .. }, Notice::PeerLeave { .. }]));

    let request = EventsSinceRequest { rid: "room".into(), after: both.version };
    let since = register.client.events_since(request).await.unwrap().into_inner();
    let Some(events_since_reply::Found::Events(since)) = since.found else { panic!("{since:?}") };
    assert_eq!(since.events.iter().map(|event| event.version).collect::<Vec<_>>(), [said, left.version]);

    let request = GetRoomRequest { rid: "room".into() };
    let room = register.client.get_room(request).await.unwrap().into_inner().room.unwrap();
    assert_eq!((room.version, room.users.len(), room.streams.len()), (left.version, 1, 0));
}

#[tokio::test]
async fn two_people_meet_in_process() {
    two_people_meet(in_process().await).await;
}

#[tokio::test]
async fn two_people_meet_over_tcp() {
    two_people_meet(over_tcp().await).await;
}

#[tokio::test]
async fn a_connection_that_lost_its_user_is_fenced_off() {
    let mut register = in_process().await;
    register.join("ann", 1).await.unwrap();
    let mut events = register.listen().await;
    register.join("ann", 2).await.unwrap();
    let takeover = next(&mut events).await;
    let [.., Notice::PeerJoin(_), Notice::PeerKick { owner: kicked, .. }] = &*takeover.notices else {
        panic!("{takeover:?}")
    };
    assert_eq!(kicked.connection, 1);
    let late = register.publish("ann", 1, "ann#1").await;
    assert_refused(late, Code::FailedPrecondition, ErrorCode::NotJoined, "does not speak for the user");

    let entry = |connection| keep_alive_request::Entry {
        rid: "room".into(),
        uid: "ann".into(),
        owner: owner(connection),
    };
    let request = KeepAliveRequest { entries: vec![entry(1), entry(2)] };
    let kept = register.client.keep_alive(request).await.unwrap().into_inner().entries;
    assert_eq!(kept.iter().map(|kept| kept.held).collect::<Vec<_>>(), [false, true]);
    assert!(kept.iter().all(|kept| kept.version == takeover.version));
}

#[tokio::test]
async fn an_sfu_reports_what_it_holds_and_what_ended() {
    let mut register = in_process().await;
    register.join("ann", 1).await.unwrap();
    register.publish("ann", 1, "ann#1").await.unwrap();
    let mut events = register.listen().await;
    let refer = |mid: &str| StreamRef { rid: "room".into(), mid: mid.into() };
    let request =
        HoldStreamsRequest { sfu_id: "sfu-1".into(), streams: vec![refer("ann#1"), refer("ann#2")] };
    let unknown = register.client.hold_streams(request).await.unwrap().into_inner().unknown;
    assert_eq!(unknown, [refer("ann#2")]);
    let ended = |sfu: &str| StreamEndedRequest {
        rid: "room".into(),
        mid: "ann#1".into(),
        sfu_id: sfu.into(),
        reason: "consent lost".into(),
    };
    register.client.stream_ended(ended("sfu-2")).await.unwrap();
    register.client.stream_ended(ended("sfu-1")).await.unwrap();
    register.client.stream_ended(ended("sfu-1")).await.unwrap();
    assert!(matches!(*next(&mut events).await.notices, [Notice::StreamRemove { by_server: true, .. }]));
    register.say("ann", 1, "1").await.unwrap();
    assert!(matches!(*next(&mut events).await.notices, [Notice::Broadcast { .. }]), "it ended once");
}

#[tokio::test]
async fn streams_are_found_and_removed_by_who_may() {
    let mut register = in_process().await;
    register.join("ann", 1).await.unwrap();
    register.join("bob", 2).await.unwrap();
    register.publish("ann", 1, "ann#1").await.unwrap();
    let again = register.publish("ann", 1, "ann#1").await;
    assert_refused(again, Code::AlreadyExists, ErrorCode::Internal, "already has a stream");
    let remove = |uid: &str, connection, mid: &str| RemoveStreamRequest {
        rid: "room".into(),
        uid: uid.into(),
        owner: owner(connection),
        mid: mid.into(),
    };
    let not_his = register.client.remove_stream(remove("bob", 2, "ann#1")).await;
    assert_refused(not_his, Code::PermissionDenied, ErrorCode::NotAllowed, "another user's");
    let none = register.client.remove_stream(remove("ann", 1, "ann#2")).await;
    assert_refused(none, Code::NotFound, ErrorCode::NoSuchStream, "no stream with this mid");
    let removed = register.client.remove_stream(remove("ann", 1, "ann#1")).await.unwrap().into_inner();
    assert_eq!(removed.stream, Some(stream("ann", "ann#1")));
    let request = FindStreamRequest { rid: "room".into(), mid: "ann#1".into() };
    let none = register.client.find_stream(request).await;
    assert_refused(none, Code::NotFound, ErrorCode::NoSuchStream, "no stream with this mid");
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let mut register = in_process().await;
    let invalid = Code::InvalidArgument;
    let client = &mut register.client;

    let join = |rid: &str, uid: &str, owner| JoinRequest {
        rid: rid.into(),
        uid: uid.into(),
        owner,
        ..JoinRequest::default()
    };
    assert_refused(client.join(join("", "ann", owner(1))).await, invalid, ErrorCode::Rid, "rid is empty");
    let long = "x".repeat(129);
    assert_refused(client.join(join(&long, "ann", owner(1))).await, invalid, ErrorCode::Rid, "129 bytes");
    assert_refused(client.join(join("room", "a\nb", owner(1))).await, invalid, ErrorCode::Uid, "uid has");
    assert_refused(client.join(join("room", "ann", None)).await, invalid, ErrorCode::Internal, "owner");
    let nameless = Some(Owner { signal_id: String::new(), connection: 1 });
    assert_refused(
        client.join(join("room", "ann", nameless)).await,
        invalid,
        ErrorCode::Internal,
        "signal_id",
    );

    let mut add = AddStreamRequest { rid: "room".into(), owner: owner(1), ..Default::default() };
    assert_refused(client.add_stream(add.clone()).await, invalid, ErrorCode::Internal, "stream is missing");
    add.stream = Some(Stream { minfo_json: "{}".into(), ..stream("ann", "ann#1") });
    assert_refused(client.add_stream(add.clone()).await, invalid, ErrorCode::Minfo, "audiotype");
    add.stream = Some(Stream { mid: String::new(), ..stream("ann", "ann#1") });
    assert_refused(client.add_stream(add.clone()).await, invalid, ErrorCode::Mid, "mid is empty");
    add.stream = Some(Stream { sfu_id: "a b".into(), ..stream("ann", "ann#1") });
    assert_refused(client.add_stream(add).await, invalid, ErrorCode::Internal, "sfu_id");

    assert_refused(register.say("ann", 1, "{").await, invalid, ErrorCode::Data, "data_json is not JSON");
    let large = format!("\"{}\"", "x".repeat(256 * 1024));
    assert_refused(register.say("ann", 1, &large).await, invalid, ErrorCode::Data, "at most 262144");

    let entries = vec![keep_alive_request::Entry::default(); 1001];
    let many = register.client.keep_alive(KeepAliveRequest { entries }).await;
    assert_refused(many, invalid, ErrorCode::Limit, "1001 entries, expected at most 1000");
    let streams = vec![StreamRef::default(); 1001];
    let many = register.client.hold_streams(HoldStreamsRequest { sfu_id: "sfu-1".into(), streams }).await;
    assert_refused(many, invalid, ErrorCode::Limit, "1001 entries, expected at most 1000");
}

#[tokio::test]
async fn the_largest_broadcast_and_the_fullest_room_fit_through() {
    let mut register = over_tcp().await;
    register.join("ann", 1).await.unwrap();
    let large = format!("\"{}\"", "x".repeat(256 * 1024 - 2));
    let before = register.say("ann", 1, &large).await.unwrap();
    let request = EventsSinceRequest { rid: "room".into(), after: before - 1 };
    assert!(register.client.events_since(request).await.is_ok());

    let minfo = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0,"x":""}"#;
    let minfo = minfo.replace(r#""""#, &format!("\"{}\"", "x".repeat(4000)));
    let mut refused = None;
    'filling: for n in 0..200 {
        let uid = format!("user {n}");
        register.join(&uid, 1).await.unwrap();
        for m in 0..16 {
            let stream = Stream { minfo_json: minfo.clone(), ..stream(&uid, &format!("{n} {m}")) };
            let request = AddStreamRequest {
                rid: "room".into(),
                owner: owner(1),
                stream: Some(stream),
                ..Default::default()
            };
            if let Err(status) = register.client.add_stream(request).await {
                refused = Some(status);
                break 'filling;
            }
        }
    }
    let refused = refused.expect("there is an end to what a room holds");
    assert_eq!(rpc::status::error_code(&refused), Some(ErrorCode::Limit), "{refused}");
    let request = GetRoomRequest { rid: "room".into() };
    let room = register.client.get_room(request).await.unwrap().into_inner().room.unwrap();
    assert!(room.streams.len() > 700);
}

#[tokio::test]
async fn a_client_goes_on_through_another_connection_and_keeps_its_streams() {
    let mut register = in_process().await;
    let since = register.join("ann", 1).await.unwrap().users[0].since;
    register.publish("ann", 1, "ann#1").await.unwrap();
    let mut events = register.listen().await;
    let request = JoinRequest {
        rid: "room".into(),
        uid: "ann".into(),
        owner: owner(2),
        resume: true,
        ..Default::default()
    };
    let room = register.client.join(request).await.unwrap().into_inner().room.unwrap();
    assert_eq!((room.users[0].since, room.users[0].owner.clone()), (since, owner(2)));
    assert_eq!(room.streams.len(), 1);
    assert!(matches!(&*next(&mut events).await.notices, [Notice::PeerMove { .. }]));
}

#[tokio::test]
async fn a_call_that_was_held_up_on_its_way_changes_nothing() {
    let mut register = in_process().await;
    let run = Some(NodeRun { role: "signal".into(), id: "signal-1".into(), started: 1 });
    let now = register.client.beat(BeatRequest { run }).await.unwrap().into_inner().now_ms;
    let late = JoinRequest {
        rid: "room".into(),
        uid: "ann".into(),
        owner: owner(1),
        expires_ms: now - 1,
        ..Default::default()
    };
    assert_refused(register.client.join(late).await, Code::Aborted, ErrorCode::RegisterSilent, "too late");
    let request = GetRoomRequest { rid: "room".into() };
    assert!(register.client.get_room(request).await.unwrap().into_inner().room.unwrap().users.is_empty());
}

#[tokio::test]
async fn a_node_says_when_it_starts_and_when_it_stops() {
    let mut register = in_process().await;
    register.join("ann", 1).await.unwrap();
    register.publish("ann", 1, "ann#1").await.unwrap();
    let run = |role: &str, id: &str| Some(NodeRun { role: role.into(), id: id.into(), started: 1 });
    let mut events = register.listen().await;

    let started = NodeStartedRequest { run: run("sfu", "sfu-1") };
    register.client.node_started(started).await.unwrap();
    assert!(matches!(&*next(&mut events).await.notices, [Notice::StreamRemove { by_server: true, .. }]));
    let stopped = NodeStoppedRequest { run: run("signal", "signal-1") };
    register.client.node_stopped(stopped).await.unwrap();
    assert!(matches!(&*next(&mut events).await.notices, [Notice::PeerLeave { .. }]));

    let invalid = Code::InvalidArgument;
    let strange = register.client.beat(BeatRequest { run: run("cook", "x") }).await;
    assert_refused(strange, invalid, ErrorCode::Internal, "run.role is not known");
    let nobody = register.client.beat(BeatRequest { run: run("sfu", "") }).await;
    assert_refused(nobody, invalid, ErrorCode::Internal, "run.id");
}
