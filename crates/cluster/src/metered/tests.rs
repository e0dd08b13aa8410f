use std::sync::Arc;

use model::{NodeId, Owner, RoomId, Takeover, UserId};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{discovery, events, store};
use crate::discovery::MemoryDiscovery;
use crate::events::MemoryEvents;
use crate::store::MemoryStore;
use crate::{Discovery, Expiry, NodeInfo, Received, Role, Store};

/// Every line is among those of the registry.
fn says(registry: &Registry, lines: &[&str]) {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} in\n{text}");
    }
}

fn room() -> (RoomId, UserId, Owner) {
    let owner = |signal: &str| Owner { signal: NodeId::parse(signal).unwrap(), connection: 1 };
    (RoomId::parse("r").unwrap(), UserId::parse("ann").unwrap(), owner("s"))
}

#[tokio::test]
async fn what_the_store_does_and_refuses_is_counted() {
    let mut registry = Registry::default();
    let store = store(Arc::new(MemoryStore::default()), &mut registry);
    let (rid, uid, owner) = room();
    store.join(&rid, &uid, &owner, Takeover::Replace, Expiry::NEVER).await.unwrap();
    store.join(&rid, &uid, &owner, Takeover::Replace, Expiry(Some(1))).await.unwrap_err();
    let stranger = Owner { connection: 2, ..owner };
    store.leave(&rid, &uid, &stranger).await.unwrap_err();
    assert_eq!(store.rooms(None, 10).await.unwrap().rooms.len(), 1);
    says(
        &registry,
        &[
            "store_calls_total{operation=\"join\",result=\"ok\"} 1",
            "store_calls_total{operation=\"join\",result=\"Late\"} 1",
            "store_calls_total{operation=\"leave\",result=\"NotJoined\"} 1",
            "store_calls_total{operation=\"rooms\",result=\"ok\"} 1",
            "store_call_duration_seconds_count{operation=\"join\"} 2",
        ],
    );
}

#[tokio::test]
async fn events_are_counted_where_they_are_sent_and_where_they_arrive() {
    let mut registry = Registry::default();
    let events = events(Arc::new(MemoryEvents::default()), &mut registry);
    let (rid, uid, owner) = room();
    let joined = MemoryStore::default().join(&rid, &uid, &owner, Takeover::Replace, Expiry::NEVER).await;
    let event = joined.unwrap().event.unwrap();
    let mut subscription = events.subscribe(&rid).await.unwrap();
    // More than a listener's queue takes: the last ones are lost.
    for _ in 0..2000 {
        events.publish(&event).await.unwrap();
    }
    says(&registry, &["events_waiting 1024", "events_dropped_total 976"]);
    assert_eq!(subscription.next().await, Some(Received::Missed));
    assert_eq!(subscription.next().await, Some(Received::Event(event)));
    says(
        &registry,
        &["events_published_total{result=\"ok\"} 2000", "events_received_total 1", "events_missed_total 1"],
    );
    drop(subscription);
    says(&registry, &["events_waiting 0"]);
}

#[tokio::test]
async fn the_nodes_that_are_known_are_counted_by_role() {
    let (known, mut registry) = (MemoryDiscovery::default(), Registry::default());
    discovery(&known, &mut registry);
    let node = NodeInfo {
        id: NodeId::parse("a").unwrap(),
        dc: "dc".into(),
        role: Role::Sfu,
        address: "inproc://sfu".into(),
        load: 0.0,
        draining: false,
    };
    let lease = known.register(node).await.unwrap();
    says(&registry, &["discovery_nodes{role=\"sfu\",draining=\"false\"} 1"]);
    lease.update(0.0, true);
    let draining = "discovery_nodes{role=\"sfu\",draining=\"true\"} 1";
    says(&registry, &[draining, "discovery_nodes{role=\"signal\",draining=\"false\"} 0"]);
}
