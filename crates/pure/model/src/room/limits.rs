//! How large a room may get. What exceeds a limit is refused with [`Refusal::Full`] and changes
//! nothing.

use super::Refusal;

/// What an operator may lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Users in one room, 1 to [`MAX_USERS`].
    pub users: usize,
    /// Streams that one user publishes in one room, 1 to [`MAX_STREAMS_PER_USER`].
    pub streams_per_user: usize,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self { users: MAX_USERS, streams_per_user: MAX_STREAMS_PER_USER }
    }
}

/// Users in one room. Every one of them hears of every join, so a full room costs 4 million
/// notifications to fill.
pub const MAX_USERS: usize = 2000;

/// Streams that one user publishes in one room: camera and screen, several times over.
pub const MAX_STREAMS_PER_USER: usize = 16;

/// What the users and streams of one room weigh. The state must fit into one reply of 4 MiB.
pub const MAX_STATE_BYTES: usize = 3 * 1024 * 1024;

/// Events that a room keeps for those who missed some. Beyond them a snapshot is the answer, which
/// has no broadcasts: twenty users who say fifty things at once should all be heard.
pub const MAX_LOG_EVENTS: usize = 1024;

/// What the kept events weigh. They must fit into one reply of 4 MiB. Beyond them a snapshot is the
/// answer.
pub const MAX_LOG_BYTES: usize = 2 * 1024 * 1024;

/// After this many facts one step of expiry ends, and the next one goes on. A fact weighs up to
/// 512 bytes, and an event should stay well below 1 MiB, the usual limit of a message bus.
pub const MAX_SWEEP_NOTICES: usize = 512;

/// A user that nobody has heard of for this long leaves.
pub const USER_EXPIRY_MS: u64 = 60_000;

/// A stream that its SFU has not mentioned for this long is removed.
pub const STREAM_EXPIRY_MS: u64 = 60_000;

/// Refuses where there are already as many as there may be.
pub(super) fn room_for(what: &'static str, have: usize, max: usize) -> Result<(), Refusal> {
    if have < max { Ok(()) } else { Err(Refusal::Full { what, max }) }
}
