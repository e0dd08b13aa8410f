//! Events inside a single process.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use model::{RoomEvent, RoomId, SpeakersOfNode};
use parking_lot::Mutex;

use super::subscription::{Feeder, Subscription};
use super::{Events, EventsError};

/// Who listens to which room. A room is in it while somebody listens: its size is bounded by what
/// the roles of this process subscribe to.
type Listeners = Mutex<HashMap<RoomId, Vec<Feeder>>>;

/// Hands events over in memory. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct MemoryEvents {
    listeners: Arc<Listeners>,
}

#[async_trait]
impl Events for MemoryEvents {
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        if let Some(feeders) = self.listeners.lock().get(&event.rid) {
            for feeder in feeders {
                feeder.event(event.clone());
            }
        }
        Ok(())
    }

    async fn speak(&self, rid: &RoomId, speakers: &SpeakersOfNode) -> Result<(), EventsError> {
        if let Some(feeders) = self.listeners.lock().get(rid) {
            for feeder in feeders {
                feeder.speakers(speakers.clone());
            }
        }
        Ok(())
    }

    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError> {
        let listeners = Arc::downgrade(&self.listeners);
        let room = rid.clone();
        let (feeder, subscription) = Subscription::new(move || forget_closed(&listeners, &room));
        self.listeners.lock().entry(rid.clone()).or_default().push(feeder);
        Ok(subscription)
    }

    fn healthy(&self) -> bool {
        true
    }
}

fn forget_closed(listeners: &Weak<Listeners>, rid: &RoomId) {
    let Some(listeners) = listeners.upgrade() else { return };
    let mut listeners = listeners.lock();
    if let Some(feeders) = listeners.get_mut(rid) {
        feeders.retain(|feeder| !feeder.is_closed());
        if feeders.is_empty() {
            listeners.remove(rid);
        }
    }
}

#[cfg(test)]
mod tests;
