//! The fast path of what changed in a room.
//!
//! Events may be lost, doubled and reordered by any backend: every event has the room's version,
//! and who listens ([`model::RoomView`]) finds out and asks the register. So publishing never waits
//! for a slow listener, and a listener that fell behind is told with [`Received::Missed`].

mod memory;
mod nats;
mod subscription;

use async_trait::async_trait;
use model::{RoomEvent, RoomId, SpeakersOfNode};
use prometheus_client::registry::Registry;

pub use memory::MemoryEvents;
pub use nats::{NatsConfig, NatsConfigError, NatsEvents};
pub use subscription::{Feeder, Received, Subscription, Tally};

/// The events could not be sent, or listened to, for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room events are unavailable: {0}")]
pub struct EventsError(pub String);

/// Carries the rooms' events to those who listen.
#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// Sends an event to all who listen to its room. Call it after the change is in the store.
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError>;

    /// Tells all who listen to a room who of one node's clients speaks in it. It is no event: it has no version, changes
    /// nothing, and may be lost without anybody noticing, so it is repeated while it lasts.
    async fn speak(&self, rid: &RoomId, speakers: &SpeakersOfNode) -> Result<(), EventsError>;

    /// Listens to a room. Events published after this returns arrive, unless they are lost. Dropping
    /// the subscription ends it. Inside a process there are as many as rooms with own clients.
    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError>;

    /// Whether the backend is there now, as far as is known. Does not wait.
    fn healthy(&self) -> bool;

    /// Adds to a registry what the backend counts of itself, if anything.
    fn register_metrics(&self, _: &mut Registry) {}
}
