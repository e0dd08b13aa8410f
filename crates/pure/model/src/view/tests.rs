use super::*;
use crate::{JsonText, MediaInfo, NodeId, RoomId};

fn uid(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn user(text: &str, connection: u64) -> User {
    let owner = Owner { signal: NodeId::parse("signal").unwrap(), connection };
    User { uid: uid(text), owner, since: connection }
}

fn stream(user: &str, id: &str) -> Stream {
    let info = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#;
    Stream {
        mid: StreamId::parse(id).unwrap(),
        uid: uid(user),
        sfu: NodeId::parse("sfu").unwrap(),
        info: MediaInfo::parse(info).unwrap(),
    }
}

fn removed(user: &str, id: &str, by_server: bool) -> Notice {
    Notice::StreamRemove { uid: uid(user), mid: StreamId::parse(id).unwrap(), by_server }
}

fn state(version: u64, users: &[User], streams: &[Stream]) -> RoomState {
    RoomState { version, users: users.to_vec(), streams: streams.to_vec() }
}

fn said(version: u64) -> RoomEvent {
    let data = JsonText::parse(&version.to_string()).unwrap();
    let notices = [Notice::Broadcast { uid: uid("ann"), data }].into();
    RoomEvent { rid: RoomId::parse("room").unwrap(), version, notices, emptied: false }
}

#[test]
fn only_the_next_event_is_let_through() {
    let mut view = RoomView::new(&state(5, &[user("ann", 1)], &[]));
    assert_eq!(view.apply(&said(5)), Applied::Stale);
    assert_eq!(view.apply(&said(7)), Applied::Gap { after: 5 });
    assert_eq!(view.apply(&said(6)), Applied::Deliver(said(6).notices));
    assert_eq!(view.apply(&said(6)), Applied::Stale);
    assert_eq!(view.apply(&said(7)), Applied::Deliver(said(7).notices));
    assert_eq!(view.apply(&said(u64::MAX)), Applied::Gap { after: 7 });
}

#[test]
fn a_reset_tells_what_must_have_happened_in_the_protocols_order() {
    let before = state(
        5,
        &[user("ann", 1), user("bob", 2), user("eve", 3)],
        &[stream("ann", "a1"), stream("bob", "b1"), stream("bob", "b2"), stream("eve", "e1")],
    );
    // Meanwhile Ann left, Bob changed a stream, Eve came through another connection, and Dan is new.
    let after = state(
        50,
        &[user("bob", 2), user("dan", 4), user("eve", 9)],
        &[stream("bob", "b1"), stream("bob", "b3"), stream("eve", "e2"), stream("dan", "d1")],
    );
    let mut view = RoomView::new(&before);
    assert_eq!(
        view.reset(&after),
        [
            removed("ann", "a1", false),
            removed("bob", "b2", true),
            removed("eve", "e1", false),
            Notice::PeerLeave { uid: uid("ann") },
            Notice::PeerLeave { uid: uid("eve") },
            Notice::PeerJoin(user("dan", 4)),
            Notice::PeerJoin(user("eve", 9)),
            Notice::PeerKick { uid: uid("eve"), owner: user("eve", 3).owner },
            Notice::StreamAdd(stream("bob", "b3")),
            Notice::StreamAdd(stream("dan", "d1")),
            Notice::StreamAdd(stream("eve", "e2")),
        ]
    );
    assert_eq!(view.version(), 50);
    assert_eq!(view.reset(&after), [], "not twice");
}

#[test]
fn who_goes_on_through_another_connection_stays_with_all_streams() {
    let moved = User { since: 1, ..user("ann", 9) };
    let before = state(5, &[user("ann", 1)], &[stream("ann", "a1")]);
    let after = state(6, std::slice::from_ref(&moved), &[stream("ann", "a1")]);
    let the_move = Notice::PeerMove { user: moved, from: user("ann", 1).owner };
    assert_eq!(difference(&before, &after), std::slice::from_ref(&the_move));

    let mut view = RoomView::new(&before);
    let event = RoomEvent {
        rid: RoomId::parse("room").unwrap(),
        version: 6,
        notices: [the_move].into(),
        emptied: false,
    };
    assert!(matches!(view.apply(&event), Applied::Deliver(_)));
    assert_eq!(view.state(), after);
    // One who left and came back through the same connection is not the same stay.
    let again = state(9, &[User { since: 8, ..user("ann", 1) }], &[]);
    let told = difference(&before, &again);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1], Notice::PeerLeave { uid: uid("ann") });
}

#[test]
fn an_older_state_changes_nothing() {
    let mut view = RoomView::new(&state(5, &[user("ann", 1)], &[]));
    assert_eq!(view.reset(&state(4, &[], &[])), []);
    assert_eq!(view.users().collect::<Vec<_>>(), [user("ann", 1)]);
}

#[test]
fn a_stream_that_moved_or_whose_publisher_came_back_is_another_stream() {
    let mut moved = stream("ann", "a1");
    moved.sfu = NodeId::parse("sfu-2").unwrap();
    let before = state(1, &[user("ann", 1)], &[stream("ann", "a1")]);
    assert_eq!(
        difference(&before, &state(2, &[user("ann", 1)], &[moved.clone()])),
        [removed("ann", "a1", true), Notice::StreamAdd(moved)]
    );
    let came_back = difference(&before, &state(2, &[user("ann", 2)], &[stream("ann", "a1")]));
    assert_eq!(came_back.first(), Some(&removed("ann", "a1", false)));
    assert_eq!(came_back.last(), Some(&Notice::StreamAdd(stream("ann", "a1"))));
}

#[test]
fn a_stream_without_its_publisher_is_not_believed() {
    let view = RoomView::new(&state(1, &[], &[stream("ann", "a1")]));
    assert_eq!(view.streams().count(), 0);
}
