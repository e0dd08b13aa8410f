//! The rooms' events over NATS, 2.9 or later: one subject per room, `anabranch.room.ROOM`, the room encoded.
//!
//! - [`config`]: how NATS is reached. [`link`]: the one connection, and when events may have been lost on it.
//! - [`listen`]: one room's subscription.
//!
//! Who speaks in a room is said on the same subject, now and again, and is no event.
//!
//! NATS promises nothing that is needed here but order on one connection. Who listens is told of every
//! chance that something was lost, and asks the register.

mod config;
mod link;
mod listen;

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::PublishError;
use async_nats::connection::State;
use async_nats::{Client, HeaderMap};
use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomEvent, RoomId, SpeakersOfNode};
use prometheus_client::registry::Registry;
use telemetry::trace::{self, TRACEPARENT};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Events, EventsError, Subscription};
use crate::codec::{encode_event, encode_speakers, encode_version};
use crate::encode::encode;
use link::{Link, look_after, prove};
use listen::Listener;

pub use config::{NatsConfig, NatsConfigError};

/// How long a message may wait for its place in the client's queue.
const PUBLISH_WITHIN: Duration = Duration::from_millis(100);

/// How long a subscription waits until the server surely knows of it.
const ACTIVE_WITHIN: Duration = Duration::from_millis(300);

/// Carries the events over NATS.
pub struct NatsEvents {
    client: Client,
    link: Arc<Link>,
    /// Look after the connection; end with this.
    _tasks: JoinSet<()>,
}

impl NatsEvents {
    /// Connects, in the background, also where NATS comes only later. Needs a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub async fn connect(config: &NatsConfig) -> Result<Self, NatsConfigError> {
        let plan = config.plan()?;
        let link = Arc::new(Link::default());
        let told = Arc::downgrade(&link);
        let options = plan.options.event_callback(move |event| {
            if let Some(link) = told.upgrade() {
                link.event(&event);
            }
            std::future::ready(())
        });
        let client = options.connect(plan.servers).await.map_err(|error| NatsConfigError::of(&error))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(prove(client.clone(), Arc::clone(&link)));
        tasks.spawn(look_after(client.clone(), Arc::clone(&link)));
        Ok(Self { client, link, _tasks: tasks })
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

/// In NATS's headers, the trace of the request that led to an event.
fn headers() -> Option<HeaderMap> {
    let parent = trace::current()?;
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, parent);
    Some(headers)
}

fn subject(rid: &RoomId) -> String {
    format!("anabranch.room.{}", encode(rid.as_str()))
}

impl NatsEvents {
    async fn send(&self, rid: &RoomId, payload: Bytes) -> Result<(), PublishError> {
        match headers() {
            Some(headers) => self.client.publish_with_headers(subject(rid), headers, payload).await,
            None => self.client.publish(subject(rid), payload).await,
        }
    }
}

#[async_trait]
impl Events for NatsEvents {
    /// Sends an event. One that is larger than the server takes is sent as its version alone: who listens
    /// then asks the register.
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        if !self.is_connected() {
            return Err(EventsError("NATS is away".to_owned()));
        }
        let mut payload = encode_event(event);
        if payload.len() > self.client.max_payload() {
            payload = encode_version(event);
        }
        match timeout(PUBLISH_WITHIN, self.send(&event.rid, payload.into())).await {
            Ok(sent) => sent.map_err(|error| EventsError(error.to_string())),
            Err(_) => Err(EventsError("NATS takes no more".to_owned())),
        }
    }

    /// Sends who speaks, on the room's subject beside its events.
    async fn speak(&self, rid: &RoomId, speakers: &SpeakersOfNode) -> Result<(), EventsError> {
        if !self.is_connected() {
            return Err(EventsError("NATS is away".to_owned()));
        }
        let sending = self.client.publish(subject(rid), encode_speakers(speakers).into());
        match timeout(PUBLISH_WITHIN, sending).await {
            Ok(sent) => sent.map_err(|error| EventsError(error.to_string())),
            Err(_) => Err(EventsError("NATS takes no more".to_owned())),
        }
    }

    /// Listens to a room, also while NATS is away. Where the server does not confirm that in time, the
    /// subscription is told that it missed something once it has.
    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError> {
        let subject = subject(rid);
        let messages = match timeout(ACTIVE_WITHIN, self.client.subscribe(subject.clone())).await {
            Ok(messages) => messages.map_err(|error| EventsError(error.to_string()))?,
            Err(_) => return Err(EventsError("NATS takes no more".to_owned())),
        };
        let proof = self.link.want_proof();
        let active = self.is_connected() && timeout(ACTIVE_WITHIN, self.link.proven(proof)).await.is_ok();
        let (feeder, subscription) = Subscription::new(|| ());
        let unproven = (!active).then_some(proof);
        let listener = Listener { rid: rid.clone(), subject, feeder, link: Arc::clone(&self.link), unproven };
        tokio::spawn(listener.run(messages));
        Ok(subscription)
    }

    fn healthy(&self) -> bool {
        self.is_connected()
    }

    fn register_metrics(&self, registry: &mut Registry) {
        self.link.register_metrics(registry);
    }
}
