//! The index of a room: `room.json` in its folder, with all its calls and their recordings.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;
use std::{fs, io};

use model::ids::RoomId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::room_call::{GRACE, MAX_RECORDINGS};
use super::sidecar::none;
use super::{Subject, place, utc};

/// Calls that an index keeps; the oldest are left out first. Their recordings stay.
const MAX_CALLS: usize = 1000;

/// An index that is larger was not written by us: the oldest calls go first. The largest call has some 3 MB, with 2,000
/// people and recordings of the longest names.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The name of a room's index; it is written anew when recordings have ended.
pub const NAME: &str = "room.json";

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    room: String,
    calls: Vec<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    /// The node that wrote it: a room may be recorded on several.
    pub(super) node: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) participants: BTreeSet<String>,
    /// How often others came, who are too many to be named.
    #[serde(default, skip_serializing_if = "none")]
    pub(super) unnamed_participants: u64,
    pub(super) recordings: Vec<Entry>,
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

impl Entry {
    /// Of a recording below the recorder's folder.
    pub(super) fn new(audio: &Path, subject: &Subject, start: SystemTime, end: SystemTime) -> Self {
        let file = audio.strip_prefix(place::room(&subject.rid)).unwrap_or(audio);
        Self {
            file: file.to_string_lossy().into_owned(),
            user: subject.uid.to_string(),
            stream: subject.mid.to_string(),
            start: utc::rfc3339(start),
            end: utc::rfc3339(end),
        }
    }
}

/// Writes indices. Each is read, changed and written: by one thread at a time.
#[derive(Debug, Default)]
pub(super) struct Indices(Mutex<()>);

impl Indices {
    /// Puts a call into an index, in place of its former state.
    pub(super) fn put(&self, path: &Path, rid: &RoomId, call: Call, sync: bool) -> io::Result<()> {
        self.change(path, rid, sync, |calls| {
            calls.retain(|other| !other.is(&call));
            calls.push(call);
        })
    }

    /// Puts a recording of an earlier run into the call that it belongs to, or into one of its own. Calls that
    /// began later than `before` are this run's, which puts them anew when they change.
    pub(super) fn add(
        &self,
        path: &Path,
        rid: &RoomId,
        (node, entry): (&str, Entry),
        before: SystemTime,
    ) -> io::Result<()> {
        self.change(path, rid, true, |calls| {
            let mut earlier = calls.iter_mut().filter(|call| began_before(call, before));
            match earlier.find(|call| call.node == node && call.meets(&entry)) {
                Some(call) => call.take_in(entry),
                None => calls.push(Call::of(node, entry)),
            }
        })
    }

    fn change(
        &self,
        path: &Path,
        rid: &RoomId,
        sync: bool,
        change: impl FnOnce(&mut Vec<Call>),
    ) -> io::Result<()> {
        let _alone = self.0.lock();
        let mut index = read(path)?;
        index.version = 1;
        index.room = rid.to_string();
        change(&mut index.calls);
        index.calls.sort_by(|one, other| one.start.cmp(&other.start));
        let surplus = index.calls.len().saturating_sub(MAX_CALLS);
        index.calls.drain(..surplus);
        place::write_whole(path, &index.fitting_json()?, sync)
    }
}

impl Index {
    /// No longer than what is read: without the oldest calls where need be.
    fn fitting_json(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let mut json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
            json.push(b'\n');
            if json.len() <= MAX_BYTES || self.calls.len() <= 1 {
                return Ok(json);
            }
            // A part of them at a time: each time everything is written out.
            self.calls.drain(..self.calls.len().div_ceil(8));
        }
    }
}

fn began_before(call: &Call, time: SystemTime) -> bool {
    utc::parse(&call.start).is_some_and(|start| start < time)
}

impl Call {
    /// The call of a recording of which nothing else is known.
    fn of(node: &str, entry: Entry) -> Self {
        Self {
            node: node.to_owned(),
            start: entry.start.clone(),
            end: entry.end.clone(),
            participants: [entry.user.clone()].into(),
            unnamed_participants: 0,
            recordings: vec![entry],
        }
    }

