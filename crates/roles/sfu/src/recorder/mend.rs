//! Completes recordings that were left open: by a crash, or by a disk that was full.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, SystemTime};

use model::ids::NodeId;
use ogg::{Mend, Scan, Tags};
use rustix::fs::{FlockOperation, flock};

use super::place::{self, OPUS, Place};
use super::queue::Shared;
use super::recording::origin;
use super::room_index::{self, Entry};
use super::sidecar::Sidecar;
use super::{RecordConfig, Subject};

const CHUNK: usize = 64 * 1024;

/// A file that has its end.
pub(super) struct Complete {
    duration: Duration,
    tags: Option<Tags>,
}

/// Ends a file after its last whole page. `None`: there is no recording in it.
pub(super) fn complete(file: &File) -> io::Result<Option<Complete>> {
    let mut scan = Scan::new();
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut chunk, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        at += read as u64;
        if !scan.feed(chunk.get(..read).unwrap_or_default()) {
            break;
        }
    }
    let complete = Complete { duration: scan.duration(), tags: scan.tags().cloned() };
    match scan.finish() {
        Mend::Whole => {}
        Mend::Cut { keep, patch } => {
            // Shorter first: on a full disk there is room for nothing else.
            file.set_len(keep)?;
            if let Some((offset, bytes)) = patch {
                file.write_all_at(&bytes, offset)?;
            }
        }
        Mend::Nothing => return Ok(None),
    }
    Ok(Some(complete))
}

/// Looks for files of earlier runs, on a thread of its own: there may be many.
pub(super) fn start(config: RecordConfig, node: NodeId, shared: Arc<Shared>) -> io::Result<()> {
    let mender = Mender { config, node, shared, before: SystemTime::now() };
    let look = move || {
        let mended = mender.all();
        if mended > 0 {
            tracing::info!(files = mended, "recordings that an earlier run left open were completed");
        }
    };
    thread::Builder::new().name("recorder-mend".into()).spawn(look).map(drop)
}

struct Mender {
    config: RecordConfig,
    node: NodeId,
    shared: Arc<Shared>,
    /// What is younger is this run's.
    before: SystemTime,
}

impl Mender {
    fn all(&self) -> usize {
        let mut mended = 0;
        for audio in left_open(&self.config.dir, self.before) {
            match self.one(&audio) {
                Ok(true) => {
                    self.shared.mended.fetch_add(1, Ordering::Relaxed);
                    mended += 1;
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(file = ?audio, %error, "a recording could not be completed"),
            }
        }
        mended
    }

    /// False: another process writes it, or nothing of it was worth keeping.
    fn one(&self, audio: &Path) -> io::Result<bool> {
        let path = self.config.dir.join(audio);
        let file = File::options().read(true).write(true).open(&path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(false);
        }
        let Some(Complete { duration, tags }) = complete(&file)? else {
            tracing::info!(file = ?audio, "a recording without any sound is removed");
            fs::remove_file(path)?;
            return Ok(false);
        };
        file.sync_data()?;
        // A file that somebody has put here from elsewhere belongs to no call.
        let origin = tags.as_ref().and_then(origin);
        let origin = origin.filter(|(subject, _)| audio.starts_with(place::room(&subject.rid)));
        // The index first: a file about which something is told is not looked at again.
        if let Some((subject, start)) = &origin {
            self.list(audio, subject, *start, duration)?;
        }
        let sidecar = Place::of(audio).sidecar();
        let told = Sidecar::mended(audio, &self.node, duration, origin.as_ref());
        place::write_whole(&self.config.dir.join(&sidecar), &told.to_json())?;
        self.finished(audio);
        self.finished(&sidecar);
        Ok(true)
    }

    /// Puts a recording into its room's index.
    fn list(&self, audio: &Path, subject: &Subject, start: SystemTime, duration: Duration) -> io::Result<()> {
        let index = place::room(&subject.rid).join(room_index::NAME);
        let entry = Entry::new(audio, subject, start, start + duration);
        let recording = (self.node.as_str(), entry);
        self.shared.indices.add(&self.config.dir.join(&index), &subject.rid, recording, self.before)?;
        self.finished(&index);
        Ok(())
    }

    fn finished(&self, path: &Path) {
        if let Some(finished) = &self.config.finished {
            finished(path);
        }
    }
}

/// Recordings from before this time of which nothing is told, below `dir`.
fn left_open(dir: &Path, before: SystemTime) -> Vec<PathBuf> {
    let rooms = entries(dir, true);
    let users = rooms.iter().flat_map(|room| entries(room, true));
    let files = users.flat_map(|user| entries(&user, false));
    let is_open = |path: &PathBuf| {
        let old = fs::symlink_metadata(path)
            .and_then(|meta| meta.modified())
            .is_ok_and(|modified| modified < before);
        old && path.extension().is_some_and(|ending| ending == OPUS) && !Place::of(path).sidecar().exists()
    };
    let below = |path: PathBuf| path.strip_prefix(dir).map(Path::to_path_buf).ok();
    files.filter(is_open).filter_map(below).collect()
}

/// The folders or the files in a folder; links are followed nowhere.
fn entries(folder: &Path, folders: bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let wanted = |entry: &fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| if folders { kind.is_dir() } else { kind.is_file() })
    };
    entries.flatten().filter(wanted).map(|entry| entry.path()).collect()
}
