use super::{Admitted, Room};
use crate::access::Rights;
use crate::session::{Next, Outbox, Session};
use futures_util::FutureExt;
use model::{NodeId, Notice, Owner, RoomEvent, RoomId, RoomState, User, UserId};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn owner(connection: u64) -> Owner {
    Owner { signal: NodeId::parse("s").unwrap(), connection }
}

fn user(name: &str, connection: u64) -> User {
    User { uid: UserId::parse(name).unwrap(), owner: owner(connection), since: connection }
}

fn session(name: &str, connection: u64) -> Arc<Session> {
    let User { uid, owner, .. } = user(name, connection);
    Arc::new(Session::new(
        uid,
        owner,
        Rights::all(),
        CancellationToken::new(),
        Outbox::new(Arc::default(), 1 << 20),
    ))
}

fn state(version: u64, users: &[(&str, u64)]) -> RoomState {
    let users = users.iter().map(|(name, connection)| user(name, *connection)).collect();
    RoomState { version, users, streams: Vec::new() }
}

fn event(version: u64, notices: impl IntoIterator<Item = Notice>) -> RoomEvent {
    RoomEvent {
        rid: RoomId::parse("r").unwrap(),
        version,
        notices: notices.into_iter().collect(),
        emptied: false,
    }
}

fn joins(version: u64, name: &str, connection: u64) -> RoomEvent {
    event(version, [Notice::PeerJoin(user(name, connection))])
}

fn leaves(version: u64, name: &str) -> RoomEvent {
    event(version, [Notice::PeerLeave { uid: UserId::parse(name).unwrap() }])
}

fn room() -> Room {
    Room::new(RoomId::parse("r").unwrap(), NodeId::parse("s").unwrap())
}

/// What a session has been sent: method and uid of each notification.
fn heard(session: &Session) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(next) = session.outbox.next().now_or_never() {
        let Next::Message(text) = next else {
            heard.push("closed".to_owned());
            break;
        };
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        heard.push(format!(
            "{} {}",
            message["method"].as_str().unwrap(),
            message["data"]["uid"].as_str().unwrap()
        ));
    }
    heard
}

#[test]
fn who_joins_ahead_of_the_view_hears_only_what_is_later() {
    let (room, ann, bob) = (room(), session("ann", 1), session("bob", 2));
    assert_eq!(room.admit(&ann, state(10, &[("ann", 1)]), |_| {}), Admitted::Member);
    // bob's join was answered before the events of cat and bob arrived here.
    let joined = state(12, &[("ann", 1), ("bob", 2), ("cat", 3)]);
    assert_eq!(room.admit(&bob, joined.clone(), |answer| assert_eq!(*answer, joined)), Admitted::Member);
    assert!(room.is_behind());
    assert!(room.deliver(&joins(11, "cat", 3)));
    assert!(room.deliver(&joins(12, "bob", 2)));
    assert!(!room.is_behind());
    assert!(room.deliver(&leaves(13, "cat")));
    assert_eq!(heard(&ann), ["peer-join cat", "peer-join bob", "peer-leave cat"]);
    assert_eq!(heard(&bob), ["peer-leave cat"]);
}

#[test]
fn who_joins_behind_the_view_is_answered_with_what_the_view_has() {
    let (room, ann, bob) = (room(), session("ann", 1), session("bob", 2));
    room.admit(&ann, state(10, &[("ann", 1)]), |_| {});
    room.deliver(&joins(11, "bob", 2));
    room.deliver(&joins(12, "cat", 3));
    let admitted = room.admit(&bob, state(11, &[("ann", 1), ("bob", 2)]), |answer| {
        assert_eq!(*answer, state(12, &[("ann", 1), ("bob", 2), ("cat", 3)]));
    });
    assert_eq!(admitted, Admitted::Member);
    room.deliver(&leaves(13, "cat"));
    assert_eq!(heard(&bob), ["peer-leave cat"]);
}

