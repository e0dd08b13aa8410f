//! Events that are counted where they are sent and where they arrive.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::Counts;
use model::{RoomEvent, RoomId, SpeakersOfNode};
use prometheus_client::registry::Registry;

use crate::events::Tally;
use crate::{Events, EventsError, Subscription};

pub(super) struct Metered {
    inner: Arc<dyn Events>,
    published: Counts,
    spoken: Counts,
    tally: Tally,
}

impl Metered {
    pub(super) fn new(inner: Arc<dyn Events>, registry: &mut Registry) -> Arc<Self> {
        let published = Counts::new("result", [metrics::OK, "failed"]);
        published.register(registry, "events_published", "Events of rooms sent, by result");
        let spoken = Counts::new("result", [metrics::OK, "failed"]);
        let help = "Messages to other signalling nodes about who speaks in a room, by result";
        spoken.register(registry, "events_speakers", help);
        let tally = Tally::default();
        let help = "Events of rooms that arrived, once for each room of this node that listens";
        registry.register("events_received", help, tally.received.clone());
        let help = "Times that a room of this node was told that it may have missed events";
        registry.register("events_missed", help, tally.missed.clone());
        let help = "Events that wait for rooms of this node to take them";
        tally.waiting.register(registry, "events_waiting", help);
        let help = "Events dropped because a room of this node did not take them as fast as they came";
        registry.register("events_dropped", help, tally.dropped.clone());
        Arc::new(Self { inner, published, spoken, tally })
    }
}

#[async_trait]
impl Events for Metered {
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        let done = self.inner.publish(event).await;
        self.published.add(if done.is_ok() { metrics::OK } else { "failed" });
        done
    }

    async fn speak(&self, rid: &RoomId, speakers: &SpeakersOfNode) -> Result<(), EventsError> {
        let done = self.inner.speak(rid, speakers).await;
        self.spoken.add(if done.is_ok() { metrics::OK } else { "failed" });
        done
    }

    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError> {
        Ok(self.inner.subscribe(rid).await?.counted(self.tally.clone()))
    }

    fn healthy(&self) -> bool {
        self.inner.healthy()
    }
}
