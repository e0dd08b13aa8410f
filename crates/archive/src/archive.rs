//! The two ends: one for whoever has files, one for whoever runs the uploads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::counters::{Counters, Totals};
use crate::destination::Destination;
use crate::error::{AddError, OpenError};
use crate::file_path::{FilePath, uploaded_mark};
use crate::hold::Hold;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::unit::Unit;
use crate::worker::Worker;

/// How long [`Uploader::close`] waits for a step that is under way.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// What both ends share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) totals: Totals,
    /// A file was added.
    pub(crate) added: Notify,
}

/// Takes files. Cheap to clone, and of use from any thread.
#[derive(Debug, Clone)]
pub struct Archive {
    root: PathBuf,
    shared: Arc<Shared>,
}

/// The task that uploads. Dropping it stops it as [`close`](Self::close) does, without waiting.
#[derive(Debug)]
pub struct Uploader {
    task: JoinHandle<()>,
    _hold: Hold,
}

impl Archive {
    /// Checks the settings, reads what waits from earlier, and begins to upload on `runtime`. Blocks for as long
    /// as it takes to read one small file for each that waits. A storage that cannot be reached is no error.
    ///
    /// # Errors
    /// Names the setting that is wrong, or the folder that cannot be used or is another process's.
    pub fn open(settings: &Settings, runtime: &Handle) -> Result<(Self, Uploader), OpenError> {
        let destination = Destination::open(settings)?;
        let unusable = |why| OpenError::Queue { path: settings.root.clone(), why };
        let hold = Hold::take(&settings.root).map_err(unusable)?;
        let hold = hold.ok_or_else(|| OpenError::InUse(settings.root.clone()))?;
        let queue = Queue::open(&settings.root).map_err(unusable)?;
        if queue.len() > 0 {
            tracing::info!(waiting = queue.len(), "uploads of an earlier run go on");
        }
        let shared = Arc::new(Shared { queue, totals: Totals::default(), added: Notify::new() });
        let worker = Worker::new(settings, destination, Arc::clone(&shared));
        let archive = Self { root: settings.root.clone(), shared };
        Ok((archive, Uploader { task: runtime.spawn(worker.run()), _hold: hold }))
    }

    /// Hands over a file: its path relative to the folder of the recordings. Never waits for the storage, only for
    /// two small operations on the disk. When this returns, the upload survives the end of the process.
    ///
    /// A file is read when its turn comes, so of one that is added again and again the newest contents arrive. Whoever
    /// changes a file puts a new one in its place (rename) and adds it then.
    ///
    /// # Errors
    /// When the path is none of a recording, too many files wait, or the disk fails. The file stays where it is.
    pub fn add(&self, path: impl AsRef<Path>) -> Result<(), AddError> {
        self.add_together(&[path])
    }

    /// Hands over files that belong together, as [`add`](Self::add) does one. They are uploaded in this order, and none is
    /// removed before all have arrived; then in this order too. So the last one is here for as long as any is.
    ///
    /// # Errors
    /// The same, and when there are none, or more than eight.
    pub fn add_together<P: AsRef<Path>>(&self, paths: &[P]) -> Result<(), AddError> {
        let unit = Unit::new(paths)?;
        self.shared.queue.add(unit).inspect_err(|_| self.shared.totals.refused())?;
        self.shared.added.notify_one();
        Ok(())
    }

    /// Whether these files wait to be uploaded as one, or stay here and have been, by their marks. Ones without a mark were
    /// not, or the process or the machine ended just then.
    #[must_use]
    pub fn knows<P: AsRef<Path>>(&self, paths: &[P]) -> bool {
        let Ok(unit) = Unit::new(paths) else { return false };
        let marked = |path: &FilePath| uploaded_mark(&self.root, path).exists();
        self.shared.queue.has(&unit) || unit.files().iter().all(marked)
    }

    /// Numbers for metrics.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.totals.read(self.shared.queue.files())
    }
}

impl Uploader {
    /// Stops, within a second. What waits and what is under way goes on with the next [`Archive::open`]. Files can
    /// be added meanwhile; they wait for it too.
    pub async fn close(mut self) {
        self.task.abort();
        // It ends at its next step; that it was stopped is no news.
        drop(tokio::time::timeout(CLOSE_WITHIN, &mut self.task).await);
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
