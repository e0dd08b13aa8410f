//! Taking things out of rooms that nobody asked to be taken out, and telling the rooms.

use std::sync::Arc;

use cluster::{Events, Store, StoreError};
use model::{Gone, RoomEvent};

use crate::metrics::{Metrics, Swept};

/// Hears of each change that this register makes, and where it is known, how many users are in the room after it. Must
/// not wait.
pub type Listener = Arc<dyn Fn(&RoomEvent, Option<usize>) + Send + Sync>;

/// The store, the events that its changes make, and what is counted of both.
#[derive(Clone)]
pub(crate) struct Departures {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) metrics: Metrics,
    pub(crate) listener: Option<Listener>,
}

impl Departures {
    /// Takes out who and what fell silent, round after round, until nothing changes any more.
    pub(crate) async fn expire(&self) -> Result<(), StoreError> {
        loop {
            let changed = self.store.expire().await?;
            if !self.tell(changed, Swept::Expired).await {
                return Ok(());
            }
        }
    }

    /// Takes out what a node that is gone left behind.
    pub(crate) async fn release(&self, gone: &Gone) -> Result<(), StoreError> {
        loop {
            let changed = self.store.release(gone).await?;
            if !self.tell(changed, Swept::LeftBehind).await {
                return Ok(());
            }
        }
    }

    /// Publishes what changed. False where nothing did.
    async fn tell(&self, changed: Vec<RoomEvent>, why: Swept) -> bool {
        let any = !changed.is_empty();
        for event in changed {
            tracing::info!(rid = ?event.rid, version = event.version, facts = event.notices.len(), why = why.name(), "taken out");
            self.metrics.swept(&event, why);
            self.publish(&event).await;
        }
        tokio::task::yield_now().await;
        any
    }

    /// The change is made, whatever happens here: who misses its event finds out by the version.
    pub(crate) async fn publish(&self, event: &RoomEvent) {
        self.publish_with(event, event.emptied.then_some(0)).await;
    }

    /// The same, where it is known how many users are in the room now.
    pub(crate) async fn publish_with(&self, event: &RoomEvent, users: Option<usize>) {
        if let Some(listener) = &self.listener {
            listener(event, users);
        }
        if let Err(error) = self.events.publish(event).await {
            tracing::debug!(rid = ?event.rid, version = event.version, %error, "event not published");
        }
    }
}
