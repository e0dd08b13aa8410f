//! What somebody who only hears a room's events knows about it.
//!
//! Events may come late, twice, in any order, or never. A view lets through the next one, drops
//! what it has had, and says where one is missing; the gap is then filled with
//! [`Room::events_since`](crate::Room::events_since): with events, or with the room's state, from
//! which the view works out what must have happened. So each fact is heard once, and nothing is
//! missed. Only a broadcast can be lost, where so much happened meanwhile that it is no longer kept.
//!
//! How a signalling node uses it, with several members in one room:
//! - The first member: subscribe to the room's events, then join, then [`RoomView::new`] with the
//!   state that the join answered.
//! - Another member whose join answered a state at version `v` hears what is later than `v`. Where
//!   the view is behind `v`, it goes on event by event; earlier ones are for the others.
//! - [`RoomView::reset`] answers the difference for those who heard everything up to the view's
//!   version. For a member who joined later than that it is
//!   [`difference`] from the state that its own join answered.

mod difference;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{NodeId, Notice, Owner, RoomEvent, RoomState, Stream, StreamId, User, UserId};
pub use difference::difference;

/// A room as its events told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    version: u64,
    users: BTreeMap<UserId, Stay>,
    streams: BTreeMap<StreamId, Stream>,
}

/// A user's stay in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stay {
    owner: Owner,
    since: u64,
}

impl Stay {
    fn of(user: &User) -> Self {
        Self { owner: user.owner.clone(), since: user.since }
    }
}

/// What an event meant to a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is the next one: these are news, in this order.
    Deliver(Arc<[Notice]>),
    /// The view has had it.
    Stale,
    /// Something is missing before it. The view has not changed: fetch what came after this
    /// version, and apply or [`reset`](RoomView::reset) with the answer.
    Gap {
        /// The last version that the view has.
        after: u64,
    },
}

impl RoomView {
    /// Starts with a room's state, that of an answered join.
    #[must_use]
    pub fn new(state: &RoomState) -> Self {
        let mut view = Self { version: state.version, users: BTreeMap::new(), streams: BTreeMap::new() };
        view.fill(state);
        view
    }

    /// The version of the last event that was let through.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who is there, by uid.
    pub fn users(&self) -> impl Iterator<Item = User> + '_ {
        let user = |(uid, stay): (&UserId, &Stay)| User {
            uid: uid.clone(),
            owner: stay.owner.clone(),
            since: stay.since,
        };
        self.users.iter().map(user)
    }

    /// The connection that speaks for a user, where the user is there.
    #[must_use]
    pub fn owner(&self, uid: &UserId) -> Option<&Owner> {
        Some(&self.users.get(uid)?.owner)
    }

    /// The signalling nodes of those who are there, with repetitions.
    pub fn signals(&self) -> impl Iterator<Item = &NodeId> {
        self.users.values().map(|stay| &stay.owner.signal)
    }

    /// What is published, by mid.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> + '_ {
        self.streams.values()
    }

    /// The stream with this id.
    #[must_use]
    pub fn stream(&self, mid: &StreamId) -> Option<&Stream> {
        self.streams.get(mid)
    }

    /// The room as the view knows it.
    #[must_use]
    pub fn state(&self) -> RoomState {
        RoomState {
            version: self.version,
            users: self.users().collect(),
            streams: self.streams().cloned().collect(),
        }
    }

    /// Takes an event that arrived. The cost is that of the event, not of the room.
    pub fn apply(&mut self, event: &RoomEvent) -> Applied {
        if event.version <= self.version {
            return Applied::Stale;
        }
        if event.version - self.version > 1 {
            return Applied::Gap { after: self.version };
        }
        self.version = event.version;
        event.notices.iter().for_each(|notice| self.note(notice));
        Applied::Deliver(Arc::clone(&event.notices))
    }

    /// Takes a room's state where the events are no longer kept, and answers what must have
    /// happened since: removed streams before their users' leaving, joins before new streams, and a
    /// kick or a move for each connection that lost its user to another. A state that is not newer than the
    /// view changes nothing.
    #[must_use]
    pub fn reset(&mut self, state: &RoomState) -> Vec<Notice> {
        if state.version <= self.version {
            return Vec::new();
        }
        let before = std::mem::replace(self, Self::new(state));
        before.to(self)
    }

    fn fill(&mut self, state: &RoomState) {
        self.users = state.users.iter().map(|user| (user.uid.clone(), Stay::of(user))).collect();
        let published = state.streams.iter().filter(|stream| self.users.contains_key(&stream.uid));
        self.streams = published.map(|stream| (stream.mid.clone(), stream.clone())).collect();
    }

    fn note(&mut self, notice: &Notice) {
        match notice {
            Notice::PeerJoin(user) | Notice::PeerMove { user, .. } => {
                self.users.insert(user.uid.clone(), Stay::of(user));
            }
            Notice::PeerLeave { uid } => {
                self.users.remove(uid);
            }
            Notice::StreamAdd(stream) => {
                self.streams.insert(stream.mid.clone(), stream.clone());
            }
            Notice::StreamRemove { mid, .. } => {
                self.streams.remove(mid);
            }
            Notice::Broadcast { .. } | Notice::PeerKick { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
