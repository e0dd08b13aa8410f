//! How packets reach the recorder's thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use media::{TapId, Tape, TappedTrack};
use model::ids::{RoomId, UserId};
use parking_lot::Mutex;

use super::room_index::Indices;
use super::writer::Writer;
use super::{RecorderStats, Subject};

/// Bytes of packets that wait: some 10 s of 200 recordings. Overflow: packets are left out and counted, and the
/// recordings have silence there.
const QUEUE_BYTES: u64 = 16 * 1024 * 1024;

/// What anything but packets takes, about.
const SMALL: u64 = 256;

/// What the thread is told. All of it counts, and packets and people find no room when there is too much. Beginnings and
/// ends always do: there are as many as streams come and go.
#[derive(Debug)]
pub(super) enum Message {
    Begin {
        tap: TapId,
        subject: Subject,
        tracks: Vec<TappedTrack>,
        at: Instant,
        wall: SystemTime,
    },
    Packets(Tape),
    Seen {
        rid: RoomId,
        uid: UserId,
    },
    End {
        tap: TapId,
        at: Instant,
        reason: &'static str,
    },
    Stop,
    /// As a bug would have it.
    #[cfg(test)]
    Panic,
}

impl Message {
    /// About how much memory it takes while it waits.
    fn size(&self) -> u64 {
        match self {
            Self::Packets(tape) => tape.size() as u64,
            _ => SMALL,
        }
    }
}

/// The end of the queue that the media threads have. Cheap to clone; nothing here ever waits.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    messages: Sender<Message>,
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(super) struct Shared {
    next_tap: AtomicU64,
    /// Recordings that have begun and not ended.
    begun: AtomicU64,
    queued: AtomicU64,
    dropped: AtomicU64,
    /// Told once per time that the queue is full.
    overflowing: AtomicBool,
    pub(super) open: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) finished: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) mended: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) free: AtomicU64,
    pub(super) untold: AtomicU64,
    /// Everything is to be over soon: nothing waits for the disk any more.
    pub(super) ending: AtomicBool,
    /// Files that wait to be forced to the disk.
    pub(super) unsynced: AtomicU64,
    pub(super) syncs_put_off: AtomicU64,
    pub(super) indices: Arc<Indices>,
}

/// The thread's end.
#[derive(Debug)]
pub(super) struct Queue {
    messages: Receiver<Message>,
    pub(super) shared: Arc<Shared>,
}

/// Makes both ends.
pub(super) fn queue() -> (Recorder, Queue) {
    let (messages, receiver) = channel();
    let shared = Arc::new(Shared::default());
    let recorder = Recorder { messages, shared: Arc::clone(&shared), thread: Arc::default() };
    (recorder, Queue { messages: receiver, shared })
}

impl Recorder {
    pub(super) fn run(&self, writer: Writer) -> io::Result<()> {
        let thread = thread::Builder::new().name("recorder".into()).spawn(move || writer.run())?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// A name for a recording that no other has.
    pub(crate) fn next_tap(&self) -> TapId {
        TapId(self.shared.next_tap.fetch_add(1, Ordering::Relaxed))
    }

    /// A recording begins.
    pub(crate) fn begin(&self, tap: TapId, subject: Subject, tracks: Vec<TappedTrack>) {
        // Before the thread looks who is there: who comes after that is told.
        self.shared.begun.fetch_add(1, Ordering::AcqRel);
        let (at, wall) = (Instant::now(), SystemTime::now());
        self.tell(Message::Begin { tap, subject, tracks, at, wall });
    }

    /// Packets of recordings that have begun. What finds no room is lost.
    pub(crate) fn packets(&self, tape: Tape) {
        let size = tape.size() as u64;
        if self.shared.queued.load(Ordering::Relaxed) + size > QUEUE_BYTES {
            self.shared.dropped.fetch_add(tape.packets().count() as u64, Ordering::Relaxed);
            if !self.shared.overflowing.swap(true, Ordering::Relaxed) {
                tracing::error!("recordings lose packets: the disk does not keep up");
            }
            return;
        }
        self.tell(Message::Packets(tape));
    }

    /// Somebody publishes or subscribes in a room. Left out while packets find no room either: a disk that hangs
    /// must not have this pile up.
    pub(crate) fn seen(&self, rid: &RoomId, uid: &UserId) {
        let recording = self.shared.begun.load(Ordering::Acquire) > 0;
        if recording && !self.shared.overflowing.load(Ordering::Relaxed) {
            self.tell(Message::Seen { rid: rid.clone(), uid: uid.clone() });
        }
    }

    /// A recording ends.
    pub(crate) fn end(&self, tap: TapId, reason: &'static str) {
        self.shared.begun.fetch_sub(1, Ordering::AcqRel);
        self.tell(Message::End { tap, at: Instant::now(), reason });
    }

    pub(crate) fn stats(&self) -> RecorderStats {
        let shared = &self.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecorderStats {
            open: read(&shared.open),
            started: read(&shared.started),
            finished: read(&shared.finished),
            failed: read(&shared.failed),
            bytes: read(&shared.bytes),
            dropped: read(&shared.dropped),
            queued: read(&shared.queued),
            mended: read(&shared.mended),
            refused: read(&shared.refused),
            free: read(&shared.free),
            untold: read(&shared.untold),
            unsynced: read(&shared.unsynced),
            syncs_put_off: read(&shared.syncs_put_off),
        }
    }

    /// Everything that was said before is written, and what is still open ends.
    pub(crate) fn stop(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        self.tell(Message::Stop);
    }

    /// Whether the thread has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.lock().as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Has the thread panic.
    #[cfg(test)]
    pub(crate) fn panic(&self) {
        self.tell(Message::Panic);
    }

    fn tell(&self, message: Message) {
        let size = message.size();
        self.shared.queued.fetch_add(size, Ordering::Relaxed);
        if self.messages.send(message).is_err() {
            self.shared.queued.fetch_sub(size, Ordering::Relaxed);
            tracing::debug!("the recorder's thread is gone");
        }
    }
}

impl Queue {
    /// The next message, waited for as long as this.
    pub(super) fn next(&self, patience: Duration) -> Option<Message> {
        match self.messages.recv_timeout(patience) {
            Ok(message) => {
                self.taken(message.size());
                Some(message)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::Stop),
        }
    }

    fn taken(&self, size: u64) {
        let left = self.shared.queued.fetch_sub(size, Ordering::Relaxed) - size;
        if left < QUEUE_BYTES / 2 && self.shared.overflowing.swap(false, Ordering::Relaxed) {
            tracing::warn!("recordings lose no packets any more");
        }
    }
}
