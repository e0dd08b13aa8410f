//! Numbers for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::way::Uploaded;

/// What an archive has done since it was opened, and what is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Files that wait or are under way.
    pub waiting: u64,
    /// Files that have been uploaded.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Attempts that failed. A file that had vanished or was unfit counts once.
    pub failures: u64,
    /// Files that were not taken: too many wait, or the disk fails.
    pub refused: u64,
}

/// The same while it grows.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    files: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

impl Totals {
    pub(crate) fn uploaded(&self, uploaded: Uploaded) {
        self.files.fetch_add(uploaded.files, Ordering::Relaxed);
        self.bytes.fetch_add(uploaded.bytes, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, waiting: usize) -> Counters {
        Counters {
            waiting: waiting as u64,
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
