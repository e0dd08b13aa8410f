use model::{JsonText, NodeId, Notice, Speaker, StreamId, UserId};

use super::*;
use crate::events::Received;
use crate::events::subscription::QUEUE;

fn rid(text: &str) -> RoomId {
    RoomId::parse(text).unwrap()
}

fn event(room: &str, version: u64) -> RoomEvent {
    let notice =
        Notice::Broadcast { uid: UserId::parse("ann").unwrap(), data: JsonText::parse("1").unwrap() };
    RoomEvent { rid: rid(room), version, notices: [notice].into(), emptied: false }
}

#[tokio::test]
async fn all_who_listen_to_a_room_hear_of_it_and_nobody_else() {
    let events = MemoryEvents::default();
    let mut one = events.subscribe(&rid("a")).await.unwrap();
    let mut two = events.subscribe(&rid("a")).await.unwrap();
    let mut other = events.subscribe(&rid("b")).await.unwrap();
    events.publish(&event("a", 1)).await.unwrap();
    events.publish(&event("b", 7)).await.unwrap();
    assert_eq!(one.next().await, Some(Received::Event(event("a", 1))));
    assert_eq!(two.next().await, Some(Received::Event(event("a", 1))));
    assert_eq!(other.next().await, Some(Received::Event(event("b", 7))));
}

#[tokio::test]
async fn a_slow_listener_is_told_that_it_missed_something_and_goes_on() {
    let events = MemoryEvents::default();
    let mut slow = events.subscribe(&rid("a")).await.unwrap();
    for version in 0..2 * QUEUE as u64 {
        events.publish(&event("a", version)).await.unwrap();
    }
    assert_eq!(slow.next().await, Some(Received::Missed));
    // The oldest ones are still there; then the news.
    let mut last = None;
    while let Some(Received::Event(event)) = slow.next().await {
        last = Some(event.version);
        if last == Some(QUEUE as u64 - 1) {
            break;
        }
    }
    assert_eq!(last, Some(QUEUE as u64 - 1));
    events.publish(&event("a", 1_000_000)).await.unwrap();
    assert_eq!(slow.next().await, Some(Received::Event(event("a", 1_000_000))));
}

fn speakers() -> SpeakersOfNode {
    let speaker = Speaker { mid: StreamId::parse("ann#1").unwrap(), level: -30 };
    SpeakersOfNode { node: NodeId::parse("signal-1").unwrap(), speakers: vec![speaker] }
}

#[tokio::test]
async fn who_speaks_is_heard_by_the_room_alone() {
    let events = MemoryEvents::default();
    let mut one = events.subscribe(&rid("a")).await.unwrap();
    let mut other = events.subscribe(&rid("b")).await.unwrap();
    events.speak(&rid("a"), &speakers()).await.unwrap();
    events.publish(&event("b", 7)).await.unwrap();
    assert_eq!(one.next().await, Some(Received::Speakers(speakers())));
    assert_eq!(other.next().await, Some(Received::Event(event("b", 7))));
}

#[tokio::test]
async fn talk_costs_no_event() {
    let events = MemoryEvents::default();
    let mut slow = events.subscribe(&rid("a")).await.unwrap();
    for _ in 0..2 * QUEUE {
        events.speak(&rid("a"), &speakers()).await.unwrap();
    }
    for version in 0..QUEUE as u64 / 2 {
        events.publish(&event("a", version)).await.unwrap();
    }
    let (mut heard, mut talk) = (0, 0);
    while heard < QUEUE / 2 {
        match slow.next().await {
            Some(Received::Event(_)) => heard += 1,
            Some(Received::Speakers(_)) => talk += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(talk > 0);
}

#[tokio::test]
async fn a_room_without_listeners_is_forgotten() {
    let events = MemoryEvents::default();
    let one = events.subscribe(&rid("a")).await.unwrap();
    let mut two = events.subscribe(&rid("a")).await.unwrap();
    drop(one);
    events.publish(&event("a", 1)).await.unwrap();
    assert_eq!(two.next().await, Some(Received::Event(event("a", 1))));
    drop(two);
    assert!(events.listeners.lock().is_empty());
    events.publish(&event("a", 2)).await.unwrap();
}
