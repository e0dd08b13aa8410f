//! The truth about one room: a numbered log.
//!
//! Every change gets the room's next version and is exactly one event; a call that changes nothing
//! leaves the version as it is. Only a user's [`Owner`] may change what is the user's. The cost of
//! a change grows with what it changes, not with the room (plus a logarithm for the ordered maps).

mod freshness;
pub mod limits;
mod log;
mod refusal;
mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{
    JsonText, NodeId, Notice, Owner, RoomEvent, RoomId, RoomState, Stream, StreamId, Takeover, User, UserId,
};
use freshness::Freshness;
use limits::{MAX_STATE_BYTES, RoomLimits};
use log::EventLog;
pub use refusal::Refusal;

/// One room. Times are milliseconds of any clock that the callers share.
#[derive(Debug)]
pub struct Room {
    rid: RoomId,
    limits: RoomLimits,
    version: u64,
    members: BTreeMap<UserId, Member>,
    streams: BTreeMap<StreamId, Stream>,
    /// When each user was last heard of.
    seen: Freshness<UserId>,
    /// When an SFU last said that it has the stream.
    held: Freshness<StreamId>,
    /// What users and streams weigh together.
    state_bytes: usize,
    log: EventLog,
}

#[derive(Debug)]
struct Member {
    owner: Owner,
    /// The version of the join.
    since: u64,
    /// In the order they came. Never more than [`RoomLimits::streams_per_user`].
    streams: Vec<StreamId>,
}

impl Member {
    fn user(&self, uid: &UserId) -> User {
        User { uid: uid.clone(), owner: self.owner.clone(), since: self.since }
    }
}

/// What a user's leaving did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The change.
    pub event: RoomEvent,
    /// What the user had published, to be ended at the SFUs.
    pub streams: Vec<Stream>,
}

/// What removing a stream did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The change.
    pub event: RoomEvent,
    /// The stream that was removed, to be ended at its SFU.
    pub stream: Stream,
}

/// What happened since a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventsSince {
    /// Every event after it, in order, without gaps; none where nothing happened.
    Events(Vec<RoomEvent>),
    /// The events are no longer kept: the room as it is now.
    Snapshot(RoomState),
}

impl Room {
    /// An empty room. Its first change has the version after this one.
    #[must_use]
    pub fn new(rid: RoomId, version: u64) -> Self {
        Self::with_limits(rid, version, RoomLimits::default())
    }

    /// An empty room that gets no larger than this.
    #[must_use]
    pub fn with_limits(rid: RoomId, version: u64, limits: RoomLimits) -> Self {
        Self {
            rid,
            limits,
            version,
            members: BTreeMap::new(),
            streams: BTreeMap::new(),
            seen: Freshness::default(),
            held: Freshness::default(),
            state_bytes: 0,
            log: EventLog::default(),
        }
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who is there, by uid.
    pub fn users(&self) -> impl Iterator<Item = User> + '_ {
        self.members.iter().map(|(uid, member)| member.user(uid))
    }

