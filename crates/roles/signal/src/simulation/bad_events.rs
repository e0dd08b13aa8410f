//! Events that are lost, doubled, late and held up, for each node in another way; the node is told that it
//! missed some, or it is not.

use super::{climate::Climate, dice::Dice, record::Record};
use async_trait::async_trait;
use cluster::{Events, EventsError, Subscription, events::Feeder};
use model::{RoomEvent, RoomId, SpeakersOfNode};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::sleep;

/// A bus between the registers and one node.
pub(super) struct Ear {
    listeners: Mutex<BTreeMap<RoomId, Vec<Feeder>>>,
    /// While it is paused: what waits.
    waiting: Mutex<Option<Vec<RoomEvent>>>,
    climate: Climate,
    dice: Dice,
    record: Arc<Record>,
}

/// The registers' end: all nodes.
#[derive(Clone)]
pub(super) struct Mouth(pub(super) Arc<[Arc<Ear>]>);

impl Ear {
    pub(super) fn new(climate: &Climate, dice: Dice, record: &Arc<Record>) -> Arc<Self> {
        let (listeners, waiting) = (Mutex::default(), Mutex::default());
        Arc::new(Self { listeners, waiting, climate: climate.clone(), dice, record: Arc::clone(record) })
    }

    fn send(self: &Arc<Self>, event: &RoomEvent) {
        let (dice, climate) = (&self.dice, &self.climate);
        if self.record.is_calm() {
            return self.arrive(event);
        }
        if dice.chance(climate.events_lost) {
            return;
        }
        if dice.chance(climate.events_doubled) {
            self.send_late(event);
        }
        if dice.chance(climate.events_late) { self.send_late(event) } else { self.arrive(event) }
    }

    fn send_late(self: &Arc<Self>, event: &RoomEvent) {
        let (this, event, late) =
            (Arc::clone(self), event.clone(), self.dice.ms(1, self.climate.events_late_ms));
        tokio::spawn(async move {
            sleep(late).await;
            this.arrive(&event);
        });
    }

    fn arrive(&self, event: &RoomEvent) {
        if let Some(waiting) = &mut *self.waiting.lock() {
            waiting.push(event.clone());
            return;
        }
        if let Some(feeders) = self.listeners.lock().get(&event.rid) {
            for feeder in feeders {
                feeder.event(event.clone());
            }
        }
    }

    /// Nothing arrives for some time; what waited comes then, or is lost.
    pub(super) async fn pause(&self, lasts: Duration) {
        self.waiting.lock().get_or_insert_default();
        sleep(lasts).await;
        let waited = self.waiting.lock().take().unwrap_or_default();
        if self.dice.chance(500) {
            waited.iter().for_each(|event| self.arrive(event));
        }
        if self.dice.chance(400) {
            self.listeners.lock().values().flatten().for_each(|feeder| _ = feeder.missed());
        }
    }

    /// All subscriptions end.
    pub(super) fn hang_up(&self) {
        self.listeners.lock().clear();
    }
}

#[async_trait]
impl Events for Ear {
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        self.arrive(event);
        Ok(())
    }

    async fn speak(&self, _: &RoomId, _: &SpeakersOfNode) -> Result<(), EventsError> {
        Err(EventsError("nobody speaks here".to_owned()))
    }

    async fn subscribe(&self, rid: &RoomId) -> Result<Subscription, EventsError> {
        if !self.record.is_calm() && self.dice.chance(self.climate.events_lost / 4) {
            sleep(self.dice.ms(1, 900)).await;
            if self.dice.chance(300) {
                return Err(EventsError("the simulation has it so".to_owned()));
            }
        }
        let (feeder, subscription) = Subscription::new(|| {});
        let mut listeners = self.listeners.lock();
        let feeders = listeners.entry(rid.clone()).or_default();
        feeders.retain(|feeder| !feeder.is_closed());
        feeders.push(feeder);
        Ok(subscription)
    }

    fn healthy(&self) -> bool {
        true
    }
}

#[async_trait]
impl Events for Mouth {
    async fn publish(&self, event: &RoomEvent) -> Result<(), EventsError> {
        self.0.iter().for_each(|ear| ear.send(event));
        Ok(())
    }

    async fn speak(&self, _: &RoomId, _: &SpeakersOfNode) -> Result<(), EventsError> {
        Err(EventsError("a register does not speak".to_owned()))
    }

    async fn subscribe(&self, _: &RoomId) -> Result<Subscription, EventsError> {
        Err(EventsError("a register does not listen".to_owned()))
    }

    fn healthy(&self) -> bool {
        true
    }
}
