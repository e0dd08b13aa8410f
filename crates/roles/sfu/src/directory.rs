//! Which stream and which subscription is where, and whose.
//!
//! The service asks and enters; the workers take out what ended by itself. The
//! lock is held for a map access, never across an await, and never while a
//! worker handles packets. What is in here is bounded by the routers' limits and
//! the mailboxes: an entry that the worker refuses is taken out again.

use std::time::{Duration, Instant};

use model::{
    Owner,
    ids::{RoomId, StreamId, SubscriptionId, UserId},
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

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
}

/// A subscription here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubscriptionEntry {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    pub(crate) mid: StreamId,
    pub(crate) worker: usize,
    // The connection that claimed it last.
    claimed_by: Option<Owner>,
}

impl StreamEntry {
    /// Whether a connection may end it.
    pub(crate) fn obeys(&self, asker: Option<&Owner>) -> bool {
        obeys(self.claimed_by.as_ref(), asker)
    }
}

impl SubscriptionEntry {
    /// Whether a connection may end it.
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
    // Per worker: its streams and subscriptions.
    loads: Vec<usize>,
}

impl Directory {
    pub(crate) fn new(workers: usize) -> Self {
        let maps = Maps {
            streams: FxHashMap::default(),
            subscriptions: FxHashMap::default(),
            loads: vec![0; workers],
        };
        Self { maps: Mutex::new(maps) }
    }

    /// Enters a stream at the least loaded worker, and says which one that is.
    pub(crate) fn add_stream(
        &self,
        mid: &StreamId,
        rid: RoomId,
        uid: UserId,
        now: Instant,
    ) -> Result<usize, Exists> {
        let mut maps = self.maps.lock();
        if maps.streams.contains_key(mid) {
            return Err(Exists);
        }
        let least = maps.loads.iter_mut().enumerate().min_by_key(|(_, load)| **load);
        let worker = least.map_or(0, |(worker, load)| {
            *load += 1;
            worker
        });
        let entry = StreamEntry { rid, uid, worker, since: now, ending: false, claimed_by: None };
        maps.streams.insert(mid.clone(), entry);
        Ok(worker)
    }

    /// Enters a subscription at the worker that `place` finds, to which it tells that of the stream. Answers both, the
    /// stream's first.
    pub(crate) fn add_subscription(
        &self,
        sid: &SubscriptionId,
        mid: &StreamId,
        rid: RoomId,
        uid: UserId,
        place: impl FnOnce(usize) -> usize,
    ) -> Result<(usize, usize), CannotSubscribe> {
        let mut maps = self.maps.lock();
        let stream = maps.streams.get(mid).filter(|stream| stream.rid == rid);
        let home = stream.ok_or(CannotSubscribe::NoSuchStream)?.worker;
        if maps.subscriptions.contains_key(sid) {
            return Err(CannotSubscribe::Exists);
        }
        let worker = place(home);
        let entry = SubscriptionEntry { rid, uid, mid: mid.clone(), worker, claimed_by: None };
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
        Some(entry)
    }

