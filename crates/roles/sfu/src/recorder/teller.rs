//! The thread that tells of recordings that have ended: it writes what is told beside them and into the indices of their
//! rooms, and hands complete files over. What fails, on a full disk for instance, is kept and tried again.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use model::ids::RoomId;

use super::keeper::NotTaken;
use super::queue::Shared;
use super::room_index::{Call, NAME};
use super::{Keeper, RecordConfig, place};

/// Recordings that wait to be told of, with an open file each. Overflow: the next start tells of it, and knows no more than
/// the file does.
const MAX_UNTOLD: u64 = 4096;

/// How long after a failure until the next try.
const RETRY: Duration = Duration::from_secs(2);

/// Something to be done.
#[derive(Debug)]
pub(super) enum Job {
    Story(Story),
    Index {
        rid: RoomId,
        call: Call,
    },
    /// Files below the recorder's folder that belong together.
    HandOver(Vec<PathBuf>),
}

/// What is to be told of a recording.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) audio: PathBuf,
    pub(super) sidecar: PathBuf,
    pub(super) json: Vec<u8>,
    /// It stays locked until something is told of it: nobody is to take it for one that a crash left.
    pub(super) file: Arc<File>,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Story(story) => story.audio.display().fmt(f),
            Self::Index { rid, .. } => write!(f, "the index of {rid}"),
            Self::HandOver(files) => files.first().map_or(Ok(()), |file| file.display().fmt(f)),
        }
    }
}

/// Why a job is not done.
enum Failure {
    /// It is tried again.
    Now(String),
    /// It is given up.
    Ever(String),
}

/// Where jobs are handed in.
#[derive(Debug)]
pub(super) struct Teller {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// Starts the thread.
pub(super) fn start(config: &RecordConfig, shared: Arc<Shared>) -> io::Result<Teller> {
    let (jobs, receiver) = channel();
    let (dir, keeper) = (config.dir.clone(), config.keeper.clone());
    let work = Work::new(dir, keeper, Arc::clone(&shared));
    let thread = thread::Builder::new().name("recorder-tell".into()).spawn(move || work.run(&receiver))?;
    Ok(Teller { jobs, shared, thread })
}

impl Teller {
    /// False: too much waits.
    pub(super) fn hand_in(&self, job: Job) -> bool {
        if self.shared.untold.fetch_add(1, Ordering::Relaxed) < MAX_UNTOLD && self.jobs.send(job).is_ok() {
            return true;
        }
        self.shared.untold.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Returns when everything was tried.
    pub(super) fn end(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("a bug: the thread that tells of recordings panicked");
        }
    }
}

struct Work {
    dir: PathBuf,
    keeper: Option<Arc<dyn Keeper>>,
    shared: Arc<Shared>,
    /// What has failed. Bounded as all jobs are.
    waiting: VecDeque<Job>,
    retried: Instant,
    /// Told, and not yet that it is over.
    failing: bool,
}

impl Work {
    fn new(dir: PathBuf, keeper: Option<Arc<dyn Keeper>>, shared: Arc<Shared>) -> Self {
        Self { dir, keeper, shared, waiting: VecDeque::new(), retried: Instant::now(), failing: false }
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(RETRY.saturating_sub(self.retried.elapsed())) {
                Ok(job) => {
                    self.attempt(job);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.retried.elapsed() >= RETRY {
                self.retry();
            }
        }
        self.retry();
        if !self.waiting.is_empty() {
            tracing::error!(
                recordings = self.waiting.len(),
                "not everything could be told of recordings, or handed over; the next start tries again"
            );
        }
    }

    /// Those that wait, until one fails: it lets the others go first the next time.
    fn retry(&mut self) {
        self.retried = Instant::now();
        for _ in 0..self.waiting.len() {
            let Some(job) = self.waiting.pop_front() else { break };
            if !self.attempt(job) {
                return;
            }
        }
        if std::mem::take(&mut self.failing) {
            tracing::info!("everything is told of recordings, and handed over, again");
        }
    }

    /// False: it waits.
    fn attempt(&mut self, mut job: Job) -> bool {
        if let Job::Index { rid, call } = &job {
            self.outdate(rid, call);
        }
        // A bug in whoever takes files costs the one at hand.
        let done = catch_unwind(AssertUnwindSafe(|| self.work(&mut job)));
        match done.unwrap_or_else(|_| Err(Failure::Ever("a bug: it panicked".to_owned()))) {
            Ok(()) => {}
            Err(Failure::Ever(why)) => {
                tracing::error!(what = %job, why, "a recording is not kept as it should be");
            }
            Err(Failure::Now(why)) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(what = %job, why, "not everything can be told of recordings, or handed over; it waits");
                }
                self.waiting.push_back(job);
                return false;
            }
        }
        self.shared.untold.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// A call's former state, which waits, would replace its new one.
    fn outdate(&mut self, rid: &RoomId, call: &Call) {
        let before = self.waiting.len();
        let same = |job: &Job| matches!(job, Job::Index { rid: of, call: old } if of == rid && old.is(call));
        self.waiting.retain(|job| !same(job));
        self.shared.untold.fetch_sub((before - self.waiting.len()) as u64, Ordering::Relaxed);
    }

    /// What is left of the job when it fails stands in it.
    fn work(&self, job: &mut Job) -> Result<(), Failure> {
        let files = match job {
            Job::Story(story) => {
                self.tell(story)?;
                vec![story.audio.clone(), story.sidecar.clone()]
            }
            Job::Index { rid, call } => {
                let index = place::room(rid).join(NAME);
                self.shared
                    .indices
                    .put(&self.dir.join(&index), rid, call.clone(), self.sync())
                    .map_err(|error| disk(&error))?;
                vec![index]
            }
            Job::HandOver(files) => std::mem::take(files),
        };
        *job = Job::HandOver(files);
        let Job::HandOver(files) = job else { return Ok(()) };
        hand_over(self.keeper.as_deref(), files)
    }

