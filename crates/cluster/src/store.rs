//! The truth about all rooms.
//!
//! Each changing method is one atomic step on one room: the change, its version and its event in
//! the room's log come about together or not at all. Whoever calls then publishes the event.
//! A backend is the judge of time, too: it uses one clock for all callers.
//!
//! A room that nobody is in is empty to readers, whether the store remembers it or not. The
//! versions of a room never go back, also when it is forgotten and comes again; a reader that is
//! behind such a jump is answered with a snapshot.

mod memory;
mod redis;

use async_trait::async_trait;
use model::{
    EventsSince, Gone, JsonText, Left, NodeId, Owner, Refusal, Removed, RoomEvent, RoomId, RoomState, Stream,
    StreamId, Takeover, UserId,
};
use prometheus_client::registry::Registry;

use crate::Role;

pub use memory::{Clock, MemoryStore, system_clock};
pub use redis::{RedisConfig, RedisConfigError, RedisStore};

/// Why a store did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The room refused the change: the caller's fault. Nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not be reached: nobody knows whether the change was made.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The call came after its [`Expiry`]. Nothing has changed.
    #[error("the call came too late")]
    Late,
}

/// Until when a change may still be made, in milliseconds of the store's clock ([`Store::beat`] answers
/// it). Whoever asked has given up by then, so a call that was held up on its way, by a stopped process
/// say, must change nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(pub Option<u64>);

impl Expiry {
    /// However late it is.
    pub const NEVER: Self = Self(None);

    /// Whether it is too late.
    #[must_use]
    pub fn is_over(self, now_ms: u64) -> bool {
        self.0.is_some_and(|at| at < now_ms)
    }
}

/// One run of a node: from its start to its end, however that comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRun {
    /// What the node is for.
    pub role: Role,
    /// Its id, unique in its role.
    pub id: NodeId,
    /// Higher for a later run. Of a signalling node, its first connection number.
    pub started: u64,
}

/// What a join did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The room right after the step.
    pub state: RoomState,
    /// The change, unless the user was there already.
    pub event: Option<RoomEvent>,
}

/// A user in a room, and the connection that speaks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The room.
    pub rid: RoomId,
    /// The user.
    pub uid: UserId,
    /// The connection.
    pub owner: Owner,
}

/// The answer to a keep-alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptAlive {
    /// The room's version now.
    pub version: u64,
    /// Whether the owner still speaks for the user in the room.
    pub held: bool,
}

/// What an operator sees of a room among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSummary {
    /// Which room.
    pub rid: RoomId,
    /// Its version.
    pub version: u64,
    /// How many users are in it, at least one.
    pub users: usize,
    /// How many streams they publish.
    pub streams: usize,
}

/// Some of the rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPage {
    /// No more than were asked for. May be fewer although more follow: rooms end while they are looked at.
    pub rooms: Vec<RoomSummary>,
    /// After which room to go on; none where there are no more.
    pub next: Option<RoomId>,
}

/// All rooms. See [`model::Room`] for what each change does and refuses.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Brings a user into a room; see [`model::Room::join`].
    async fn join(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        expiry: Expiry,
    ) -> Result<Joined, StoreError>;

    /// Takes a user out of a room; see [`model::Room::leave`].
    async fn leave(&self, rid: &RoomId, uid: &UserId, owner: &Owner) -> Result<Left, StoreError>;

    /// Adds a published stream; see [`model::Room::add_stream`].
    async fn add_stream(
        &self,
        rid: &RoomId,
        owner: &Owner,
        stream: Stream,
        expiry: Expiry,
    ) -> Result<RoomEvent, StoreError>;

    /// Removes a stream for its publisher; see [`model::Room::remove_stream`].
    async fn remove_stream(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Removed, StoreError>;

    /// Says something to everybody else in a room; see [`model::Room::broadcast`].
    async fn broadcast(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: JsonText,
    ) -> Result<RoomEvent, StoreError>;

    /// An SFU says that a stream ended; see [`model::Room::stream_ended`].
    async fn stream_ended(
        &self,
        rid: &RoomId,
        mid: &StreamId,
        sfu: &NodeId,
    ) -> Result<Option<RoomEvent>, StoreError>;

    /// Users are still there: one answer for each, in their order. Each is a step of its own.
    async fn keep_alive(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError>;

    /// An SFU still has these streams: renews each, and answers those which no room knows on that
    /// SFU. Each is a step of its own.
    async fn hold_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError>;

    /// A room as it is now.
    async fn snapshot(&self, rid: &RoomId) -> Result<RoomState, StoreError>;

    /// What happened in a room after a version; see [`model::Room::events_since`].
    async fn events_since(&self, rid: &RoomId, after: u64) -> Result<EventsSince, StoreError>;

    /// Finds a stream of a room. [`Refusal::NoSuchStream`] where the room has none with this id.
    async fn find_stream(&self, rid: &RoomId, mid: &StreamId) -> Result<Stream, StoreError>;

    /// The rooms that somebody is in, in an order of the store's own, from the beginning or after one of them,
    /// which may be gone by now. A room that is there all the while is on exactly one page. For people who look,
    /// not for what clients wait for: a page may take as long as any other call, and as much as many of them.
    async fn rooms(&self, after: Option<&RoomId>, limit: usize) -> Result<RoomPage, StoreError>;

    /// Takes out of all rooms who and what has been silent too long; see [`model::Room::expire`].
    /// One round of bounded size: call again until nothing changes. Any number of callers may do so
    /// at the same time; each change happens once, and its event is answered to one of them.
    async fn expire(&self) -> Result<Vec<RoomEvent>, StoreError>;

    /// Takes out of all rooms what a node that is gone left behind; see [`model::Room::release`]. In
    /// rounds, as [`expire`](Self::expire).
    async fn release(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError>;

    /// A run of a node is alive. Answers the store's time in milliseconds.
    async fn beat(&self, run: &NodeRun) -> Result<u64, StoreError>;

    /// The runs that have beaten and were not forgotten, each with a number that grows with its beats.
    async fn runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError>;

    /// A run is over. One that has beaten after `beats` (what [`runs`](Self::runs) said) stays.
    async fn forget_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError>;

    /// Whether the store answers now, as far as is known. Does not wait.
    fn healthy(&self) -> bool;

    /// Adds to a registry what the backend counts of itself, if anything.
    fn register_metrics(&self, _: &mut Registry) {}
}
