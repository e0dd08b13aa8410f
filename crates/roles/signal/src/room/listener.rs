//! Listens to a room's events, and fetches what is missing.

use super::{ON_ITS_WAY, Room, speaking};
use crate::{
    clients::{Clients, deadline},
    metrics::{CatchUp, Metrics},
};
use cluster::{Events, Received, Subscription};
use model::EventsSince;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Between two attempts to listen. Meanwhile the register is asked this often,
/// so that a room goes on without its events, only slower.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Between two attempts to fetch: the first and the longest.
const FETCH_AGAIN: Duration = Duration::from_millis(100);
const FETCH_AGAIN_AT_MOST: Duration = Duration::from_secs(2);

/// Runs until the room is gone.
pub(super) async fn run(
    room: Arc<Room>,
    events: Arc<dyn Events>,
    clients: Arc<Clients>,
    metrics: Arc<Metrics>,
) {
    let listener = Listener { room: &room, clients: &clients, metrics: &metrics };
    tokio::select! {
        () = room.gone.cancelled() => {}
        () = listener.listen(&*events) => {}
        () = speaking::run(&room, &*events) => {}
    }
}

struct Listener<'a> {
    room: &'a Room,
    clients: &'a Clients,
    metrics: &'a Metrics,
}

impl Listener<'_> {
    async fn listen(&self, events: &dyn Events) {
        loop {
            match events.subscribe(&self.room.rid).await {
                Ok(subscription) => {
                    self.room.listening.send_replace(true);
                    self.follow(subscription).await;
                    self.room.listening.send_replace(false);
                }
                Err(error) => tracing::debug!(rid = ?self.room.rid, %error, "cannot listen to a room"),
            }
            sleep(LISTEN_AGAIN).await;
            self.fetch().await;
        }
    }

    /// Until the subscription ends.
    async fn follow(&self, mut subscription: Subscription) {
        // What happened while nobody listened.
        self.fetch().await;
        loop {
            tokio::select! {
                received = subscription.next() => match received {
                    Some(Received::Event(event)) => {
                        if !self.room.deliver(&event) {
                            self.fetch_until(event.version).await;
                        }
                    }
                    Some(Received::Missed) => self.fetch().await,
                    Some(Received::Speakers(said)) => self.room.others_speak(&said),
                    None => return,
                },
                () = self.overdue() => self.fetch().await,
            }
        }
    }

    /// Comes when the room is further than the view, and its event is late.
    async fn overdue(&self) {
        loop {
            if self.room.is_behind() {
                sleep(ON_ITS_WAY).await;
                if self.room.is_behind() {
                    return;
                }
            }
            self.room.behind.notified().await;
        }
    }

    /// Brings the view up to what the register has.
    async fn fetch(&self) {
        self.fetch_until(0).await;
    }

    /// The same, and not less than this version.
    async fn fetch_until(&self, version: u64) {
        let mut pause = FETCH_AGAIN;
        while let Some(after) = self.room.have() {
            let since = self.clients.events_since(deadline(), &self.room.rid, after).await;
            self.metrics.caught_up(brought(&since));
            match since {
                Ok(EventsSince::Events(events)) => events.iter().for_each(|event| {
                    self.room.deliver(event);
                }),
                Ok(EventsSince::Snapshot(state)) => self.room.reset(&state),
                Err(refusal) => {
                    tracing::debug!(rid = ?self.room.rid, after, %refusal, "cannot fetch missed events");
                    sleep(pause).await;
                    pause = (pause * 2).min(FETCH_AGAIN_AT_MOST);
                    continue;
                }
            }
            if self.room.have().is_none_or(|have| have >= version) {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(FETCH_AGAIN_AT_MOST);
        }
    }
}

fn brought<E>(since: &Result<EventsSince, E>) -> CatchUp {
    match since {
        Ok(EventsSince::Events(events)) if events.is_empty() => CatchUp::Nothing,
        Ok(EventsSince::Events(_)) => CatchUp::Events,
        Ok(EventsSince::Snapshot(_)) => CatchUp::Snapshot,
        Err(_) => CatchUp::Failed,
    }
}
