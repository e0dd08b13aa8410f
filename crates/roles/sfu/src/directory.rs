//! Which stream and which subscription is where, whose, and what is so with it.
//!
//! - [`networks`]: the subscriptions of one network, which keep together.
//! - [`state`]: what those who publish and subscribe are told.
//!
//! The service asks and enters; the workers take out what ended by itself. The
//! lock is held for a map access, never across an await, and never while a
//! worker handles packets. What is in here is bounded by the routers' limits and
//! the mailboxes: an entry that the worker refuses is taken out again.

mod networks;
mod state;

use std::time::{Duration, Instant};

use model::{
    Owner,
    ids::{RoomId, StreamId, SubscriptionId, UserId},
};
use networks::Networks;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
pub(crate) use state::Topic;
use state::{StreamState, SubscriptionState};

/// Who publishes or subscribes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    /// The connection that asked for it, where it said so.
    pub(crate) connection: Option<Owner>,
}

/// A stream here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamEntry {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    pub(crate) worker: usize,
    // When it was published, or claimed last.
    since: Instant,
    // No room knows it.
    ending: bool,
    // The connection that claimed it last.
    claimed_by: Option<Owner>,
    // The one that hears of it: that, or else the one that published it.
    heard_by: Option<Owner>,
    state: StreamState,
}

/// A subscription here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubscriptionEntry {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    pub(crate) mid: StreamId,
    pub(crate) worker: usize,
    /// 0: one of its own.
    network: u64,
    // The connection that claimed it last.
    claimed_by: Option<Owner>,
    // The one that hears of it: that, or else the one that subscribed.
    heard_by: Option<Owner>,
    state: SubscriptionState,
}

/// What is here of what a connection claims.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) mids: Vec<StreamId>,
    pub(crate) sids: Vec<SubscriptionId>,
    /// Of the subscriptions; 0: none.
    pub(crate) network: u64,
}

impl StreamEntry {
    /// Whether a connection may end it, or change it.
    pub(crate) fn obeys(&self, asker: Option<&Owner>) -> bool {
        obeys(self.claimed_by.as_ref(), asker)
    }
}

impl SubscriptionEntry {
    /// Whether a connection may end it, or change it.
    pub(crate) fn obeys(&self, asker: Option<&Owner>) -> bool {
        obeys(self.claimed_by.as_ref(), asker)
    }
}

// A connection that has lost its user to another one hears of it later than the SFUs do.
fn obeys(claimed_by: Option<&Owner>, asker: Option<&Owner>) -> bool {
    match (claimed_by, asker) {
        (Some(claimed_by), Some(asker)) => claimed_by == asker,
        _ => true,
    }
}

/// The id is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exists;

/// Why a subscription cannot be entered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CannotSubscribe {
    NoSuchStream,
    Exists,
}

#[derive(Debug)]
pub(crate) struct Directory {
    maps: Mutex<Maps>,
}

#[derive(Debug)]
struct Maps {
    streams: FxHashMap<StreamId, StreamEntry>,
    subscriptions: FxHashMap<SubscriptionId, SubscriptionEntry>,
    networks: Networks,
    // Per worker: its streams and subscriptions.
    loads: Vec<usize>,
}

impl Directory {
    pub(crate) fn new(workers: usize) -> Self {
        let maps = Maps {
            streams: FxHashMap::default(),
            subscriptions: FxHashMap::default(),
            networks: Networks::default(),
            loads: vec![0; workers],
        };
        Self { maps: Mutex::new(maps) }
    }

    /// Enters a stream at the least loaded worker, and says which one that is.
    pub(crate) fn add_stream(&self, mid: &StreamId, party: Party, now: Instant) -> Result<usize, Exists> {
        let mut maps = self.maps.lock();
        if maps.streams.contains_key(mid) {
            return Err(Exists);
        }
        let least = maps.loads.iter_mut().enumerate().min_by_key(|(_, load)| **load);
        let worker = least.map_or(0, |(worker, load)| {
            *load += 1;
            worker
        });
        let Party { rid, uid, connection: heard_by } = party;
        let state = StreamState::default();
        let entry =
            StreamEntry { rid, uid, worker, since: now, ending: false, claimed_by: None, heard_by, state };
        maps.streams.insert(mid.clone(), entry);
        Ok(worker)
    }

    /// Enters a subscription at the worker that `place` finds, to which it tells that of the stream, and that of the
    /// network's other subscriptions, if there are any. Answers the stream's and the one that was found.
    pub(crate) fn add_subscription(
        &self,
        sid: &SubscriptionId,
        mid: &StreamId,
        party: Party,
        network: u64,
        place: impl FnOnce(usize, Option<usize>) -> usize,
    ) -> Result<(usize, usize), CannotSubscribe> {
        let Party { rid, uid, connection: heard_by } = party;
        let mut maps = self.maps.lock();
        let stream = maps.streams.get(mid).filter(|stream| stream.rid == rid);
        let home = stream.ok_or(CannotSubscribe::NoSuchStream)?.worker;
        if maps.subscriptions.contains_key(sid) {
            return Err(CannotSubscribe::Exists);
        }
        let worker = place(home, maps.networks.worker(network));
        maps.networks.enter(network, worker);
        let (mid, state) = (mid.clone(), SubscriptionState::default());
        let entry = SubscriptionEntry { rid, uid, mid, worker, network, claimed_by: None, heard_by, state };
        maps.subscriptions.insert(sid.clone(), entry);
        maps.grow(worker);
        Ok((home, worker))
    }

