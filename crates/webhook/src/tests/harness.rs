//! Webhooks that are quick, and things to tell them.

use std::future::pending;
use std::time::Duration;

use model::{NodeId, Notice, Owner, RoomEvent, RoomId, User, UserId};
use tokio::time::{Instant, sleep};

use crate::{Config, Timings, Webhooks};

pub(super) const SECRET: &[u8] = b"a-secret-of-tests";

/// Nobody waits long, and what fails is tried until it works.
pub(super) fn config(urls: &[String]) -> Config {
    let timings = Timings {
        attempt: Duration::from_secs(30),
        first_delay: Duration::from_millis(1),
        last_delay: Duration::from_millis(20),
        attempts: u32::MAX,
        give_up: Duration::from_secs(600),
    };
    Config { allow_private: true, timings, ..Config::new(urls, SECRET).unwrap() }
}

/// Runs until the test is over.
pub(super) fn start(config: Config) -> Webhooks {
    let (webhooks, deliveries) = Webhooks::start(config).unwrap();
    tokio::spawn(deliveries.run(pending(), Duration::ZERO));
    webhooks
}

/// A user comes into a room where others are.
pub(super) fn joined(name: &str) -> RoomEvent {
    let uid = UserId::parse(name).unwrap();
    let owner = Owner { signal: NodeId::parse("signal-1").unwrap(), connection: 1 };
    let notice = Notice::PeerJoin(User { uid, owner, since: 7 });
    RoomEvent { rid: RoomId::parse("tea").unwrap(), version: 7, notices: [notice].into(), emptied: false }
}

pub(super) fn tell(webhooks: &Webhooks, names: &[&str]) {
    names.iter().for_each(|name| webhooks.tell(&joined(name), Some(100)));
}

/// For what only the numbers show.
pub(super) async fn counted(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never counted: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
