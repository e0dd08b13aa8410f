//! Writes what is recorded: off the media threads, which only copy packets into a bounded queue.
//!
//! One thread owns all files. A disk that is slow or full costs recordings, never media: what finds no room in the
//! queue is lost, and a file that cannot be written is closed as it is, and another one is begun later.
//!
//! - `taps`: which streams of a worker are recorded.
//! - `queue`: how packets reach the thread; `writer`: its loop.
//! - `recording`: one track in one file; `place`: where that file is; `sidecar`: what is told about it.
//! - `teller`: the thread that writes what is told, and hands complete files over; `keeper`: to whom.
//! - `room_call`: who and what belongs to a call; `room_index`: the file that lists a room's calls.
//! - `mend`: what an earlier run left; `completion`: the end of a file; `lock`: whose it is.
//! - `syncer`: to the disk for good. `space`: how much of it is left.

mod completion;
mod keeper;
mod lock;
mod mend;
mod place;
mod queue;
mod recording;
mod room_call;
mod room_index;
mod sidecar;
mod space;
mod syncer;
mod taps;
mod teller;
mod utc;
mod writer;

pub use keeper::{Keeper, NotTaken};
pub(crate) use queue::Recorder;
pub use room_index::NAME as RECORDING_INDEX;
pub(crate) use taps::Taps;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{fmt, io};

use model::ids::{NodeId, RoomId, StreamId, UserId};

use crate::directory::Directory;

/// The settings of the recorder.
#[derive(Clone)]
pub struct RecordConfig {
    /// Streams are recorded whose publisher does not say otherwise.
    pub enabled: bool,
    /// The folder below which everything is written.
    pub dir: PathBuf,
    /// How often what was written is forced to the disk, against the power's failure; zero: when a file ends.
    pub sync: Duration,
    /// Bytes that have to be free on the disk for a recording to begin.
    pub min_free: u64,
    /// Takes the files that are complete.
    pub keeper: Option<Arc<dyn Keeper>>,
}

impl fmt::Debug for RecordConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordConfig")
            .field("enabled", &self.enabled)
            .field("dir", &self.dir)
            .field("sync", &self.sync)
            .field("min_free", &self.min_free)
            .finish_non_exhaustive()
    }
}

/// The recorder could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The folder cannot be made, or not be written to.
    #[error("cannot record into {}: {source}", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start the recorder: {0}")]
    Thread(#[source] io::Error),
}

/// Numbers of a recorder since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecorderStats {
    /// Files that are being written now.
    pub open: u64,
    /// Files that were begun.
    pub started: u64,
    /// Files that were completed.
    pub finished: u64,
    /// Files that were given up because they could not be written.
    pub failed: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Packets that found no room in the queue.
    pub dropped: u64,
    /// Bytes that wait in the queue now.
    pub queued: u64,
    /// Files of an earlier run that were completed at the start.
    pub mended: u64,
    /// Recordings that did not begin: too little space was free.
    pub refused: u64,
    /// Bytes that were free on the disk when it was looked at last.
    pub free: u64,
    /// Recordings that have ended, and of which nothing could be told yet, or which nobody has taken.
    pub untold: u64,
    /// Files that wait to be forced to the disk now.
    pub unsynced: u64,
    /// Times that a file found no room there, and was left for the next round.
    pub syncs_put_off: u64,
}

/// Whose stream is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    pub(crate) mid: StreamId,
}

/// Starts recording. The thread ends when it is told to stop, or the last [`Recorder`] is gone.
pub(crate) fn start(
    config: &RecordConfig,
    node: NodeId,
    directory: Arc<Directory>,
) -> Result<Recorder, RecorderError> {
    let folder = |source| RecorderError::Folder { dir: config.dir.clone(), source };
    place::prepare(&config.dir).map_err(folder)?;
    let (recorder, queue) = queue::queue();
    let syncer = syncer::start(config.sync, Arc::clone(&queue.shared)).map_err(RecorderError::Thread)?;
    queue.shared.free.store(space::free(&config.dir), Ordering::Relaxed);
    let teller = teller::start(config, Arc::clone(&queue.shared)).map_err(RecorderError::Thread)?;
    let edges = writer::Edges { directory, queue, syncer, teller };
    let writer = writer::Writer::new(config.clone(), node, edges);
    recorder.run(writer).map_err(RecorderError::Thread)?;
    Ok(recorder)
}
