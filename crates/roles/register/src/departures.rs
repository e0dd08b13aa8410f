//! Taking things out of rooms that nobody asked to be taken out, and telling the rooms.

use std::sync::Arc;

use cluster::{Events, Store, StoreError};
use model::{Gone, RoomEvent};

use crate::metrics::{Metrics, Swept};

/// The store, the events that its changes make, and what is counted of both.
#[derive(Clone)]
pub(crate) struct Departures {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) metrics: Metrics,
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
        if let Err(error) = self.events.publish(event).await {
            tracing::debug!(rid = ?event.rid, version = event.version, %error, "event not published");
        }
    }
}
