use super::limits::{
    MAX_LOG_EVENTS, MAX_STREAMS_PER_USER, MAX_SWEEP_NOTICES, MAX_USERS, STREAM_EXPIRY_MS, USER_EXPIRY_MS,
};
use super::*;
use crate::{Gone, MediaInfo};

const INFO: &str = r#"{"audio":true,"video":true,"audiotype":0,"videotype":0}"#;

fn uid(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn mid(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

fn node(text: &str) -> NodeId {
    NodeId::parse(text).unwrap()
}

fn owner(connection: u64) -> Owner {
    Owner { signal: node("signal-1"), connection }
}

fn stream(user: &str, id: &str) -> Stream {
    Stream { mid: mid(id), uid: uid(user), sfu: node("sfu-1"), info: MediaInfo::parse(INFO).unwrap() }
}

fn room() -> Room {
    Room::new(RoomId::parse("room").unwrap(), 100)
}

/// A room with Ann on connection 1, who publishes "a1" and "a2", and Bob on connection 2.
fn ann_and_bob() -> Room {
    let mut room = room();
    room.join(&uid("ann"), &owner(1), Takeover::Replace, 0).unwrap();
    room.join(&uid("bob"), &owner(2), Takeover::Replace, 0).unwrap();
    room.add_stream(&owner(1), stream("ann", "a1"), 0).unwrap();
    room.add_stream(&owner(1), stream("ann", "a2"), 0).unwrap();
    room
}

fn removed(user: &str, id: &str, by_server: bool) -> Notice {
    Notice::StreamRemove { uid: uid(user), mid: mid(id), by_server }
}

fn left(user: &str) -> Notice {
    Notice::PeerLeave { uid: uid(user) }
}

fn joined(user: &str, owner: Owner, since: u64) -> Notice {
    Notice::PeerJoin(User { uid: uid(user), owner, since })
}

/// What the room says it weighs is what it holds.
fn assert_weighed(room: &Room) {
    let users: usize = room.users().map(|user| user.weight()).sum();
    let streams: usize = room.streams().map(Stream::weight).sum();
    assert_eq!(room.state_bytes, users + streams);
}

#[test]
fn each_change_is_the_next_version_and_one_event() {
    let mut room = room();
    let event = room.join(&uid("ann"), &owner(1), Takeover::Replace, 0).unwrap().unwrap();
    assert_eq!((event.version, room.version()), (101, 101));
    assert_eq!(*event.notices, [joined("ann", owner(1), 101)]);
    let event = room.add_stream(&owner(1), stream("ann", "a1"), 0).unwrap();
    assert_eq!((event.version, room.version()), (102, 102));
    assert_eq!(*event.notices, [Notice::StreamAdd(stream("ann", "a1"))]);
}

#[test]
fn joining_again_changes_nothing_but_counts_as_a_sign_of_life() {
    let mut room = ann_and_bob();
    let before = room.snapshot();
    assert_eq!(room.join(&uid("ann"), &owner(1), Takeover::Replace, USER_EXPIRY_MS - 1), Ok(None));
    assert_eq!(room.snapshot(), before);
    let event = room.expire(USER_EXPIRY_MS).unwrap();
    assert!(event.notices.contains(&left("bob")));
    assert!(!event.notices.contains(&left("ann")));
}

#[test]
fn a_second_connection_takes_over_in_one_step() {
    let mut room = ann_and_bob();
    let event = room.join(&uid("ann"), &owner(7), Takeover::Replace, 5).unwrap().unwrap();
    assert_eq!(
        *event.notices,
        [
            removed("ann", "a1", false),
            removed("ann", "a2", false),
            left("ann"),
            joined("ann", owner(7), 105),
            Notice::PeerKick { uid: uid("ann"), owner: owner(1) },
        ]
    );
    assert_eq!(room.streams().count(), 0);
    assert_weighed(&room);
}

#[test]
fn a_user_goes_on_through_another_connection_and_the_room_sees_nothing() {
    let mut room = ann_and_bob();
    let long = Owner { signal: node("signal-with-a-longer-name"), connection: 7 };
    let event = room.join(&uid("ann"), &long, Takeover::Resume, 5).unwrap().unwrap();
    let user = User { uid: uid("ann"), owner: long.clone(), since: 101 };
    assert_eq!(*event.notices, [Notice::PeerMove { user, from: owner(1) }]);
    assert_eq!(room.streams().count(), 2);
    assert_weighed(&room);
    assert_eq!(room.leave(&uid("ann"), &owner(1)), Err(Refusal::NotOwner));
    assert_eq!(room.join(&uid("ann"), &long, Takeover::Resume, 6), Ok(None));
    assert_eq!(room.leave(&uid("ann"), &long).unwrap().streams.len(), 2);
    assert_weighed(&room);
    let again = room.join(&uid("ann"), &long, Takeover::Resume, 7).unwrap().unwrap();
    assert_eq!(*again.notices, [joined("ann", long, again.version)], "nothing to resume: a join");
}

#[test]
fn the_connection_that_was_kicked_can_do_nothing_more() {
    let mut room = ann_and_bob();
    room.join(&uid("ann"), &owner(7), Takeover::Replace, 5).unwrap();
    room.add_stream(&owner(7), stream("ann", "a3"), 5).unwrap();
    let before = room.snapshot();
    let old = owner(1);
    let data = JsonText::parse("1").unwrap();
    assert_eq!(room.leave(&uid("ann"), &old), Err(Refusal::NotOwner));
    assert_eq!(room.add_stream(&old, stream("ann", "a4"), 6), Err(Refusal::NotOwner));
    assert_eq!(room.remove_stream(&uid("ann"), &old, &mid("a3")), Err(Refusal::NotOwner));
    assert_eq!(room.broadcast(&uid("ann"), &old, data), Err(Refusal::NotOwner));
    assert!(!room.keep_alive(&uid("ann"), &old, 6));
    assert_eq!(room.snapshot(), before);
}

#[test]
fn leaving_takes_the_streams_first() {
    let mut room = ann_and_bob();
    let gone = room.leave(&uid("ann"), &owner(1)).unwrap();
    assert_eq!(*gone.event.notices, [removed("ann", "a1", false), removed("ann", "a2", false), left("ann")]);
    assert_eq!(gone.streams, [stream("ann", "a1"), stream("ann", "a2")]);
    room.leave(&uid("bob"), &owner(2)).unwrap();
    assert!(room.is_empty());
    assert_weighed(&room);
}

#[test]
fn only_the_publisher_removes_a_stream() {
    let mut room = ann_and_bob();
    assert_eq!(room.remove_stream(&uid("bob"), &owner(2), &mid("a1")), Err(Refusal::NotYours));
    assert_eq!(room.remove_stream(&uid("bob"), &owner(2), &mid("b1")), Err(Refusal::NoSuchStream));
    assert_eq!(room.add_stream(&owner(2), stream("bob", "a1"), 0), Err(Refusal::StreamExists));
    let gone = room.remove_stream(&uid("ann"), &owner(1), &mid("a1")).unwrap();
    assert_eq!(*gone.event.notices, [removed("ann", "a1", false)]);
    assert_eq!(gone.stream, stream("ann", "a1"));
    assert_weighed(&room);
}

#[test]
fn only_the_sfu_that_holds_a_stream_ends_it_and_its_publisher_hears_of_it() {
    let mut room = ann_and_bob();
    assert_eq!(room.stream_ended(&mid("a1"), &node("sfu-2")), None);
    assert_eq!(room.stream_ended(&mid("zz"), &node("sfu-1")), None);
    let event = room.stream_ended(&mid("a1"), &node("sfu-1")).unwrap();
    assert_eq!(*event.notices, [removed("ann", "a1", true)]);
}

#[test]
fn a_silent_user_leaves_after_a_minute_and_not_before() {
    let mut room = ann_and_bob();
    assert!(room.keep_alive(&uid("bob"), &owner(2), 10_000));
    assert!(room.hold_stream(&mid("a1"), &node("sfu-1"), 10_000));
    assert_eq!(room.expire(USER_EXPIRY_MS - 1), None);
    let event = room.expire(USER_EXPIRY_MS).unwrap();
    assert_eq!(*event.notices, [removed("ann", "a1", false), removed("ann", "a2", false), left("ann")]);
    assert_eq!(room.expire(USER_EXPIRY_MS + 9_999), None);
    assert_eq!(*room.expire(USER_EXPIRY_MS + 10_000).unwrap().notices, [left("bob")]);
    assert!(room.is_empty());
}

#[test]
fn a_stream_that_its_sfu_no_longer_mentions_goes() {
    let mut room = ann_and_bob();
    let later = STREAM_EXPIRY_MS;
    assert!(room.keep_alive(&uid("ann"), &owner(1), later));
    assert!(room.keep_alive(&uid("bob"), &owner(2), later));
    assert!(room.hold_stream(&mid("a2"), &node("sfu-1"), 1));
    assert!(!room.hold_stream(&mid("a1"), &node("sfu-2"), later), "another SFU cannot hold it");
    assert_eq!(*room.expire(later).unwrap().notices, [removed("ann", "a1", true)]);
    assert_eq!(room.expire(later), None);
}

#[test]
fn a_clock_that_goes_back_takes_nobody_out() {
    let mut room = room();
    room.join(&uid("ann"), &owner(1), Takeover::Replace, 100_000).unwrap();
    assert!(room.keep_alive(&uid("ann"), &owner(1), 1_000));
    assert_eq!(room.expire(1_000), None);
    assert_eq!(room.expire(100_000 + USER_EXPIRY_MS - 1), None);
    assert!(room.expire(100_000 + USER_EXPIRY_MS).is_some());
}

#[test]
fn a_dead_node_leaves_nothing_behind() {
    let mut room = ann_and_bob();
    let other = Owner { signal: node("signal-2"), connection: 1 };
    room.join(&uid("eve"), &other, Takeover::Replace, 0).unwrap();
    let mut elsewhere = stream("eve", "e1");
    elsewhere.sfu = node("sfu-2");
    room.add_stream(&other, elsewhere, 0).unwrap();

    let event = room.release(&Gone::Sfu { id: node("sfu-2") }).unwrap();
    assert_eq!(*event.notices, [removed("eve", "e1", true)]);
    let older_runs = Gone::Signal { id: node("signal-1"), before: 2 };
    assert_eq!(room.release(&older_runs).unwrap().notices.last(), Some(&left("ann")));
    assert_eq!(room.release(&older_runs), None, "Bob's connection is of a later run");
    let all_runs = Gone::Signal { id: node("signal-1"), before: u64::MAX };
    room.release(&all_runs).unwrap();
    assert_eq!(room.users().map(|user| user.uid).collect::<Vec<_>>(), [uid("eve")]);
    assert_eq!(room.release(&all_runs), None);
    assert_eq!(room.release(&Gone::Sfu { id: node("signal-2") }), None, "the roles' names are apart");
    assert_weighed(&room);
}

#[test]
fn a_full_room_refuses_newcomers_and_says_why() {
    let mut room = room();
    for n in 0..MAX_USERS {
        room.join(&uid(&format!("user {n}")), &owner(n as u64), Takeover::Replace, 0).unwrap();
    }
    let full = room.join(&uid("one more"), &owner(9999), Takeover::Replace, 0).unwrap_err();
    assert_eq!(full.to_string(), "too many users in a room: the limit is 2000");
    assert_eq!(full.error_code(), crate::ErrorCode::Limit);
    assert!(room.join(&uid("user 0"), &owner(9999), Takeover::Replace, 0).is_ok(), "taking over adds nobody");
}

#[test]
fn a_user_has_a_limited_number_of_streams() {
    let mut room = ann_and_bob();
    for n in 2..MAX_STREAMS_PER_USER {
        room.add_stream(&owner(1), stream("ann", &format!("more {n}")), 0).unwrap();
    }
    let refused = room.add_stream(&owner(1), stream("ann", "one more"), 0);
    assert!(matches!(refused, Err(Refusal::Full { max: MAX_STREAMS_PER_USER, .. })));
}

#[test]
fn a_rooms_state_always_fits_into_a_reply() {
    let mut room = room();
    let long = format!(
        r#"{{"audio":true,"video":true,"audiotype":0,"videotype":0,"x":"{}"}}"#,
        "x".repeat(MediaInfo::MAX_BYTES - 70)
    );
    let info = MediaInfo::parse(&long).unwrap();
    let mut refused = None;
    'filling: for n in 0..200 {
        room.join(&uid(&format!("user {n}")), &owner(n), Takeover::Replace, 0).unwrap();
        for m in 0..MAX_STREAMS_PER_USER {
            let mut stream = stream(&format!("user {n}"), &format!("{n} {m}"));
            stream.info = info.clone();
            if let Err(refusal) = room.add_stream(&owner(n), stream, 0) {
                refused = Some(refusal);
                break 'filling;
            }
        }
    }
    assert!(matches!(refused, Some(Refusal::Full { max: MAX_STATE_BYTES, .. })));
    assert!(room.state_bytes > MAX_STATE_BYTES - 8192);
    assert_weighed(&room);
}

#[test]
fn a_sweep_of_many_goes_in_steps_of_bounded_size() {
    let mut room = room();
    for n in 0..MAX_USERS {
        room.join(&uid(&format!("user {n}")), &owner(n as u64), Takeover::Replace, 0).unwrap();
    }
    let mut gone = 0;
    while let Some(event) = room.expire(USER_EXPIRY_MS) {
        assert!(event.notices.len() <= MAX_SWEEP_NOTICES + MAX_STREAMS_PER_USER);
        gone += event.notices.len();
    }
    assert_eq!(gone, MAX_USERS);
    assert!(room.is_empty());
}

#[test]
fn the_last_events_are_kept_and_then_there_is_a_snapshot() {
    let mut room = room();
    room.join(&uid("ann"), &owner(1), Takeover::Replace, 0).unwrap();
    for n in 0..MAX_LOG_EVENTS {
        room.broadcast(&uid("ann"), &owner(1), JsonText::parse(&n.to_string()).unwrap()).unwrap();
    }
    let now = room.version();
    let kept = now - MAX_LOG_EVENTS as u64;
    assert_eq!(room.events_since(now), EventsSince::Events(vec![]));
    let EventsSince::Events(events) = room.events_since(kept) else { panic!("still kept") };
    assert!(events.iter().map(|event| event.version).eq(kept + 1..=now));
    assert_eq!(room.events_since(kept - 1), EventsSince::Snapshot(room.snapshot()));
    assert_eq!(room.events_since(now + 1), EventsSince::Snapshot(room.snapshot()));
    assert_eq!(room.events_since(u64::MAX), EventsSince::Snapshot(room.snapshot()));
    room.forget_log();
    assert_eq!(room.events_since(now - 1), EventsSince::Snapshot(room.snapshot()));
    assert_eq!(room.events_since(now), EventsSince::Events(vec![]));
}

#[test]
fn large_events_push_out_more_of_the_older_ones() {
    let mut room = room();
    room.join(&uid("ann"), &owner(1), Takeover::Replace, 0).unwrap();
    let large = JsonText::parse(&format!("\"{}\"", "x".repeat(200_000))).unwrap();
    let fit = (limits::MAX_LOG_BYTES / 200_000) as u64;
    for _ in 0..2 * fit {
        room.broadcast(&uid("ann"), &owner(1), large.clone()).unwrap();
        assert!(room.log_bytes() <= limits::MAX_LOG_BYTES);
    }
    let now = room.version();
    assert!(matches!(room.events_since(now - fit), EventsSince::Events(_)));
    assert!(matches!(room.events_since(now - fit - 1), EventsSince::Snapshot(_)));
}
