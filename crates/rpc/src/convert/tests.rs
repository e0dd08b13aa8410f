use model::{ErrorCode, Notice, Owner, RoomEvent, RoomState, Stream, User};

use super::*;
use crate::proto;

fn owner() -> Owner {
    Owner { signal: node_id("signal-1", "id").unwrap(), connection: u64::MAX }
}

fn user() -> User {
    User { uid: user_id("Ann / * . > # : { } 🦆").unwrap(), owner: owner(), since: u64::MAX }
}

fn stream() -> Stream {
    let info = r#"{"audio":true, "video":false,"audiotype":1,"videotype":2,"more":[1.0]}"#;
    Stream {
        mid: stream_id("ann#1").unwrap(),
        uid: user().uid,
        sfu: node_id("sfu-1", "id").unwrap(),
        info: media_info(info).unwrap(),
    }
}

fn event() -> RoomEvent {
    let notices = [
        Notice::PeerJoin(user()),
        Notice::PeerLeave { uid: user().uid },
        Notice::StreamAdd(stream()),
        Notice::StreamRemove { uid: user().uid, mid: stream().mid, by_server: true },
        Notice::Broadcast { uid: user().uid, data: json(r#"{ "a" : 1.50 }"#).unwrap() },
        Notice::PeerKick { uid: user().uid, owner: owner() },
        Notice::PeerMove { user: user(), from: owner() },
    ];
    RoomEvent { rid: room_id("room").unwrap(), version: 7, notices: notices.into(), emptied: false }
}

#[test]
fn an_event_survives_the_wire_byte_for_byte() {
    assert_eq!(RoomEvent::try_from(proto::RoomEvent::from(&event())), Ok(event()));
}

#[test]
fn a_state_survives_the_wire() {
    let state = RoomState { version: 9, users: vec![user()], streams: vec![stream()] };
    assert_eq!(RoomState::try_from(proto::RoomState::from(&state)), Ok(state));
}

#[test]
fn what_happened_since_survives_the_wire() {
    for since in [
        model::EventsSince::Events(vec![event()]),
        model::EventsSince::Events(vec![]),
        model::EventsSince::Snapshot(RoomState::default()),
    ] {
        assert_eq!(model::EventsSince::try_from(proto::EventsSinceReply::from(&since)), Ok(since));
    }
}

#[test]
fn an_events_weight_is_no_less_than_its_bytes_on_the_wire() {
    use prost::Message as _;
    let event = event();
    assert!(proto::RoomEvent::from(&event).encoded_len() <= event.weight());
}

#[test]
fn an_invalid_field_is_named() {
    let mut invalid = proto::Stream::from(&stream());
    invalid.minfo_json = "{}".into();
    let error = Stream::try_from(invalid).unwrap_err();
    assert_eq!((error.field, error.code), ("minfo_json", ErrorCode::Minfo));

    let mut invalid = proto::User::from(&user());
    invalid.owner = None;
    assert_eq!(User::try_from(invalid).unwrap_err().to_string(), "owner is missing");

    let mut invalid = proto::RoomEvent::from(&event());
    invalid.notices.push(proto::Notice { kind: None });
    assert_eq!(RoomEvent::try_from(invalid).unwrap_err().to_string(), "notice.kind is missing");
}
