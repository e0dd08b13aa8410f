//! The calls of the rooms that are recorded now. One lasts from the first recording to the end of
//! the last one; what follows within a minute belongs to it.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime};

use model::ids::{NodeId, RoomId, UserId};

use super::room_index::{Call, Entry};
use super::{Subject, utc};

/// For so long after its last recording a call may go on.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// How often the index of a room is written at most: it is written as a whole.
const INTERVAL: Duration = Duration::from_secs(3);

/// Recordings of one call that an index keeps; a call with more is a stream that comes and goes all the time.
pub(super) const MAX_RECORDINGS: usize = 2000;

/// People of one call that are named: as many as a room may have at a time. Who comes back under ever new names would fill
/// the memory.
const MAX_PEOPLE: usize = 2000;

/// The rooms that are recorded now, or were a moment ago.
#[derive(Debug, Default)]
pub(super) struct RoomCalls {
    rooms: HashMap<RoomId, Running>,
}

#[derive(Debug)]
struct Running {
    start: SystemTime,
    end: SystemTime,
    people: People,
    open: usize,
    idle_since: Instant,
    recordings: Vec<Entry>,
    /// The index does not have its latest state.
    changed: bool,
    written: Option<Instant>,
}

/// Who was there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct People {
    named: BTreeSet<UserId>,
    unnamed: u64,
}

impl People {
    fn add(&mut self, uid: UserId) {
        if self.named.len() < MAX_PEOPLE {
            self.named.insert(uid);
        } else if !self.named.contains(&uid) {
            self.unnamed += 1;
        }
    }

    /// In order.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + use<'_> {
        self.named.iter().map(ToString::to_string)
    }

    /// How often somebody came who found no place among the names.
    pub(super) fn unnamed(&self) -> u64 {
        self.unnamed
    }
}

impl RoomCalls {
    /// A recording begins.
    pub(super) fn begin(&mut self, subject: &Subject, people: Vec<UserId>, now: Instant, wall: SystemTime) {
        let room = self.rooms.entry(subject.rid.clone()).or_insert_with(|| Running {
            start: wall,
            end: wall,
            people: People::default(),
            open: 0,
            idle_since: now,
            recordings: Vec::new(),
            changed: false,
            written: None,
        });
        room.open += 1;
        room.people.add(subject.uid.clone());
        people.into_iter().for_each(|uid| room.people.add(uid));
    }

    /// Somebody is there.
    pub(super) fn seen(&mut self, rid: &RoomId, uid: UserId) {
        if let Some(room) = self.rooms.get_mut(rid).filter(|room| room.open > 0) {
            room.people.add(uid);
        }
    }

    /// Who was there since the call began.
    pub(super) fn people(&self, rid: &RoomId) -> People {
        self.rooms.get(rid).map(|room| room.people.clone()).unwrap_or_default()
    }

    /// A recording is complete.
    pub(super) fn add(&mut self, rid: &RoomId, entry: Entry) {
        if let Some(room) = self.rooms.get_mut(rid).filter(|room| room.recordings.len() < MAX_RECORDINGS) {
            room.recordings.push(entry);
            room.changed = true;
        }
    }

    /// A stream is recorded no longer.
    pub(super) fn end(&mut self, rid: &RoomId, end: SystemTime) {
        if let Some(room) = self.rooms.get_mut(rid) {
            room.open = room.open.saturating_sub(1);
            room.idle_since = Instant::now();
            room.end = end;
            room.changed = true;
        }
    }

    /// The rooms whose indices are to be written now; with `all`, those that might wait a little longer as well.
    pub(super) fn due(&self, all: bool) -> Vec<RoomId> {
        let is_due = |room: &Running| {
            room.changed && (all || room.written.is_none_or(|written| written.elapsed() >= INTERVAL))
        };
        self.rooms.iter().filter(|(_, room)| is_due(room)).map(|(rid, _)| rid.clone()).collect()
    }

    /// A room's call, as its index is to have it.
    pub(super) fn call(&self, rid: &RoomId, node: &NodeId) -> Option<Call> {
        let room = self.rooms.get(rid)?;
        Some(Call {
            node: node.to_string(),
            start: utc::rfc3339(room.start),
            end: utc::rfc3339(room.end),
            participants: room.people.names().collect(),
            unnamed_participants: room.people.unnamed(),
            recordings: room.recordings.clone(),
        })
    }

    /// The index has it, or is about to.
    pub(super) fn written(&mut self, rid: &RoomId) {
        if let Some(room) = self.rooms.get_mut(rid) {
            room.changed = false;
            room.written = Some(Instant::now());
        }
    }

    /// Forgets calls that are over.
    pub(super) fn forget(&mut self) {
        self.rooms.retain(|_, room| room.open > 0 || room.idle_since.elapsed() < GRACE);
    }
}

#[cfg(test)]
mod tests {
    use model::ids::StreamId;

    use super::*;

    fn user(n: usize) -> UserId {
        UserId::parse(&format!("u{n}")).unwrap()
    }

    #[test]
    fn people_under_ever_new_names_are_counted_and_not_named() {
        let (rid, mid) = (RoomId::parse("tea").unwrap(), StreamId::parse("m").unwrap());
        let subject = Subject { rid: rid.clone(), uid: user(0), mid };
        let mut rooms = RoomCalls::default();
        rooms.begin(&subject, Vec::new(), Instant::now(), SystemTime::now());
        (0..MAX_PEOPLE + 500).for_each(|n| rooms.seen(&rid, user(n)));
        rooms.seen(&rid, user(1));
        let people = rooms.people(&rid);
        assert_eq!((people.names().count(), people.unnamed()), (MAX_PEOPLE, 500));
    }

    #[test]
    fn a_room_that_changes_all_the_time_is_written_now_and_then_and_at_the_end() {
        let (rid, mid) = (RoomId::parse("tea").unwrap(), StreamId::parse("m").unwrap());
        let subject = Subject { rid: rid.clone(), uid: user(0), mid };
        let mut rooms = RoomCalls::default();
        rooms.begin(&subject, Vec::new(), Instant::now(), SystemTime::now());
        assert_eq!(rooms.due(true), []);
        rooms.end(&rid, SystemTime::now());
        assert_eq!(rooms.due(false), std::slice::from_ref(&rid));
        rooms.written(&rid);
        rooms.end(&rid, SystemTime::now());
        assert_eq!((rooms.due(false), rooms.due(true)), (vec![], vec![rid]));
    }
}