    /// The sound first: where something is told, nobody looks whether it is all there.
    fn tell(&self, story: &Story) -> Result<(), Failure> {
        if self.sync() {
            story.file.sync_data().map_err(|error| disk(&error))?;
        }
        place::write_whole(&self.dir.join(&story.sidecar), &story.json, self.sync())
            .map_err(|error| disk(&error))
    }

    /// At the end there is no time for it, and the system writes everything soon unless the power fails.
    fn sync(&self) -> bool {
        !self.shared.ending.load(Ordering::Relaxed)
    }
}

/// Hands complete files over, if there is anybody to take them.
fn hand_over(keeper: Option<&dyn Keeper>, files: &[PathBuf]) -> Result<(), Failure> {
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    keeper.map_or(Ok(()), |keeper| keeper.take(&files)).map_err(|error| match error {
        NotTaken::Now(why) => Failure::Now(why),
        NotTaken::Ever(why) => Failure::Ever(why),
    })
}

fn disk(error: &io::Error) -> Failure {
    match error.kind() {
        // Whoever removed the folder does not want it.
        io::ErrorKind::NotFound => Failure::Ever(error.to_string()),
        _ => Failure::Now(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use parking_lot::Mutex;

    use super::*;

    /// Takes files, or does not.
    #[derive(Default)]
    struct Moody {
        refuses: AtomicBool,
        panics: AtomicBool,
        taken: Mutex<Vec<Vec<PathBuf>>>,
    }

    impl Keeper for Moody {
        fn take(&self, files: &[&Path]) -> Result<(), NotTaken> {
            assert!(!self.panics.load(Ordering::Relaxed), "as a bug would have it");
            if self.refuses.load(Ordering::Relaxed) {
                return Err(NotTaken::Now("in a bad mood".to_owned()));
            }
            self.taken.lock().push(files.iter().map(|file| file.to_path_buf()).collect());
            Ok(())
        }

        fn knows(&self, _files: &[&Path]) -> bool {
            false
        }
    }

    struct Stage {
        dir: PathBuf,
        keeper: Arc<Moody>,
        work: Work,
    }

    impl Stage {
        fn new() -> Self {
            let dir = std::env::temp_dir().join(format!("anabranch-{:016x}", getrandom::u64().unwrap()));
            fs::create_dir(&dir).unwrap();
            let keeper = Arc::new(Moody::default());
            let taker: Arc<dyn Keeper> = Arc::<Moody>::clone(&keeper);
            let work = Work::new(dir.clone(), Some(taker), Arc::default());
            Self { dir, keeper, work }
        }

        fn attempt(&mut self, name: &str) {
            let audio = PathBuf::from(format!("{name}/1.opus"));
            let file = Arc::new(File::create(self.dir.join("sound")).unwrap());
            let story = Story { sidecar: audio.with_extension("json"), audio, json: b"{}".to_vec(), file };
            self.work.shared.untold.fetch_add(1, Ordering::Relaxed);
            self.work.attempt(Job::Story(story));
        }

        fn untold(&self) -> u64 {
            self.work.shared.untold.load(Ordering::Relaxed)
        }
    }

    impl Drop for Stage {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }

    #[test]
    fn what_cannot_be_written_or_handed_over_is_tried_again() {
        let mut stage = Stage::new();
        stage.keeper.refuses.store(true, Ordering::Relaxed);
        // Not even root writes below a file.
        fs::write(stage.dir.join("a"), "in the way").unwrap();
        fs::create_dir(stage.dir.join("b")).unwrap();
        stage.attempt("a");
        stage.attempt("b");
        assert_eq!(stage.untold(), 2);
        assert!(stage.dir.join("b/1.json").exists(), "told, and not taken");
        fs::remove_file(stage.dir.join("a")).unwrap();
        fs::create_dir(stage.dir.join("a")).unwrap();
        stage.keeper.refuses.store(false, Ordering::Relaxed);
        stage.work.retry();
        assert_eq!(stage.untold(), 0);
        let taken = stage.keeper.taken.lock().clone();
        assert_eq!(
            taken,
            [["a/1.opus", "a/1.json"], ["b/1.opus", "b/1.json"]].map(|files| files.map(PathBuf::from))
        );
    }

    #[test]
    fn one_that_fails_holds_up_no_other_and_what_is_gone_is_given_up() {
        let mut stage = Stage::new();
        fs::write(stage.dir.join("bad"), "in the way").unwrap();
        stage.attempt("bad");
        stage.attempt("gone");
        assert_eq!(stage.untold(), 1);
        fs::create_dir(stage.dir.join("good")).unwrap();
        stage.keeper.refuses.store(true, Ordering::Relaxed);
        stage.attempt("good");
        stage.keeper.refuses.store(false, Ordering::Relaxed);
        stage.work.retry();
        stage.work.retry();
        assert_eq!((stage.untold(), stage.keeper.taken.lock().len()), (1, 1));
    }

    #[test]
    fn a_bug_in_whoever_takes_files_costs_one() {
        let mut stage = Stage::new();
        fs::create_dir(stage.dir.join("a")).unwrap();
        stage.keeper.panics.store(true, Ordering::Relaxed);
        stage.attempt("a");
        stage.keeper.panics.store(false, Ordering::Relaxed);
        stage.attempt("a");
        assert_eq!((stage.untold(), stage.keeper.taken.lock().len()), (0, 1));
    }
}
