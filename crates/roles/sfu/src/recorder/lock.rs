//! Which process writes a file: its lock says so, where the file system has locks.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// This process's, until the file is closed.
    Ours,
    /// Another one writes it.
    Others,
    /// Nobody can say: the file system has no locks.
    Unknown,
}

/// Takes a file's lock.
pub(super) fn take(file: &File) -> Lock {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Ours,
        Err(Errno::WOULDBLOCK) => Lock::Others,
        Err(error) => {
            tracing::debug!(%error, "a recording cannot be locked");
            Lock::Unknown
        }
    }
}
