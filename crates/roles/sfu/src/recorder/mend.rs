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
use ogg::{Mend, Scan};
use rustix::fs::{FlockOperation, flock};

use super::RecordConfig;
use super::place::{self, OPUS, Place};
use super::queue::Shared;
use super::sidecar::Sidecar;

const CHUNK: usize = 64 * 1024;

/// Ends a file after its last whole page. Answers how long it is; `None`: there is no recording in it.
pub(super) fn complete(file: &File) -> io::Result<Option<Duration>> {
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
    let duration = scan.duration();
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
    Ok(Some(duration))
}

/// Looks for files of earlier runs, on a thread of its own: there may be many.
pub(super) fn start(config: RecordConfig, node: NodeId, shared: Arc<Shared>) -> io::Result<()> {
    let before = SystemTime::now();
    let look = move || {
        let mended = all(&config, &node, &shared, before);
        if mended > 0 {
            tracing::info!(files = mended, "recordings that an earlier run left open were completed");
        }
    };
    thread::Builder::new().name("recorder-mend".into()).spawn(look).map(drop)
}

fn all(config: &RecordConfig, node: &NodeId, shared: &Shared, before: SystemTime) -> usize {
    let mut mended = 0;
    for audio in left_open(&config.dir, before) {
        match one(config, node, &audio) {
            Ok(true) => {
                shared.mended.fetch_add(1, Ordering::Relaxed);
                mended += 1;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(file = ?audio, %error, "a recording could not be completed"),
        }
    }
    mended
}

/// False: another process writes it, or nothing of it was worth keeping.
fn one(config: &RecordConfig, node: &NodeId, audio: &Path) -> io::Result<bool> {
    let path = config.dir.join(audio);
    let file = File::options().read(true).write(true).open(&path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    let Some(duration) = complete(&file)? else {
        tracing::info!(file = ?audio, "a recording without any sound is removed");
        fs::remove_file(path)?;
        return Ok(false);
    };
    file.sync_data()?;
    let sidecar = Place::of(audio).sidecar();
    let told = Sidecar::mended(audio, node, duration.as_secs_f64());
    place::write_whole(&config.dir.join(&sidecar), &told.to_json())?;
    if let Some(finished) = &config.finished {
        finished(audio);
        finished(&sidecar);
    }
    Ok(true)
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
