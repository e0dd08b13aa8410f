//! Events over a real NATS.

mod access;
mod faults;
mod load;
mod rooms;

use std::sync::Arc;
use std::time::Duration;

use cluster::{Events, NatsConfig, NatsEvents, Received, Subscription};
use model::{JsonText, Notice, RoomEvent, RoomId, UserId};
use servers::Nats;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(urls: Vec<String>) -> NatsConfig {
    NatsConfig { urls, ..NatsConfig::default() }
}

async fn at(urls: Vec<String>) -> NatsEvents {
    let events = NatsEvents::connect(&config(urls)).await.unwrap();
    until_healthy(&events, true).await;
    events
}

async fn on(nats: &Nats) -> NatsEvents {
    at(vec![nats.url()]).await
}

async fn until_healthy(events: &NatsEvents, healthy: bool) {
    let began = Instant::now();
    while events.healthy() != healthy {
        assert!(began.elapsed() < PATIENCE, "healthy is not {healthy}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn room(rid: &str) -> RoomId {
    RoomId::parse(rid).unwrap()
}

fn event(rid: &str, version: u64) -> RoomEvent {
    saying(rid, version, 1)
}

/// An event of about so many bytes.
fn saying(rid: &str, version: u64, bytes: usize) -> RoomEvent {
    let data = JsonText::parse(&format!("\"{}\"", "x".repeat(bytes))).unwrap();
    let notices = Arc::from([Notice::Broadcast { uid: UserId::parse("ann").unwrap(), data }]);
    RoomEvent { rid: room(rid), version, notices, emptied: false }
}

async fn next(subscription: &mut Subscription) -> Received {
    timeout(PATIENCE, subscription.next()).await.unwrap().unwrap()
}

/// The next event, whatever was missed before.
async fn next_event(subscription: &mut Subscription) -> RoomEvent {
    loop {
        if let Received::Event(event) = next(subscription).await {
            return event;
        }
    }
}

async fn until_missed(subscription: &mut Subscription) {
    while next(subscription).await != Received::Missed {}
}

/// Publishes until the event arrives: what is published while a connection is new may be lost.
async fn until_heard(events: &NatsEvents, rid: &str, subscription: &mut Subscription) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "nothing is heard");
        let _may_be_away = events.publish(&event(rid, 99)).await;
        if let Ok(Some(Received::Event(heard))) =
            timeout(Duration::from_millis(100), subscription.next()).await
            && heard.version == 99
        {
            return;
        }
    }
}
