//! Forces files to the disk, on a thread of its own: on a slow disk that takes seconds.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Files that wait. Overflow: a file is forced to the disk at the next round.
const WAITING: usize = 4096;

/// Where files are handed in.
#[derive(Debug, Clone)]
pub(super) struct Syncer {
    files: SyncSender<Arc<File>>,
    pub(super) interval: Duration,
}

/// Starts the thread; it ends when the last [`Syncer`] is gone.
pub(super) fn start(interval: Duration) -> io::Result<Syncer> {
    let (files, waiting) = sync_channel(WAITING);
    thread::Builder::new().name("recorder-sync".into()).spawn(move || sync_all(&waiting))?;
    Ok(Syncer { files, interval })
}

impl Syncer {
    /// Has a file's contents forced to the disk soon.
    pub(super) fn sync(&self, file: &Arc<File>) {
        if self.files.try_send(Arc::clone(file)).is_err() {
            tracing::debug!("a recording is forced to the disk later");
        }
    }

    /// Whether it is time again for a file that was handed in then.
    pub(super) fn is_due(&self, last: Instant) -> bool {
        !self.interval.is_zero() && last.elapsed() >= self.interval
    }
}

fn sync_all(waiting: &Receiver<Arc<File>>) {
    loop {
        match waiting.recv_timeout(Duration::from_secs(60)) {
            Ok(file) => {
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