    pub(crate) fn stream(&self, mid: &StreamId) -> Option<StreamEntry> {
        self.maps.lock().streams.get(mid).cloned()
    }

    pub(crate) fn subscription(&self, sid: &SubscriptionId) -> Option<SubscriptionEntry> {
        self.maps.lock().subscriptions.get(sid).cloned()
    }

    pub(crate) fn remove_stream(&self, mid: &StreamId) -> Option<StreamEntry> {
        let mut maps = self.maps.lock();
        let entry = maps.streams.remove(mid)?;
        maps.shrink(entry.worker);
        Some(entry)
    }

    pub(crate) fn remove_subscription(&self, sid: &SubscriptionId) -> Option<SubscriptionEntry> {
        let mut maps = self.maps.lock();
        let entry = maps.subscriptions.remove(sid)?;
        maps.shrink(entry.worker);
        maps.networks.leave(entry.network, entry.worker);
        Some(entry)
    }

    /// Takes out everything of a worker; returns its streams.
    pub(crate) fn remove_worker(&self, worker: usize) -> Vec<(StreamId, StreamEntry)> {
        let mut maps = self.maps.lock();
        maps.subscriptions.retain(|_, entry| entry.worker != worker);
        maps.networks.remove_worker(worker);
        if let Some(load) = maps.loads.get_mut(worker) {
            *load = 0;
        }
        maps.streams.extract_if(|_, entry| entry.worker == worker).collect()
    }

    /// The streams that are at least this old.
    pub(crate) fn streams_older_than(&self, age: Duration, now: Instant) -> Vec<(RoomId, StreamId)> {
        let maps = self.maps.lock();
        let old = |entry: &StreamEntry| now.saturating_duration_since(entry.since) >= age;
        let streams = maps.streams.iter().filter(|(_, entry)| old(entry));
        streams.map(|(mid, entry)| (entry.rid.clone(), mid.clone())).collect()
    }

    /// Which of these are here and this user's, in this room. They are the claiming connection's from now
    /// on, and the streams are young again: they may be on their way into the room.
    pub(crate) fn claim(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: Option<&Owner>,
        mut mids: Vec<StreamId>,
        mut sids: Vec<SubscriptionId>,
        now: Instant,
    ) -> Claimed {
        let mut maps = self.maps.lock();
        let mut network = 0;
        mids.retain(|mid| {
            let Some(entry) = maps.streams.get_mut(mid) else { return false };
            let found = entry.rid == *rid && entry.uid == *uid && !entry.ending;
            if found {
                entry.since = now;
                entry.claimed_by = owner.cloned().or(entry.claimed_by.take());
                entry.heard_by = owner.cloned().or(entry.heard_by.take());
            }
            found
        });
        sids.retain(|sid| {
            let Some(entry) = maps.subscriptions.get_mut(sid) else { return false };
            let found = entry.rid == *rid && entry.uid == *uid;
            if found {
                entry.claimed_by = owner.cloned().or(entry.claimed_by.take());
                entry.heard_by = owner.cloned().or(entry.heard_by.take());
                network = if network == 0 { entry.network } else { network };
            }
            found
        });
        Claimed { mids, sids, network }
    }

    /// No room knows this stream: nobody can claim it any more. False where it was claimed since, or is
    /// not here.
    pub(crate) fn give_up(&self, mid: &StreamId, age: Duration, now: Instant) -> bool {
        let mut maps = self.maps.lock();
        let old = |entry: &&mut StreamEntry| now.saturating_duration_since(entry.since) >= age;
        maps.streams.get_mut(mid).filter(old).map(|entry| entry.ending = true).is_some()
    }

    /// Who publishes or subscribes in a room here.
    pub(crate) fn people(&self, rid: &RoomId) -> Vec<UserId> {
        let maps = self.maps.lock();
        let publishers = maps.streams.values().map(|entry| (&entry.rid, &entry.uid));
        let subscribers = maps.subscriptions.values().map(|entry| (&entry.rid, &entry.uid));
        let here = publishers.chain(subscribers).filter(|(room, _)| *room == rid);
        let mut people: Vec<UserId> = here.map(|(_, uid)| uid.clone()).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// How many streams and subscriptions there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let maps = self.maps.lock();
        (maps.streams.len(), maps.subscriptions.len())
    }
}

impl Maps {
    fn grow(&mut self, worker: usize) {
        if let Some(load) = self.loads.get_mut(worker) {
            *load += 1;
        }
    }

    fn shrink(&mut self, worker: usize) {
        if let Some(load) = self.loads.get_mut(worker) {
            *load = load.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
