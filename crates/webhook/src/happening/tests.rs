use std::cell::Cell;

use model::{JsonText, MediaInfo, NodeId, Owner, Room, Stream, Takeover};
use serde_json::{Value, json};

use super::*;

const MINFO: &str = r#"{ "audio":true,"video":false,"audiotype":0,"videotype":0,"x":"ü\""}"#;

fn owner(connection: u64) -> Owner {
    Owner { signal: NodeId::parse("signal-1").unwrap(), connection }
}

fn uid(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn room() -> Room {
    Room::new(RoomId::parse("tea \"room\"").unwrap(), 41)
}

fn join(room: &mut Room, name: &str, connection: u64) -> RoomEvent {
    room.join(&uid(name), &owner(connection), Takeover::Replace, 0).unwrap().unwrap()
}

fn stream() -> Stream {
    Stream {
        mid: StreamId::parse("ann#1").unwrap(),
        uid: uid("ann"),
        sfu: NodeId::parse("sfu-1").unwrap(),
        info: MediaInfo::parse(MINFO).unwrap(),
    }
}

/// What is told, without the time.
fn told(event: &RoomEvent, users_after: Option<usize>) -> Vec<Value> {
    let ids = Cell::new(0);
    let next_id = || format!("id-{}", ids.replace(ids.get() + 1));
    let read = |happening: &Happening| {
        let mut body: Value = serde_json::from_slice(&happening.body).unwrap();
        assert_eq!((&body["event"], &body["id"]), (&json!(happening.event), &json!(happening.id)));
        let at = body.as_object_mut().unwrap().remove("at").unwrap().as_u64().unwrap();
        // 2020 in milliseconds.
        assert!(at > 1_577_836_800_000);
        body
    };
    happenings(event, users_after, next_id).iter().map(read).collect()
}

fn names(event: &RoomEvent, users_after: usize) -> Vec<String> {
    let told = told(event, Some(users_after));
    told.iter().map(|body| body["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_call_is_told_from_its_beginning_to_its_end() {
    let mut room = room();
    let event = join(&mut room, "ann", 1);
    assert_eq!(
        told(&event, Some(1)),
        [
            json!({"id": "id-0", "event": "room-started", "rid": "tea \"room\"", "version": 42}),
            json!({"id": "id-1", "event": "user-joined", "rid": "tea \"room\"", "version": 42, "uid": "ann"}),
        ]
    );
    assert_eq!(names(&join(&mut room, "ben", 2), 2), ["user-joined"]);

    let minfo: Value = serde_json::from_str(MINFO).unwrap();
    let event = room.add_stream(&owner(1), stream(), 0).unwrap();
    assert_eq!(
        told(&event, Some(2)),
        [
            json!({"id": "id-0", "event": "stream-published", "rid": "tea \"room\"", "version": 44, "uid": "ann",
                "mid": "ann#1", "minfo": minfo})
        ]
    );
    let body = happenings(&event, None, String::new).remove(0).body;
    assert!(str::from_utf8(&body).unwrap().contains(MINFO), "what the publisher said is changed");

    let left = room.leave(&uid("ann"), &owner(1)).unwrap();
    assert_eq!(
        told(&left.event, Some(1)),
        [
            json!({"id": "id-0", "event": "stream-unpublished", "rid": "tea \"room\"", "version": 45, "uid": "ann",
                   "mid": "ann#1"}),
            json!({"id": "id-1", "event": "user-left", "rid": "tea \"room\"", "version": 45, "uid": "ann"}),
        ]
    );
    let left = room.leave(&uid("ben"), &owner(2)).unwrap();
    assert_eq!(names(&left.event, 0), ["user-left", "room-ended"]);
}

#[test]
fn a_user_who_is_replaced_alone_in_a_room_neither_ends_nor_begins_it() {
    let mut room = room();
    join(&mut room, "ann", 1);
    let event = join(&mut room, "ann", 2);
    assert_eq!(names(&event, 1), ["user-left", "user-joined"]);
}

#[test]
fn without_the_number_of_users_beginning_and_end_are_not_told() {
    let mut room = room();
    let event = join(&mut room, "ann", 1);
    assert_eq!(told(&event, None).len(), 1);
    let left = room.leave(&uid("ann"), &owner(1)).unwrap();
    assert_eq!(told(&left.event, None).len(), 1);
}

#[test]
fn a_sweep_that_leaves_nobody_ends_the_room_once() {
    let mut room = room();
    join(&mut room, "ann", 1);
    join(&mut room, "ben", 2);
    let event = room.release(&model::Gone::Signal { id: owner(0).signal, before: u64::MAX }).unwrap();
    assert_eq!(names(&event, 0), ["user-left", "user-left", "room-ended"]);
}

#[test]
fn what_people_say_and_how_they_are_connected_is_not_told() {
    let mut room = room();
    join(&mut room, "ann", 1);
    let data = JsonText::parse(r#"{"hello":1}"#).unwrap();
    let event = room.broadcast(&uid("ann"), &owner(1), data).unwrap();
    assert_eq!(told(&event, Some(1)), [] as [Value; 0]);
    let event = room.join(&uid("ann"), &owner(2), Takeover::Resume, 0).unwrap().unwrap();
    assert_eq!(told(&event, Some(1)), [] as [Value; 0]);
}
