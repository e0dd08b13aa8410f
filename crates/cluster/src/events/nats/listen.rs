//! One room's subscription: from the client's queue to who listens.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderValue, Message, Subscriber};
use futures_util::StreamExt as _;
use model::RoomId;
use telemetry::trace::{self, TRACEPARENT};
use tokio::time::{Instant, sleep_until};

use super::link::Link;
use crate::codec::{decode_event, decode_speakers};
use crate::events::Feeder;

/// Where all rooms of a node miss something at once they ask the register over so long, per room: 10,000 rooms
/// take a second.
const SPREAD_PER_ROOM: Duration = Duration::from_micros(100);

/// All rooms take no longer than this.
const LONGEST_SPREAD: Duration = Duration::from_millis(1500);

/// A room that is listened to.
pub(super) struct Listener {
    pub(super) rid: RoomId,
    pub(super) subject: String,
    pub(super) feeder: Feeder,
    pub(super) link: Arc<Link>,
    /// The server may not know of the subscription yet, but will have when this is proven.
    pub(super) unproven: Option<u64>,
}

impl Listener {
    /// Hands over what comes, until nobody listens any more or NATS is shut down.
    pub(super) async fn run(self, mut messages: Subscriber) {
        let _listening = self.link.listening();
        let mut losses = self.link.losses();
        let mut due = None::<Instant>;
        let mut unproven = self.unproven;
        loop {
            let open = tokio::select! {
                () = self.feeder.closed() => false,
                message = messages.next() => self.message(message.as_ref()),
                lost = losses.changed() => {
                    due.get_or_insert_with(|| Instant::now() + self.delay());
                    lost.is_ok()
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    due = None;
                    self.feeder.missed()
                }
                () = self.link.proven(unproven.unwrap_or(0)), if unproven.is_some() => {
                    unproven = None;
                    self.feeder.missed()
                }
            };
            if !open {
                return;
            }
        }
    }

    /// Whether there can be another one.
    fn message(&self, message: Option<&Message>) -> bool {
        let Some(message) = message else { return false };
        if message.subject.as_str() != self.subject {
            return self.feeder.missed();
        }
        if let Some(speakers) = decode_speakers(&message.payload) {
            return self.feeder.speakers(speakers);
        }
        match decode_event(&self.rid, &message.payload) {
            Ok(event) => {
                let span = tracing::debug_span!("event", rid = %self.rid, version = event.version);
                let parent = message.headers.as_ref().and_then(|headers| headers.get(TRACEPARENT));
                trace::resume(&span, parent.map(HeaderValue::as_str));
                span.in_scope(|| tracing::debug!("heard"));
                self.feeder.event(event)
            }
            Err(why) => {
                tracing::debug!(rid = %self.rid, %why, "not an event");
                self.feeder.missed()
            }
        }
    }

    /// This room's place among all that ask.
    fn delay(&self) -> Duration {
        let rooms = u32::try_from(self.link.listeners()).unwrap_or(u32::MAX);
        let spread = SPREAD_PER_ROOM.saturating_mul(rooms).min(LONGEST_SPREAD);
        let hash =
            self.subject.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        spread.mul_f32(f32::from((hash.wrapping_mul(0x9e37_79b1) >> 16) as u16) / f32::from(u16::MAX))
    }
}
