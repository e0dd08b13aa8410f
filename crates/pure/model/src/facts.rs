//! What can be said about a room: who is in it, what they publish, and what just changed.

use std::fmt;
use std::sync::Arc;

use crate::{JsonText, MediaInfo, NodeId, RoomId, StreamId, UserId};

/// The connection that speaks for a user in a room.
///
/// A change that names another owner than the room's is refused: that fences off a signalling node
/// that was thought dead and came back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The signalling node.
    pub signal: NodeId,
    /// The connection's number on that node, never used again.
    pub connection: u64,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.signal, self.connection)
    }
}

/// A user in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub uid: UserId,
    /// The connection that speaks for them.
    pub owner: Owner,
    /// The version of the join that brought them in. It stays the same where another connection goes on
    /// for them ([`Takeover::Resume`]), so it tells one stay in the room from the next.
    pub since: u64,
}

/// What becomes of a user's stay in a room when another connection joins for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// It ends, streams and all, and a new one begins: the room sees leave and join.
    Replace,
    /// It goes on, streams and all: the room sees nothing. For a client that lost its connection and still
    /// has its media.
    Resume,
}

/// A node, or one run of a node, that is gone for good: what it spoke for or held is to leave the rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// A signalling node, or only its runs whose connections have lower numbers than `before`.
    Signal {
        /// Which node.
        id: NodeId,
        /// The first connection number that is not gone; `u64::MAX`: all are.
        before: u64,
    },
    /// An SFU.
    Sfu {
        /// Which node.
        id: NodeId,
    },
}

/// A published stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The stream's id.
    pub mid: StreamId,
    /// Who publishes it.
    pub uid: UserId,
    /// The SFU node that holds it.
    pub sfu: NodeId,
    /// What its publisher says about it.
    pub info: MediaInfo,
}

/// One fact of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A user came.
    PeerJoin(User),
    /// A user went. Their streams went before, each with its own notice.
    PeerLeave {
        /// Who.
        uid: UserId,
    },
    /// A user, who is in the room, publishes a stream.
    StreamAdd(Stream),
    /// A stream ended.
    StreamRemove {
        /// Whose it was.
        uid: UserId,
        /// Which.
        mid: StreamId,
        /// The server ended it, so its publisher must hear of it too. In a difference
        /// ([`RoomView::reset`](crate::RoomView::reset)) it means only that the publisher is still
        /// there: their session knows whether it ended the stream itself.
        by_server: bool,
    },
    /// A user says something to everybody else.
    Broadcast {
        /// Who.
        uid: UserId,
        /// What.
        data: JsonText,
    },
    /// Another connection speaks for a user from now on, who never left. Nothing that the others in the
    /// room would notice; the older connection is told and closed.
    PeerMove {
        /// The user, with the new owner.
        user: User,
        /// The older one.
        from: Owner,
    },
    /// The named connection no longer speaks for the user: it is told and closed.
    PeerKick {
        /// For whom it spoke.
        uid: UserId,
        /// Which connection.
        owner: Owner,
    },
}

impl Notice {
    /// The user that the fact is about, and who caused it unless the server did.
    #[must_use]
    pub fn uid(&self) -> &UserId {
        match self {
            Self::PeerJoin(user) | Self::PeerMove { user, .. } => &user.uid,
            Self::StreamAdd(stream) => &stream.uid,
            Self::PeerLeave { uid }
            | Self::StreamRemove { uid, .. }
            | Self::Broadcast { uid, .. }
            | Self::PeerKick { uid, .. } => uid,
        }
    }

    /// An upper bound of what it takes in memory and on the wire, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        ENTRY_OVERHEAD
            + match self {
                Self::PeerJoin(user) => user.weight(),
                Self::PeerLeave { uid } => uid.as_str().len(),
                Self::StreamAdd(stream) => stream.weight(),
                Self::StreamRemove { uid, mid, .. } => uid.as_str().len() + mid.as_str().len(),
                Self::Broadcast { uid, data } => uid.as_str().len() + data.as_str().len(),
                Self::PeerMove { user, from } => user.weight() + from.signal.as_str().len(),
                Self::PeerKick { uid, owner } => uid.as_str().len() + owner.signal.as_str().len(),
            }
    }
}

/// What an entry takes beside its texts: at most 4 fields with tag, length and numbers on the wire
/// (24 bytes), about as much for pointers and lengths in memory.
const ENTRY_OVERHEAD: usize = 64;

impl User {
    pub(crate) fn weight(&self) -> usize {
        ENTRY_OVERHEAD + self.uid.as_str().len() + self.owner.signal.as_str().len()
    }
}

impl Stream {
    pub(crate) fn weight(&self) -> usize {
        ENTRY_OVERHEAD
            + self.mid.as_str().len()
            + self.uid.as_str().len()
            + self.sfu.as_str().len()
            + self.info.as_str().len()
    }
}

/// One change of a room: everything that happened in one atomic step, in order. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEvent {
    /// Which room.
    pub rid: RoomId,
    /// The room's version after the change.
    pub version: u64,
    /// What happened, at least one fact.
    pub notices: Arc<[Notice]>,
    /// The last user left with it.
    pub emptied: bool,
}

impl RoomEvent {
    /// An upper bound of what it takes in memory and on the wire, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        ENTRY_OVERHEAD + self.rid.as_str().len() + self.notices.iter().map(Notice::weight).sum::<usize>()
    }
}

/// A room at one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomState {
    /// Which version.
    pub version: u64,
    /// Who is there, by uid.
    pub users: Vec<User>,
    /// What they publish, by mid. Everyone who publishes is among the users.
    pub streams: Vec<Stream>,
}
