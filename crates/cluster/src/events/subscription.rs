//! The listening end, the same for every backend: a bounded queue that says when it overflowed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use metrics::{Depth, Waiting};
use model::{RoomEvent, SpeakersOfNode};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Events that wait for a listener, as many as the register keeps of a room. Further ones are dropped
/// and the listener is told that it missed some: it asks the register.
pub(super) const QUEUE: usize = 1024;

/// What a listener gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// An event.
    Event(RoomEvent),
    /// Some events may be missing: ask the register.
    Missed,
    /// Who of one node's clients speaks in the room.
    Speakers(SpeakersOfNode),
}

/// Something on its way to a listener.
struct Queued {
    received: Received,
    /// `None` where it came before it was counted.
    _waiting: Option<Waiting>,
}

/// What both ends know.
#[derive(Debug, Default)]
struct Shared {
    overflowed: AtomicBool,
    tally: OnceLock<Tally>,
}

/// The events of one room, as they arrive. Dropping it ends the listening.
pub struct Subscription {
    queue: mpsc::Receiver<Queued>,
    shared: Arc<Shared>,
    on_drop: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// What came through subscriptions so far. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Events.
    pub received: Counter,
    /// Times that a listener was told that it may have missed some.
    pub missed: Counter,
    /// Events that wait for their listeners.
    pub waiting: Depth,
    /// Events that found no room in a listener's queue.
    pub dropped: Counter,
}

/// The backend's end of a [`Subscription`].
#[derive(Clone, Debug)]
pub struct Feeder {
    queue: mpsc::Sender<Queued>,
    shared: Arc<Shared>,
}

impl Subscription {
    /// A subscription for a backend to fill. `on_drop` runs when the listener has gone.
    pub fn new(on_drop: impl FnOnce() + Send + Sync + 'static) -> (Feeder, Self) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let shared = Arc::<Shared>::default();
        let feeder = Feeder { queue: sender, shared: Arc::clone(&shared) };
        (feeder, Self { queue, shared, on_drop: Some(Box::new(on_drop)) })
    }

    /// Counts what comes through from now on. The first one to count does.
    #[must_use]
    pub fn counted(self, tally: Tally) -> Self {
        let _counted_already = self.shared.tally.set(tally);
        self
    }

    /// What comes next. Nothing ever again where the backend has shut down. Safe to cancel.
    pub async fn next(&mut self) -> Option<Received> {
        let overflowed = self.shared.overflowed.swap(false, Ordering::AcqRel);
        let received = if overflowed {
            Some(Received::Missed)
        } else {
            self.queue.recv().await.map(|queued| queued.received)
        };
        if let Some(tally) = self.shared.tally.get() {
            match &received {
                Some(Received::Event(_)) => drop(tally.received.inc()),
                Some(Received::Missed) => drop(tally.missed.inc()),
                Some(Received::Speakers(_)) | None => {}
            }
        }
        received
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Closed first, so that the backend finds this listener gone.
        self.queue.close();
        if let Some(on_drop) = self.on_drop.take() {
            on_drop();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

impl Feeder {
    /// Hands an event over, without waiting. False where the listener has gone.
    pub fn event(&self, event: RoomEvent) -> bool {
        self.offer(Received::Event(event))
    }

    /// Hands over who speaks, where events leave room for it: half of the queue is for events alone, so that talk costs
    /// none. False where the listener has gone.
    pub fn speakers(&self, speakers: SpeakersOfNode) -> bool {
        if self.queue.capacity() > QUEUE / 2 {
            return self.offer(Received::Speakers(speakers));
        }
        !self.queue.is_closed()
    }

    /// Says that events may have been lost, as after a reconnect. False where the listener has gone.
    pub fn missed(&self) -> bool {
        self.offer(Received::Missed)
    }

    /// Whether the listener has gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits until the listener has gone.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    fn offer(&self, received: Received) -> bool {
        let tally = self.shared.tally.get();
        let queued = Queued { received, _waiting: tally.map(|tally| tally.waiting.enter()) };
        match self.queue.try_send(queued) {
            Ok(()) => true,
            // A full queue is not waited for: the listener takes from it soon, and then sees this.
            Err(TrySendError::Full(_)) => {
                if let Some(tally) = tally {
                    tally.dropped.inc();
                }
                self.shared.overflowed.store(true, Ordering::Release);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }
}
