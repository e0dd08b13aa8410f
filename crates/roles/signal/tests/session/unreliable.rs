//! Events that get lost, come twice and come late, as a message bus may have it.

use async_trait::async_trait;
use cluster::{Events, EventsError, Subscription, events::MemoryEvents};
use model::{RoomEvent, RoomId, SpeakersOfNode};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[derive(Clone, Default)]
pub(crate) struct Unreliable {
    events: MemoryEvents,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    troubled: AtomicBool,
    deaf: AtomicBool,
    /// How many were published, and the one that is held back.
    held_back: Mutex<(u64, Option<RoomEvent>)>,
}

impl Unreliable {
    /// From now on events are lost, doubled and swapped.
    pub(crate) fn trouble(&self) {
        self.state.troubled.store(true, Ordering::SeqCst);
    }

    /// From now on, or no longer, every event is lost.
    pub(crate) fn lose_all(&self, all: bool) {
        self.state.deaf.store(all, Ordering::SeqCst);
    }

    /// What really goes out when this one is published.
    fn muddled(&self, event: &RoomEvent) -> Vec<RoomEvent> {
        if self.state.deaf.load(Ordering::SeqCst) {
            return Vec::new();
        }
        if !self.state.troubled.load(Ordering::SeqCst) {
            return vec![event.clone()];
        }
        let mut state = self.state.held_back.lock();
        state.0 += 1;
        let late = state.1.take();
        let mut out = match state.0 % 5 {
            0 => Vec::new(),
            1 => vec![event.clone(), event.clone()],
            2 => {
                state.1 = Some(event.clone());
                Vec::new()
            }
            _ => vec![event.clone()],
        };
        out.extend(late);
        out
    }
}

#[async_trait]
impl Events for Unreliable {
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        for event in self.muddled(event) {
            self.events.publish(&event).await?;
        }
        Ok(())
    }

    async fn speak(&self, rid: &RoomId, speakers: &SpeakersOfNode) -> Result<(), EventsError> {
        self.events.speak(rid, speakers).await
    }

    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError> {
        self.events.subscribe(rid).await
    }

    fn healthy(&self) -> bool {
        self.events.healthy()
    }
}