    /// What they publish, by mid.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> + '_ {
        self.streams.values()
    }

    /// The stream with this id.
    #[must_use]
    pub fn stream(&self, mid: &StreamId) -> Option<&Stream> {
        self.streams.get(mid)
    }

    /// The room as it is now. Costs as much as the room is large.
    #[must_use]
    pub fn snapshot(&self) -> RoomState {
        RoomState {
            version: self.version,
            users: self.users().collect(),
            streams: self.streams().cloned().collect(),
        }
    }

    /// The events after a version that somebody has, or the room where they are no longer kept.
    #[must_use]
    pub fn events_since(&self, after: u64) -> EventsSince {
        if after == self.version {
            return EventsSince::Events(Vec::new());
        }
        match self.log.since(after) {
            Some(events) => EventsSince::Events(events),
            None => EventsSince::Snapshot(self.snapshot()),
        }
    }

    /// What the kept events weigh, in bytes.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.log.bytes()
    }

    /// Forgets the kept events: who missed one gets a snapshot instead.
    pub fn forget_log(&mut self) {
        self.log.clear();
    }

    /// Brings a user in. The same owner again changes nothing. Another owner takes over, in one step: the
    /// older connection is kicked, and either its streams are removed and the room sees leave before join,
    /// or the user's stay goes on.
    ///
    /// # Errors
    /// [`Refusal::Full`] where the room has too many users or too large a state.
    pub fn join(
        &mut self,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        now: u64,
    ) -> Result<Option<RoomEvent>, Refusal> {
        let weight = User { uid: uid.clone(), owner: owner.clone(), since: 0 }.weight();
        let Some(member) = self.members.get(uid) else {
            limits::room_for("users in a room", self.members.len(), self.limits.users)?;
            limits::room_for("bytes of room state", self.state_bytes + weight, MAX_STATE_BYTES)?;
            let notices = vec![self.bring_in(uid, owner, now)];
            return Ok(Some(self.commit(notices)));
        };
        if member.owner == *owner {
            self.seen.touch(uid, now);
            return Ok(None);
        }
        Ok(Some(match takeover {
            Takeover::Replace => self.replace(uid, owner, now),
            Takeover::Resume => self.resume(uid, owner, now),
        }))
    }

    fn replace(&mut self, uid: &UserId, owner: &Owner, now: u64) -> RoomEvent {
        let mut notices = Vec::new();
        let kicked = self.members.get(uid).map(|member| member.owner.clone());
        self.take_out(uid, &mut notices);
        notices.push(self.bring_in(uid, owner, now));
        notices.extend(kicked.map(|owner| Notice::PeerKick { uid: uid.clone(), owner }));
        self.commit(notices)
    }

    fn resume(&mut self, uid: &UserId, owner: &Owner, now: u64) -> RoomEvent {
        let mut notices = Vec::new();
        if let Some(member) = self.members.get_mut(uid) {
            self.state_bytes -= member.user(uid).weight();
            let from = std::mem::replace(&mut member.owner, owner.clone());
            let user = member.user(uid);
            self.state_bytes += user.weight();
            notices.push(Notice::PeerMove { user, from });
        }
        self.seen.touch(uid, now);
        self.commit(notices)
    }

    /// Makes somebody a member who is none, with the version that the next commit has.
    fn bring_in(&mut self, uid: &UserId, owner: &Owner, now: u64) -> Notice {
        let member = Member { owner: owner.clone(), since: self.version + 1, streams: Vec::new() };
        let user = member.user(uid);
        self.state_bytes += user.weight();
        self.seen.touch(uid, now);
        self.members.insert(uid.clone(), member);
        Notice::PeerJoin(user)
    }

    /// Takes a user and all their streams out.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`].
    pub fn leave(&mut self, uid: &UserId, owner: &Owner) -> Result<Left, Refusal> {
        self.owned(uid, owner)?;
        let mut notices = Vec::new();
        let streams = self.take_out(uid, &mut notices);
        Ok(Left { event: self.commit(notices), streams })
    }

    /// Adds a published stream of a user who is there.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`]; [`Refusal::StreamExists`]; [`Refusal::Full`] where the user has too
    /// many streams or the room too large a state.
    pub fn add_stream(&mut self, owner: &Owner, stream: Stream, now: u64) -> Result<RoomEvent, Refusal> {
        let published = self.owned(&stream.uid, owner)?.streams.len();
        if self.streams.contains_key(&stream.mid) {
            return Err(Refusal::StreamExists);
        }
        let state_bytes = self.state_bytes + stream.weight();
        limits::room_for("streams of a user", published, self.limits.streams_per_user)?;
        limits::room_for("bytes of room state", state_bytes, MAX_STATE_BYTES)?;
        self.state_bytes = state_bytes;
        if let Some(member) = self.members.get_mut(&stream.uid) {
            member.streams.push(stream.mid.clone());
        }
        self.held.touch(&stream.mid, now);
        self.streams.insert(stream.mid.clone(), stream.clone());
        Ok(self.commit(vec![Notice::StreamAdd(stream)]))
    }

    /// Removes a stream for its publisher.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`]; [`Refusal::NoSuchStream`]; [`Refusal::NotYours`] where somebody else
    /// publishes it.
    pub fn remove_stream(&mut self, uid: &UserId, owner: &Owner, mid: &StreamId) -> Result<Removed, Refusal> {
        self.owned(uid, owner)?;
        let publisher = &self.streams.get(mid).ok_or(Refusal::NoSuchStream)?.uid;
        if publisher != uid {
            return Err(Refusal::NotYours);
        }
        let mut notices = Vec::new();
        let stream = self.take_stream(mid, false, &mut notices).ok_or(Refusal::NoSuchStream)?;
        Ok(Removed { event: self.commit(notices), stream })
    }

    /// Says something to everybody else.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`].
    pub fn broadcast(&mut self, uid: &UserId, owner: &Owner, data: JsonText) -> Result<RoomEvent, Refusal> {
        self.owned(uid, owner)?;
        Ok(self.commit(vec![Notice::Broadcast { uid: uid.clone(), data }]))
    }

    /// An SFU says that a stream's media stopped for good. A stream that is not here, or that
    /// another SFU holds, changes nothing.
    pub fn stream_ended(&mut self, mid: &StreamId, sfu: &NodeId) -> Option<RoomEvent> {
        if self.streams.get(mid)?.sfu != *sfu {
            return None;
        }
        let mut notices = Vec::new();
        self.take_stream(mid, true, &mut notices);
        Some(self.commit(notices))
    }

    /// A user is still there. False where this owner does not speak for the user.
    #[must_use]
    pub fn keep_alive(&mut self, uid: &UserId, owner: &Owner, now: u64) -> bool {
        let held = self.owned(uid, owner).is_ok();
        if held {
            self.seen.touch(uid, now);
        }
        held
    }

    /// An SFU still has a stream. False where the room does not know the stream on that SFU.
    #[must_use]
    pub fn hold_stream(&mut self, mid: &StreamId, sfu: &NodeId, now: u64) -> bool {
        let known = self.streams.get(mid).is_some_and(|stream| stream.sfu == *sfu);
        if known {
            self.held.touch(mid, now);
        }
        known
    }

    fn owned(&self, uid: &UserId, owner: &Owner) -> Result<&Member, Refusal> {
        self.members.get(uid).filter(|member| member.owner == *owner).ok_or(Refusal::NotOwner)
    }

    /// Takes out a user, if there, streams first.
    fn take_out(&mut self, uid: &UserId, notices: &mut Vec<Notice>) -> Vec<Stream> {
        let Some(member) = self.members.get_mut(uid) else { return Vec::new() };
        let mids = std::mem::take(&mut member.streams);
        let streams = mids.iter().filter_map(|mid| self.take_stream(mid, false, notices)).collect();
        if let Some(member) = self.members.remove(uid) {
            self.state_bytes -= member.user(uid).weight();
        }
        self.seen.forget(uid);
        notices.push(Notice::PeerLeave { uid: uid.clone() });
        streams
    }

    fn take_stream(&mut self, mid: &StreamId, by_server: bool, notices: &mut Vec<Notice>) -> Option<Stream> {
        let stream = self.streams.remove(mid)?;
        self.state_bytes -= stream.weight();
        self.held.forget(mid);
        if let Some(member) = self.members.get_mut(&stream.uid) {
            member.streams.retain(|other| other != mid);
        }
        notices.push(Notice::StreamRemove { uid: stream.uid.clone(), mid: mid.clone(), by_server });
        Some(stream)
    }

    fn commit(&mut self, notices: Vec<Notice>) -> RoomEvent {
        self.version += 1;
        let notices: Arc<[Notice]> = notices.into();
        let left = notices.iter().any(|notice| matches!(notice, Notice::PeerLeave { .. }));
        let emptied = left && self.members.is_empty();
        let event = RoomEvent { rid: self.rid.clone(), version: self.version, notices, emptied };
        self.log.record(event.clone());
        event
    }
}

#[cfg(test)]
mod tests;