#[test]
fn who_was_replaced_between_join_and_now_is_no_member() {
    let (room, ann, bob) = (room(), session("ann", 1), session("bob", 2));
    room.admit(&ann, state(10, &[("ann", 1)]), |_| {});
    room.deliver(&joins(11, "bob", 2));
    room.deliver(&event(
        12,
        [
            Notice::PeerLeave { uid: bob.uid.clone() },
            Notice::PeerJoin(user("bob", 7)),
            Notice::PeerKick { uid: bob.uid.clone(), owner: owner(2) },
        ],
    ));
    let mut answered = false;
    let admitted = room.admit(&bob, state(11, &[("ann", 1), ("bob", 2)]), |_| answered = true);
    assert_eq!((admitted, answered), (Admitted::Replaced, true));
    room.deliver(&leaves(13, "bob"));
    assert!(heard(&bob).is_empty());
}

#[test]
fn a_jump_to_a_state_tells_each_member_what_is_new_to_it() {
    let (room, ann, bob) = (room(), session("ann", 1), session("bob", 2));
    room.admit(&ann, state(10, &[("ann", 1), ("cat", 3)]), |_| {});
    room.admit(&bob, state(15, &[("ann", 1), ("bob", 2), ("dan", 4)]), |_| {});
    assert!(!room.deliver(&joins(20, "eve", 5)), "a gap");
    // An answer from before bob's join is of use to ann alone.
    room.reset(&state(12, &[("ann", 1), ("cat", 3), ("dan", 4)]));
    assert_eq!((heard(&ann), heard(&bob)), (vec!["peer-join dan".to_owned()], Vec::new()));
    room.reset(&state(20, &[("ann", 1), ("bob", 2), ("eve", 5)]));
    assert_eq!(heard(&ann), ["peer-leave cat", "peer-leave dan", "peer-join bob", "peer-join eve"]);
    assert_eq!(heard(&bob), ["peer-leave dan", "peer-join eve"]);
    assert!(room.deliver(&leaves(21, "eve")));
    assert_eq!(
        (heard(&ann), heard(&bob)),
        (vec!["peer-leave eve".to_owned()], vec!["peer-leave eve".to_owned()])
    );
}

#[test]
fn the_kicked_connection_alone_is_told_and_closed() {
    let (room, old, new, bob) = (room(), session("ann", 1), session("ann", 2), session("bob", 3));
    room.admit(&old, state(10, &[("ann", 1), ("bob", 3)]), |_| {});
    room.admit(&bob, state(10, &[("ann", 1), ("bob", 3)]), |_| {});
    room.admit(&new, state(11, &[("ann", 2), ("bob", 3)]), |_| {});
    room.deliver(&event(
        11,
        [
            Notice::PeerLeave { uid: old.uid.clone() },
            Notice::PeerJoin(user("ann", 2)),
            Notice::PeerKick { uid: old.uid.clone(), owner: owner(1) },
        ],
    ));
    assert_eq!(heard(&old), ["peer-kick ann", "closed"]);
    assert_eq!(heard(&bob), ["peer-leave ann", "peer-join ann"]);
    assert!(heard(&new).is_empty());
}

#[test]
fn a_room_that_was_empty_knows_what_it_let_pass() {
    let (room, ann, bob) = (room(), session("ann", 1), session("bob", 2));
    room.admit(&ann, state(10, &[("ann", 1)]), |_| {});
    room.dismiss(&ann);
    assert_eq!(room.have(), None);
    // Nobody is there to hear it, but bob's join, answered before, comes later.
    assert!(room.deliver(&joins(12, "cat", 3)));
    room.admit(&bob, state(11, &[("bob", 2)]), |_| {});
    assert!(room.is_behind(), "the register will be asked");
    assert_eq!(room.have(), Some(11));
}

#[tokio::test]
async fn who_was_replaced_while_it_asked_is_not_answered_as_if_it_were_in_the_room() {
    let (room, old) = (room(), session("ann", 1));
    room.admit(&old, state(10, &[("ann", 1)]), |_| {});
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    let asking = room.answer_at(&old, 11, deadline, |_| panic!("answered"));
    let moved = async {
        let (user, from) = (user("ann", 2), owner(1));
        room.deliver(&event(11, [Notice::PeerMove { user, from }]));
    };
    let (answer, ()) = tokio::join!(asking, moved);
    assert_eq!(answer.unwrap_err().code, model::ErrorCode::NotJoined);
    assert_eq!(heard(&old), ["peer-kick ann", "closed"]);
}
