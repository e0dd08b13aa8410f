//! Why a room refuses a change: always the fault of who asked, and nothing has changed.

use crate::ErrorCode;

/// Why a room refused a change. Repeats nothing of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user is not there, or another connection speaks for them.
    #[error("this connection does not speak for the user in this room")]
    NotOwner,
    /// The room already has a stream of this id.
    #[error("the room already has a stream with this mid")]
    StreamExists,
    /// The room has no such stream.
    #[error("the room has no stream with this mid")]
    NoSuchStream,
    /// The stream is somebody else's.
    #[error("the stream is another user's")]
    NotYours,
    /// A limit is reached.
    #[error("too many {what}: the limit is {max}")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
}

impl Refusal {
    /// What a client gets to see.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotOwner => ErrorCode::NotJoined,
            Self::StreamExists => ErrorCode::Internal,
            Self::NoSuchStream => ErrorCode::NoSuchStream,
            Self::NotYours => ErrorCode::NotAllowed,
            Self::Full { .. } => ErrorCode::Limit,
        }
    }
}
