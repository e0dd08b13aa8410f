//! What a token allows.

use crate::RoomPattern;
use model::{RoomId, UserId};
use std::time::SystemTime;

/// What a valid token allows its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who the bearer is: `sub`.
    pub uid: UserId,
    /// The rooms that the bearer may enter; none where the list is empty.
    pub rooms: Vec<RoomPattern>,
    /// May publish streams.
    pub publish: bool,
    /// May receive streams.
    pub subscribe: bool,
    /// May send messages to everybody in the room.
    pub broadcast: bool,
    /// May record.
    pub record: bool,
    /// May administrate.
    pub admin: bool,
    /// When the token ends: `exp`. It is still accepted for [`CLOCK_SKEW`](crate::CLOCK_SKEW)
    /// longer, so this may already be past.
    pub expires: SystemTime,
}

impl Grant {
    /// True where the bearer may enter this room.
    #[must_use]
    pub fn allows_room(&self, rid: &RoomId) -> bool {
        self.rooms.iter().any(|pattern| pattern.matches(rid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoomPrefix;

    fn rid(text: &str) -> RoomId {
        RoomId::parse(text).unwrap()
    }

    #[test]
    fn one_of_the_patterns_is_enough_and_without_any_no_room_is_allowed() {
        let mut grant = Grant {
            uid: UserId::parse("alice").unwrap(),
            rooms: vec![
                RoomPattern::Room(rid("lobby")),
                RoomPattern::Prefix(RoomPrefix::parse("team-").unwrap()),
            ],
            publish: true,
            subscribe: true,
            broadcast: true,
            record: false,
            admin: false,
            expires: SystemTime::UNIX_EPOCH,
        };
        for (room, allowed) in
            [("lobby", true), ("lobby2", false), ("team-", true), ("team-7", true), ("team", false)]
        {
            assert_eq!(grant.allows_room(&rid(room)), allowed, "{room}");
        }
        grant.rooms.clear();
        assert!(!grant.allows_room(&rid("lobby")));
    }
}
