//! What is known of a run: what went wrong, and whether that had a reason.

use parking_lot::Mutex;
use std::{
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// After a fault an error may be explained by it for this long: the longest that a call is held up, the
/// grace of a dead node, and a refresh.
const EXPLAINS: Duration = Duration::from_secs(30);

pub(super) struct Record {
    began: Instant,
    /// Whether the run is told on the way, for people.
    told: bool,
    wrong: Mutex<Vec<String>>,
    last_fault: Mutex<Option<Instant>>,
    calm: AtomicBool,
}

impl Record {
    pub(super) fn new(told: bool) -> Self {
        let (wrong, last_fault) = (Mutex::default(), Mutex::default());
        Self { began: Instant::now(), told, wrong, last_fault, calm: AtomicBool::new(false) }
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if self.told {
            println!("{:8.3} {}", self.began.elapsed().as_secs_f64(), what());
        }
    }

    /// Something is not as it must be.
    pub(super) fn wrong(&self, what: impl Display) {
        self.note(|| format!("WRONG: {what}"));
        self.wrong.lock().push(format!("at {:.3} s: {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Everything that was wrong.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let wrong = self.wrong.lock();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// A fault was made.
    pub(super) fn fault(&self) {
        *self.last_fault.lock() = Some(Instant::now());
    }

    /// Whether a fault may be the reason of an error now.
    pub(super) fn faulty(&self) -> bool {
        self.last_fault.lock().is_some_and(|at| at.elapsed() < EXPLAINS)
    }

    /// No faults from now on.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.note(|| "no faults from now on".to_owned());
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }
}
