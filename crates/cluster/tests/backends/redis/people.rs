//! Rooms, people and things of the tests, by name, and what many tests do.

use std::future::Future;
use std::time::{Duration, Instant};

use cluster::{Expiry, Joined, RedisConfig, RedisStore, Store, StoreError};
use model::{JsonText, MediaInfo, NodeId, Owner, RoomId, Stream, StreamId, Takeover, UserId};

/// No call takes longer, whatever Redis does; with a busy machine's second on top.
pub(super) const LONGEST_CALL: Duration = Duration::from_secs(3);

pub(super) fn rid(text: &str) -> RoomId {
    RoomId::parse(text).unwrap()
}

pub(super) fn uid(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

pub(super) fn mid(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

pub(super) fn node(text: &str) -> NodeId {
    NodeId::parse(text).unwrap()
}

pub(super) fn data(text: &str) -> JsonText {
    JsonText::parse(text).unwrap()
}

/// A connection of the node `s1`.
pub(super) fn owner(connection: u64) -> Owner {
    owner_at("s1", connection)
}

pub(super) fn owner_at(signal: &str, connection: u64) -> Owner {
    Owner { signal: node(signal), connection }
}

/// A stream whose info has so many bytes more than it needs.
pub(super) fn stream_at(sfu: &str, user: &UserId, id: &str, more: usize) -> Stream {
    let info =
        format!(r#"{{"audio":true,"video":true,"audiotype":0,"videotype":0,"x":"{}"}}"#, "x".repeat(more));
    Stream { mid: mid(id), uid: user.clone(), sfu: node(sfu), info: MediaInfo::parse(&info).unwrap() }
}

pub(super) fn config(addrs: Vec<String>) -> RedisConfig {
    RedisConfig { addrs, ..RedisConfig::default() }
}

/// A store at a server.
pub(super) fn store_at(redis: &servers::Redis) -> RedisStore {
    RedisStore::connect(&config(vec![redis.url()])).unwrap()
}

/// A user of this name joins through the connection 1 of `s1`.
pub(super) async fn join(store: &dyn Store, room: &RoomId, user: &str) -> Result<Joined, StoreError> {
    store.join(room, &uid(user), &owner(1), Takeover::Replace, Expiry::NEVER).await
}

/// What a call answers once Redis answers it at all; each try must end soon.
pub(super) async fn eventually<T, F: Future<Output = Result<T, StoreError>>>(
    mut call: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = call().await;
        assert!(asked.elapsed() < LONGEST_CALL, "a call took {:?}", asked.elapsed());
        match answer {
            Ok(answer) => return answer,
            Err(StoreError::Unavailable(why)) => {
                assert!(started.elapsed() < Duration::from_secs(30), "never came back: {why}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// How often a command was executed, by clients and scripts.
pub(super) fn calls_of(redis: &servers::Redis, command: &str) -> u64 {
    let stats = redis.cli(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    calls.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}
