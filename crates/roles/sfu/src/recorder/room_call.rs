//! The index of a room: `room.json` in its folder, with all its calls and their recordings.
//!
//! A call lasts from the first recording to the end of the last one. What follows within a minute belongs to it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use model::ids::{NodeId, RoomId, UserId};
use serde::{Deserialize, Serialize};

use super::{Subject, place, utc};

/// For so long after its last recording a call may go on.
const GRACE: Duration = Duration::from_secs(60);

/// Calls that an index keeps; the oldest are left out first. Their recordings stay.
const MAX_CALLS: usize = 1000;

/// Recordings of one call that an index keeps; a call with more is a stream that comes and goes all the time.
const MAX_RECORDINGS: usize = 10_000;

/// An index that is larger was not written by us.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The name of a room's index; it is written anew with each recording that ends.
pub const NAME: &str = "room.json";

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    room: String,
    calls: Vec<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Call {
    /// The node that wrote it: a room may be recorded on several.
    node: String,
    start: String,
    end: String,
    participants: BTreeSet<String>,
    recordings: Vec<Entry>,
}

/// A recording in an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Below the room's folder.
    pub(super) file: String,
    pub(super) user: String,
    pub(super) stream: String,
    pub(super) start: String,
    pub(super) end: String,
}

/// The rooms that are recorded now, or were a moment ago.
#[derive(Debug, Default)]
pub(super) struct RoomCalls {
    rooms: HashMap<RoomId, Running>,
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
        write(&dir.join(&path), rid, call)?;
        Ok(path)
    }

    /// Forgets calls that are over.
    pub(super) fn forget(&mut self) {
        self.rooms.retain(|_, room| room.open > 0 || room.idle_since.elapsed() < GRACE);
    }
}

/// Puts a call into an index, in place of its former state.
fn write(path: &Path, rid: &RoomId, call: Call) -> io::Result<()> {
    let mut index = read(path)?;
    index.version = 1;
    index.room = rid.to_string();
    index.calls.retain(|other| (&other.node, &other.start) != (&call.node, &call.start));
    index.calls.push(call);
    let surplus = index.calls.len().saturating_sub(MAX_CALLS);
    index.calls.drain(..surplus);
    let mut json = serde_json::to_vec_pretty(&index).map_err(io::Error::other)?;
    json.push(b'\n');
    place::write_whole(path, &json)
}

/// One that cannot be read is put aside, not overwritten.
fn read(path: &Path) -> io::Result<Index> {
    let size = match fs::symlink_metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::default()),
        Err(error) => return Err(error),
    };
    let index = if size <= MAX_BYTES { serde_json::from_slice(&fs::read(path)?).ok() } else { None };
    if let Some(index) = index {
        return Ok(index);
    }
    let aside = path.with_extension(format!("json.{}", utc::file_name(SystemTime::now())));
    tracing::warn!(?path, ?aside, "the index of a room's recordings cannot be read and is put aside");
    fs::rename(path, aside)?;
    Ok(Index::default())
}
