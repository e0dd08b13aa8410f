//! What arrives, and in which order.

use std::time::Duration;

use super::harness::{SECRET, config, counted, joined, start, tell};
use super::receiver::{Receiver, Reply, Told};
use crate::happening::now;
use crate::numbers::Dropped;
use crate::queue::LIMITS;
use crate::{Secret, verify};

#[tokio::test]
async fn what_happens_arrives_in_order_on_one_connection_and_signed() {
    let receiver = Receiver::start(&[Reply::Status(204)]).await;
    let webhooks = start(config(&[receiver.url()]));
    let names: Vec<String> = (0..50).map(|n| format!("user-{n}")).collect();
    names.iter().for_each(|name| webhooks.tell(&joined(name), None));

    let requests = receiver.requests(50).await;
    assert_eq!(requests.iter().map(Told::uid).collect::<Vec<_>>(), names);
    let secret = Secret::new(SECRET).unwrap();
    for told in &requests {
        assert_eq!(told.path, "/hook?key=k-e-y");
        assert_eq!(told.header("content-type"), "application/json");
        assert_eq!(told.header("user-agent"), concat!("anabranch/", env!("CARGO_PKG_VERSION")));
        assert_eq!(told.header("anabranch-event"), "user-joined");
        assert_eq!(told.header("anabranch-delivery"), told.json()["id"].as_str().unwrap());
        let signature = told.header("anabranch-signature");
        assert!(verify(&secret, signature, &told.body, now().as_secs(), Duration::from_secs(300)));
    }
    let mut ids: Vec<_> = requests.iter().map(|told| told.header("anabranch-delivery")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), receiver.connections()), (50, 1));
    counted("all are delivered", || webhooks.numbers().delivered_of(0) == 50).await;
    counted("nothing waits", || webhooks.numbers().queued_of(0) == (0, 0)).await;
}

#[tokio::test]
async fn a_room_begins_before_its_first_user_comes() {
    let receiver = Receiver::start(&[Reply::Status(200)]).await;
    start(config(&[receiver.url()])).tell(&joined("ann"), Some(1));
    let requests = receiver.requests(2).await;
    let events: Vec<_> = requests.iter().map(|told| told.header("anabranch-event")).collect();
    assert_eq!(events, ["room-started", "user-joined"]);
}

#[tokio::test]
async fn each_url_is_told_the_same_and_one_that_is_dead_delays_no_other() {
    let dead = Receiver::start(&[Reply::Never]).await;
    let (one, other) =
        (Receiver::start(&[Reply::Status(200)]).await, Receiver::start(&[Reply::Status(200)]).await);
    let webhooks = start(config(&[dead.url(), one.url(), other.url()]));
    tell(&webhooks, &["ann", "ben", "cem"]);
    let (one, other) = (one.requests(3).await, other.requests(3).await);
    assert!(one.iter().zip(&other).all(|(one, other)| one.body == other.body));
    assert_eq!(dead.requests(1).await.len(), 1);
    assert_eq!(webhooks.numbers().queued_of(0).0, 3);
}

#[tokio::test]
async fn where_too_much_waits_the_oldest_is_dropped() {
    let receiver = Receiver::start(&[Reply::Never]).await;
    let webhooks = start(config(&[receiver.url()]));
    tell(&webhooks, &["first"]);
    receiver.requests(1).await;
    (0..LIMITS.happenings + 10).for_each(|n| webhooks.tell(&joined(&format!("{n}")), None));
    assert_eq!(webhooks.numbers().dropped_of(0, Dropped::Full), 10);
    let (queued, bytes) = webhooks.numbers().queued_of(0);
    assert_eq!(queued, LIMITS.happenings as i64 + 1);
    assert!(bytes <= LIMITS.bytes as i64);
}