    /// Takes out everything of a worker; returns its streams.
    pub(crate) fn remove_worker(&self, worker: usize) -> Vec<(StreamId, StreamEntry)> {
        let mut maps = self.maps.lock();
        maps.subscriptions.retain(|_, entry| entry.worker != worker);
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
    ) -> (Vec<StreamId>, Vec<SubscriptionId>) {
        let mut maps = self.maps.lock();
        mids.retain(|mid| {
            let Some(entry) = maps.streams.get_mut(mid) else { return false };
            let found = entry.rid == *rid && entry.uid == *uid && !entry.ending;
            if found {
                entry.since = now;
                entry.claimed_by = owner.cloned().or(entry.claimed_by.take());
            }
            found
        });
        sids.retain(|sid| {
            let Some(entry) = maps.subscriptions.get_mut(sid) else { return false };
            let found = entry.rid == *rid && entry.uid == *uid;
            if found {
                entry.claimed_by = owner.cloned().or(entry.claimed_by.take());
            }
            found
        });
        (mids, sids)
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
mod tests {
    use super::*;

    fn mid(text: &str) -> StreamId {
        StreamId::parse(text).unwrap()
    }

    fn sid(text: &str) -> SubscriptionId {
        SubscriptionId::parse(text).unwrap()
    }

    fn rid() -> RoomId {
        RoomId::parse("room").unwrap()
    }

    fn uid() -> UserId {
        UserId::parse("user").unwrap()
    }

    #[test]
    fn a_stream_goes_to_the_least_loaded_worker_and_its_subscribers_follow() {
        let directory = Directory::new(2);
        let now = Instant::now();
        let add = |name| directory.add_stream(&mid(name), rid(), uid(), now);
        let subscribe = |s, m| directory.add_subscription(&sid(s), &mid(m), rid(), uid(), |home| home);
        assert_eq!(add("a"), Ok(0));
        assert_eq!(add("a"), Err(Exists));
        assert_eq!(add("b"), Ok(1));
        assert_eq!(subscribe("s1", "b"), Ok((1, 1)));
        assert_eq!(subscribe("s1", "b"), Err(CannotSubscribe::Exists));
        assert_eq!(add("c"), Ok(0));
        assert_eq!(subscribe("s2", "c"), Ok((0, 0)));
        directory.remove_subscription(&sid("s1"));
        assert_eq!(add("d"), Ok(1));
        assert_eq!(directory.counts(), (4, 1));
    }

    #[test]
    fn a_stream_of_another_room_is_not_there() {
        let directory = Directory::new(1);
        directory.add_stream(&mid("a"), rid(), uid(), Instant::now()).unwrap();
        let elsewhere = RoomId::parse("elsewhere").unwrap();
        let result = directory.add_subscription(&sid("s"), &mid("a"), elsewhere, uid(), |home| home);
        assert_eq!(result, Err(CannotSubscribe::NoSuchStream));
        assert_eq!(directory.counts(), (1, 0));
    }

    #[test]
    fn a_lost_worker_takes_its_own_entries_along_and_no_others() {
        let directory = Directory::new(2);
        let now = Instant::now();
        for name in ["a", "b", "c"] {
            directory.add_stream(&mid(name), rid(), uid(), now).unwrap();
            directory.add_subscription(&sid(name), &mid(name), rid(), uid(), |home| home).unwrap();
        }
        let lost: Vec<_> = directory.remove_worker(1).into_iter().map(|(mid, _)| mid).collect();
        assert_eq!(lost, [mid("b")]);
        assert_eq!(directory.counts(), (2, 2));
        assert!(directory.subscription(&sid("b")).is_none());
        assert_eq!(directory.add_stream(&mid("d"), rid(), uid(), now), Ok(1));
    }

    #[test]
    fn only_old_streams_are_held() {
        let directory = Directory::new(1);
        let start = Instant::now();
        let age = Duration::from_secs(10);
        directory.add_stream(&mid("old"), rid(), uid(), start).unwrap();
        directory.add_stream(&mid("young"), rid(), uid(), start + Duration::from_secs(1)).unwrap();
        assert_eq!(directory.streams_older_than(age, start + age), [(rid(), mid("old"))]);
    }

    #[test]
    fn a_user_claims_what_is_theirs_in_the_room() {
        let directory = Directory::new(1);
        let now = Instant::now();
        let (other, elsewhere) = (UserId::parse("other").unwrap(), RoomId::parse("elsewhere").unwrap());
        for (name, rid, uid) in [("a", rid(), uid()), ("b", rid(), other), ("c", elsewhere, uid())] {
            directory.add_stream(&mid(name), rid.clone(), uid.clone(), now).unwrap();
            directory.add_subscription(&sid(name), &mid(name), rid, uid, |home| home).unwrap();
        }
        let mids = ["a", "b", "c", "d"].map(mid).to_vec();
        let sids = ["a", "b", "c", "d"].map(sid).to_vec();
        let claimed = directory.claim(&rid(), &uid(), None, mids, sids, now);
        assert_eq!(claimed, (vec![mid("a")], vec![sid("a")]));
    }

    #[test]
    fn what_one_connection_has_claimed_obeys_no_other() {
        let directory = Directory::new(1);
        let now = Instant::now();
        let owner = |connection| Owner { signal: model::NodeId::parse("signal-1").unwrap(), connection };
        directory.add_stream(&mid("a"), rid(), uid(), now).unwrap();
        directory.add_subscription(&sid("s"), &mid("a"), rid(), uid(), |home| home).unwrap();
        let obeyed = |connection| {
            let owner = owner(connection);
            let (stream, subscription) = (directory.stream(&mid("a")), directory.subscription(&sid("s")));
            [stream.unwrap().obeys(Some(&owner)), subscription.unwrap().obeys(Some(&owner))]
        };
        let claim = |owner: Option<&Owner>| {
            directory.claim(&rid(), &uid(), owner, vec![mid("a")], vec![sid("s")], now);
        };
        assert_eq!(obeyed(1), [true; 2]);
        claim(Some(&owner(2)));
        assert_eq!((obeyed(1), obeyed(2)), ([false; 2], [true; 2]));
        claim(None);
        assert_eq!((obeyed(1), obeyed(2)), ([false; 2], [true; 2]), "a question claims nothing");
        claim(Some(&owner(3)));
        assert_eq!((obeyed(2), obeyed(3)), ([false; 2], [true; 2]));
        assert!(directory.stream(&mid("a")).unwrap().obeys(None));
    }

    #[test]
    fn a_stream_is_claimed_or_given_up_and_never_both() {
        let directory = Directory::new(1);
        let start = Instant::now();
        let age = Duration::from_secs(10);
        directory.add_stream(&mid("a"), rid(), uid(), start).unwrap();
        let claim =
            |now| !directory.claim(&rid(), &uid(), None, vec![mid("a")], Vec::new(), now).0.is_empty();
        assert!(claim(start + age), "it is old, and gets its time anew");
        assert!(!directory.give_up(&mid("a"), age, start + age));
        assert!(directory.streams_older_than(age, start + age).is_empty());
        assert!(directory.give_up(&mid("a"), age, start + age * 2));
        assert!(!claim(start + age * 2));
        assert!(directory.give_up(&mid("a"), age, start + age * 2), "the end may be tried again");
        assert!(!directory.give_up(&mid("b"), age, start + age * 2));
    }
}
