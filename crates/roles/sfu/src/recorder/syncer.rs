//! Forces files to the disk, on a thread of its own: on a slow disk that takes seconds.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::queue::Shared;

/// Files that wait. Overflow: a file is forced to the disk at the next round.
const WAITING: usize = 4096;

/// Where files are handed in.
#[derive(Debug, Clone)]
pub(super) struct Syncer {
    files: SyncSender<Arc<File>>,
    shared: Arc<Shared>,
    pub(super) interval: Duration,
}

/// Starts the thread; it ends when the last [`Syncer`] is gone.
pub(super) fn start(interval: Duration, shared: Arc<Shared>) -> io::Result<Syncer> {
    let (files, waiting) = sync_channel(WAITING);
    let taken = Arc::clone(&shared);
    thread::Builder::new().name("recorder-sync".into()).spawn(move || sync_all(&waiting, &taken))?;
    Ok(Syncer { files, shared, interval })
}

impl Syncer {
    /// Has a file's contents forced to the disk soon.
    pub(super) fn sync(&self, file: &Arc<File>) {
        self.shared.unsynced.fetch_add(1, Ordering::Relaxed);
        if self.files.try_send(Arc::clone(file)).is_err() {
            self.shared.unsynced.fetch_sub(1, Ordering::Relaxed);
            self.shared.syncs_put_off.fetch_add(1, Ordering::Relaxed);
            tracing::debug!("a recording is forced to the disk later");
        }
    }

    /// Whether it is time again for a file that was handed in then.
    pub(super) fn is_due(&self, last: Instant) -> bool {
        !self.interval.is_zero() && last.elapsed() >= self.interval
    }
}

fn sync_all(waiting: &Receiver<Arc<File>>, shared: &Shared) {
    loop {
        match waiting.recv_timeout(Duration::from_secs(60)) {
            Ok(file) => {
                shared.unsynced.fetch_sub(1, Ordering::Relaxed);
                // The next write fails too, and says so.
                if let Err(error) = file.sync_data() {
                    tracing::debug!(%error, "a recording could not be forced to the disk");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
