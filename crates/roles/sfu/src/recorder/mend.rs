//! What an earlier run left: recordings that a crash left open are completed, and what nobody has taken yet is handed over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, SystemTime};

use model::ids::NodeId;

use super::completion::{Complete, Completion, complete};
use super::keeper::NotTaken;
use super::lock::{self, Lock};
use super::place::{self, Place};
use super::queue::Shared;
use super::recording::origin;
use super::room_index::{self, Entry};
use super::sidecar::Sidecar;
use super::{RecordConfig, Subject};

/// Without locks, a file that was written to this shortly ago may be another process's.
const QUIET: Duration = Duration::from_secs(60);

/// How long after a failure until the next try to hand something over.
const RETRY: Duration = Duration::from_secs(5);

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
        entries(&self.config.dir, true).iter().map(|room| self.room(room)).sum()
    }

    /// Answers how many were completed.
    fn room(&self, room: &Path) -> usize {
        let (mut mended, mut left) = (0, Vec::new());
        for path in entries(room, true).iter().flat_map(|user| entries(user, false)) {
            let Some(place) = self.place_of(&path) else { continue };
            if self.is_told(&place) {
                left.push(place);
                continue;
            }
            match self.one(&place) {
                Ok(true) => {
                    self.shared.mended.fetch_add(1, Ordering::Relaxed);
                    mended += 1;
                    left.push(place);
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(file = ?path, %error, "a recording could not be completed"),
            }
        }
        self.hand_over(room, left);
        mended
    }

    /// The place of a recording from before this run.
    fn place_of(&self, path: &Path) -> Option<Place> {
        let place = Place::of(path.strip_prefix(&self.config.dir).ok()?)?;
        let modified = fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()?;
        (modified < self.before).then_some(place)
    }

    /// A file without contents is what a power failure may leave of what was told.
    fn is_told(&self, place: &Place) -> bool {
        let sidecar = self.config.dir.join(place.sidecar());
        fs::symlink_metadata(sidecar).is_ok_and(|meta| meta.len() > 0)
    }

    /// False: another process writes it, or there was nothing to complete.
    fn one(&self, place: &Place) -> io::Result<bool> {
        let (audio, path) = (place.audio(), self.config.dir.join(place.audio()));
        let file = File::options().read(true).write(true).open(&path)?;
        // Whoever had it may have told of it before its lock was to be had.
        if !may_be_completed(&file)? || self.is_told(place) {
            return Ok(false);
        }
        match complete(&file)? {
            Completion::Complete(complete) => {
                file.sync_data()?;
                self.tell(place, &complete)?;
                return Ok(true);
            }
            Completion::Empty => {
                tracing::info!(file = ?audio, "a recording without any sound is removed");
                fs::remove_file(path)?;
            }
            Completion::Unreadable => {
                let mut aside = path.clone().into_os_string();
                aside.push(".unreadable");
                tracing::warn!(file = ?audio, ?aside, "the start of a recording cannot be read: it is put aside");
                fs::rename(path, aside)?;
            }
            Completion::Foreign => {
                tracing::warn!(file = ?audio, "a file with a recording's name was not written here, and is left alone");
            }
        }
        Ok(false)
    }

    fn tell(&self, place: &Place, complete: &Complete) -> io::Result<()> {
        let audio = place.audio();
        // A file that somebody has put here from elsewhere belongs to no call.
        let origin = complete.tags.as_ref().and_then(origin);
        let origin = origin.filter(|(subject, _)| audio.starts_with(place::room(&subject.rid)));
        // The index first: a file about which something is told is not completed again.
        if let Some((subject, start)) = &origin {
            self.list(&audio, subject, *start, complete.duration)?;
        }
        let told = Sidecar::mended(&audio, &self.node, complete, origin.as_ref());
        place::write_whole(&self.config.dir.join(place.sidecar()), &told.to_json(), true)
    }

    /// Puts a recording into its room's index.
    fn list(&self, audio: &Path, subject: &Subject, start: SystemTime, duration: Duration) -> io::Result<()> {
        let index = self.config.dir.join(place::room(&subject.rid)).join(room_index::NAME);
        let entry = Entry::new(audio, subject, start, start + duration);
        self.shared.indices.add(&index, &subject.rid, (self.node.as_str(), entry), self.before)
    }

    /// What nobody has taken: the process ended too soon, or there was no room on the disk to note it.
    fn hand_over(&self, room: &Path, left: Vec<Place>) {
        let Some(keeper) = &self.config.keeper else { return };
        let mut changed = false;
        for place in left {
            let files = [place.audio(), place.sidecar()];
            if !keeper.knows(&files.each_ref().map(PathBuf::as_path)) {
                changed |= self.patiently(&files);
            }
        }
        let index = room.join(room_index::NAME);
        if let Ok(below) = index.strip_prefix(&self.config.dir).map(Path::to_path_buf)
            && changed
            && index.exists()
        {
            self.patiently(&[below]);
        }
    }

    /// Until somebody takes it. False: nobody will.
    fn patiently(&self, files: &[PathBuf]) -> bool {
        let Some(keeper) = &self.config.keeper else { return false };
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let mut told = false;
        while !self.shared.ending.load(Ordering::Relaxed) {
            match keeper.take(&files) {
                Ok(()) => return true,
                Err(NotTaken::Ever(why)) => {
                    tracing::error!(?files, why, "a recording of an earlier run is not taken");
                    return false;
                }
                Err(NotTaken::Now(why)) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!(
                            ?files,
                            why,
                            "a recording of an earlier run cannot be handed over; it waits"
                        );
                    }
                    thread::sleep(RETRY);
                }
            }
        }
        false
    }
}

/// Takes the lock.
fn may_be_completed(file: &File) -> io::Result<bool> {
    Ok(match lock::take(file) {
        Lock::Ours => true,
        Lock::Others => false,
        Lock::Unknown => file.metadata()?.modified()?.elapsed().is_ok_and(|quiet| quiet >= QUIET),
    })
}

/// The folders or the files in a folder; links are followed nowhere.
fn entries(folder: &Path, folders: bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let wanted = |entry: &fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| if folders { kind.is_dir() } else { kind.is_file() })
    };
    entries.flatten().filter(wanted).map(|entry| entry.path()).collect()
}
