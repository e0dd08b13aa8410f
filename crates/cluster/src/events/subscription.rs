//! The listening end, the same for every backend: a bounded queue that says when it overflowed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::RoomEvent;
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
}

/// The events of one room, as they arrive. Dropping it ends the listening.
pub struct Subscription {
    queue: mpsc::Receiver<Received>,
    overflowed: Arc<AtomicBool>,
    on_drop: Option<Box<dyn FnOnce() + Send + Sync>>,
    tally: Tally,
}

/// What came through subscriptions so far. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Events.
    pub received: Counter,
    /// Times that a listener was told that it may have missed some.
    pub missed: Counter,
}

/// The backend's end of a [`Subscription`].
#[derive(Clone, Debug)]
pub struct Feeder {
    queue: mpsc::Sender<Received>,
    overflowed: Arc<AtomicBool>,
}

impl Subscription {
    /// A subscription for a backend to fill. `on_drop` runs when the listener has gone.
    pub fn new(on_drop: impl FnOnce() + Send + Sync + 'static) -> (Feeder, Self) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let overflowed = Arc::new(AtomicBool::new(false));
        let feeder = Feeder { queue: sender, overflowed: Arc::clone(&overflowed) };
        let tally = Tally::default();
        (feeder, Self { queue, overflowed, on_drop: Some(Box::new(on_drop)), tally })
    }

    /// Counts what comes through from now on.
    #[must_use]
    pub fn counted(mut self, tally: Tally) -> Self {
        self.tally = tally;
        self
    }

    /// What comes next. Nothing ever again where the backend has shut down. Safe to cancel.
    pub async fn next(&mut self) -> Option<Received> {
        let overflowed = self.overflowed.swap(false, Ordering::AcqRel);
        let received = if overflowed { Some(Received::Missed) } else { self.queue.recv().await };
        match &received {
            Some(Received::Event(_)) => drop(self.tally.received.inc()),
            Some(Received::Missed) => drop(self.tally.missed.inc()),
            None => {}
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
        match self.queue.try_send(received) {
            Ok(()) => true,
            // A full queue is not waited for: the listener takes from it soon, and then sees this.
            Err(TrySendError::Full(_)) => {
                self.overflowed.store(true, Ordering::Release);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }
}