    /// Whether it is the same call, in another state perhaps.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.node, &self.start) == (&other.node, &other.start)
    }

    /// Whether a recording lies in it, or follows within its grace.
    fn meets(&self, entry: &Entry) -> bool {
        let follows = |one: &str, other: &str| {
            utc::parse(one).zip(utc::parse(other)).is_some_and(|(end, start)| start <= end + GRACE)
        };
        follows(&self.end, &entry.start) && follows(&entry.end, &self.start)
    }

    fn take_in(&mut self, entry: Entry) {
        if self.recordings.iter().any(|known| known.file == entry.file) {
            return;
        }
        // All times are written alike: they sort as texts.
        self.start = self.start.clone().min(entry.start.clone());
        self.end = self.end.clone().max(entry.end.clone());
        self.participants.insert(entry.user.clone());
        if self.recordings.len() < MAX_RECORDINGS {
            self.recordings.push(entry);
        }
    }
}

/// One that cannot be read is put aside, not overwritten.
fn read(path: &Path) -> io::Result<Index> {
    let size = match fs::symlink_metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::default()),
        Err(error) => return Err(error),
    };
    let index = if size <= MAX_BYTES as u64 { serde_json::from_slice(&fs::read(path)?).ok() } else { None };
    if let Some(index) = index {
        return Ok(index);
    }
    let aside = path.with_extension(format!("json.{}", utc::file_name(SystemTime::now())));
    tracing::warn!(?path, ?aside, "the index of a room's recordings cannot be read and is put aside");
    fs::rename(path, aside)?;
    Ok(Index::default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(file: &str, start: u64, end: u64) -> Entry {
        let at = |seconds| utc::rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let (user, stream) = (format!("user of {file}"), format!("stream of {file}"));
        Entry { file: file.to_owned(), user, stream, start: at(start), end: at(end) }
    }

    /// The files of each call, after these were added to an index with a call from 1,000 s to 1,100 s.
    fn added(entries: &[(&str, u64, u64)], before: u64) -> Vec<Vec<String>> {
        let folder = std::env::temp_dir().join(format!("anabranch-{:016x}", getrandom::u64().unwrap()));
        fs::create_dir(&folder).unwrap();
        let (path, rid, indices) = (folder.join(NAME), RoomId::parse("tea").unwrap(), Indices::default());
        indices.put(&path, &rid, Call::of("n", entry("known", 1000, 1100)), false).unwrap();
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(before);
        for &(file, start, end) in entries {
            indices.add(&path, &rid, ("n", entry(file, start, end)), before).unwrap();
        }
        let index = read(&path).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let files = |call: &Call| call.recordings.iter().map(|entry| entry.file.clone()).collect();
        index.calls.iter().map(files).collect()
    }

    #[test]
    fn an_index_that_grows_too_large_loses_its_oldest_calls_and_can_be_read() {
        let long = "x".repeat(200);
        let call = |n: u64| Call {
            recordings: (0..25).map(|m| entry(&format!("{long}{m}"), n, n + 1)).collect(),
            ..Call::of("n", entry("", n, n + 1))
        };
        let mut index = Index { calls: (0..MAX_CALLS as u64).map(call).collect(), ..Index::default() };
        let json = index.fitting_json().unwrap();
        assert!(json.len() <= MAX_BYTES && json.len() > MAX_BYTES / 2, "{}", json.len());
        let read: Index = serde_json::from_slice(&json).unwrap();
        assert_eq!(read.calls.last().unwrap(), &call(MAX_CALLS as u64 - 1));

        // The largest that a call can be.
        let text = "\"".repeat(128);
        let entry = Entry { stream: "\"".repeat(256), user: text.clone(), ..entry(&"x".repeat(250), 0, 1) };
        let participants = (0..2000).map(|n| format!("{}{n:04}", "\"".repeat(124))).collect();
        let largest = Call { participants, recordings: vec![entry; MAX_RECORDINGS], ..call(0) };
        let mut index = Index { calls: vec![largest; 3], ..Index::default() };
        assert!(index.fitting_json().unwrap().len() <= MAX_BYTES);
        assert!(!index.calls.is_empty());
    }

    #[test]
    fn a_recording_joins_the_call_that_it_was_made_in() {
        let within = ("within", 1050, 1160);
        assert_eq!(added(&[within], 5000), [["known", "within"]]);
        assert_eq!(added(&[within, ("follows", 1200, 1300)], 5000), [["known", "within", "follows"]]);
        assert_eq!(added(&[within, within], 5000), [["known", "within"]], "once is enough");
    }

    #[test]
    fn other_recordings_have_calls_of_their_own_in_the_order_of_time() {
        let all = added(&[("after", 1161, 1300), ("before", 100, 200)], 5000);
        assert_eq!(all, [["before"], ["known"], ["after"]]);
        assert_eq!(
            added(&[("crashed", 900, 990)], 1000),
            [["crashed"], ["known"]],
            "that call is this run's"
        );
    }
}
