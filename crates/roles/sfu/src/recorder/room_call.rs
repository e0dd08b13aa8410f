//! The calls of the rooms that are recorded now. One lasts from the first recording to the end of
//! the last one; what follows within a minute belongs to it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use model::ids::{NodeId, RoomId, UserId};

use super::room_index::{Call, Entry, Indices, NAME};
use super::{Subject, place, utc};

/// For so long after its last recording a call may go on.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// Recordings of one call that an index keeps; a call with more is a stream that comes and goes all the time.
pub(super) const MAX_RECORDINGS: usize = 10_000;

/// The rooms that are recorded now, or were a moment ago.
#[derive(Debug)]
pub(super) struct RoomCalls {
    rooms: HashMap<RoomId, Running>,
    indices: Arc<Indices>,
}

#[derive(Debug)]
struct Running {
    start: SystemTime,
    people: BTreeSet<UserId>,
    open: usize,
    idle_since: Instant,
    recordings: Vec<Entry>,
}

impl RoomCalls {
    pub(super) fn new(indices: Arc<Indices>) -> Self {
        Self { rooms: HashMap::new(), indices }
    }

    /// A recording begins.
    pub(super) fn begin(&mut self, subject: &Subject, people: Vec<UserId>, now: Instant, wall: SystemTime) {
        let room = self.rooms.entry(subject.rid.clone()).or_insert_with(|| Running {
            start: wall,
            people: BTreeSet::new(),
            open: 0,
            idle_since: now,
            recordings: Vec::new(),
        });
        room.open += 1;
        room.people.insert(subject.uid.clone());
        room.people.extend(people);
    }

    /// Somebody is there.
    pub(super) fn seen(&mut self, rid: &RoomId, uid: UserId) {
        if let Some(room) = self.rooms.get_mut(rid).filter(|room| room.open > 0) {
            room.people.insert(uid);
        }
    }

    /// Who was there since the call began.
    pub(super) fn people(&self, rid: &RoomId) -> BTreeSet<UserId> {
        self.rooms.get(rid).map(|room| room.people.clone()).unwrap_or_default()
    }

    /// A recording is complete.
    pub(super) fn add(&mut self, rid: &RoomId, entry: Entry) {
        if let Some(room) = self.rooms.get_mut(rid).filter(|room| room.recordings.len() < MAX_RECORDINGS) {
            room.recordings.push(entry);
        }
    }

    /// A stream is recorded no longer: writes the index. Answers its path below `dir`.
    pub(super) fn end(
        &mut self,
        dir: &Path,
        node: &NodeId,
        rid: &RoomId,
        end: SystemTime,
    ) -> io::Result<PathBuf> {
        let path = place::room(rid).join(NAME);
        let Some(room) = self.rooms.get_mut(rid) else { return Ok(path) };
        room.open = room.open.saturating_sub(1);
        room.idle_since = Instant::now();
        let call = Call {
            node: node.to_string(),
            start: utc::rfc3339(room.start),
            end: utc::rfc3339(end),
            participants: room.people.iter().map(ToString::to_string).collect(),
            recordings: room.recordings.clone(),
        };
        self.indices.put(&dir.join(&path), rid, call)?;
        Ok(path)
    }

    /// Forgets calls that are over.
    pub(super) fn forget(&mut self) {
        self.rooms.retain(|_, room| room.open > 0 || room.idle_since.elapsed() < GRACE);
    }
}
