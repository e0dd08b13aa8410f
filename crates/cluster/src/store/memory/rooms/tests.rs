use model::{EventsSince, JsonText, NodeId, Owner, Takeover, UserId};

use super::*;

fn rid(n: usize) -> RoomId {
    RoomId::parse(&format!("room {n}")).unwrap()
}

fn ann() -> (UserId, Owner) {
    (UserId::parse("ann").unwrap(), Owner { signal: NodeId::parse("signal").unwrap(), connection: 1 })
}

fn join(rooms: &mut Rooms, n: usize) -> Result<RoomEvent, Refusal> {
    let (uid, owner) = ann();
    rooms
        .change_or_create(&rid(n), 1, |room| room.join(&uid, &owner, Takeover::Replace, 0))?
        .map(Option::unwrap)
}

#[test]
fn there_is_a_limit_to_rooms_and_one_that_empties_makes_place() {
    let mut rooms = Rooms::default();
    for n in 0..MAX_ROOMS {
        join(&mut rooms, n).unwrap();
    }
    assert_eq!(join(&mut rooms, MAX_ROOMS), Err(Refusal::Full { what: "rooms", max: MAX_ROOMS }));
    let (uid, owner) = ann();
    rooms.change(&rid(5), |room| room.leave(&uid, &owner)).unwrap().unwrap();
    join(&mut rooms, MAX_ROOMS).unwrap();
}

#[test]
fn the_events_of_all_rooms_together_stay_within_their_bound() {
    let mut rooms = Rooms::default();
    let (uid, owner) = ann();
    let large = JsonText::parse(&format!("\"{}\"", "x".repeat(250_000))).unwrap();
    let count = MAX_LOG_BYTES / 500_000 + 100;
    for n in 0..count {
        join(&mut rooms, n).unwrap();
        for _ in 0..2 {
            rooms.change(&rid(n), |room| room.broadcast(&uid, &owner, large.clone())).unwrap().unwrap();
        }
        assert!(rooms.log_bytes <= MAX_LOG_BYTES);
    }
    assert_eq!(rooms.log_bytes, rooms.rooms.values().map(Room::log_bytes).sum::<usize>());
    let since = |n: usize| {
        let room = rooms.get(&rid(n)).unwrap();
        room.events_since(room.version() - 1)
    };
    assert!(matches!(since(0), EventsSince::Events(_)));
    assert!(matches!(since(count - 1), EventsSince::Snapshot(_)), "the room that went over it forgot");

    for n in 0..count {
        rooms.change(&rid(n), |room| room.leave(&uid, &owner)).unwrap().unwrap();
    }
    assert_eq!(rooms.log_bytes, 0);
    assert!(rooms.rooms.is_empty());
}
