//! What the tests share: one server for all that run at the same time, a room of its own for each,
//! and the media thread.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use peer::signalling::Joined;
use peer::{MediaThread, Peer, Publisher, PublisherConfig, Server, Subscriber, SubscriberConfig};
use serde_json::{Value, json};

/// Where the tests connect.
struct Target {
    urls: Vec<String>,
    /// Ended, and its log checked, when the last test that uses it is over.
    _server: Option<Server>,
}

static SHARED: Mutex<Weak<Target>> = Mutex::new(Weak::new());
static MEDIA: LazyLock<MediaThread> = LazyLock::new(MediaThread::start);

fn target() -> Arc<Target> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(target) = shared.upgrade() {
        return target;
    }
    let target = Arc::new(match env::var("ANABRANCH_URLS") {
        Ok(urls) => Target { urls: urls.split(',').map(str::to_owned).collect(), _server: None },
        Err(_) => {
            let server = Server::start();
            Target { urls: vec![server.ws_url().to_owned()], _server: Some(server) }
        }
    });
    *shared = Arc::downgrade(&target);
    target
}

/// A room that only one test uses, and users that nobody else is.
pub(crate) struct Place {
    rid: String,
    tag: String,
    turn: AtomicUsize,
    target: Arc<Target>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let tag = peer::unique();
        Self { rid: format!("room {tag}"), tag, turn: AtomicUsize::new(0), target: target() }
    }

    /// The room's id.
    pub(crate) fn rid(&self) -> &str {
        &self.rid
    }

    /// Another room that only this test uses.
    pub(crate) fn other_rid(&self, name: &str) -> String {
        format!("{name} {}", self.tag)
    }

    /// The id of a user of this test.
    pub(crate) fn uid(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    /// A server's URL; the servers take turns.
    pub(crate) fn url(&self) -> &str {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.target.urls.iter().cycle().nth(turn % self.target.urls.len().max(1)).expect("a server")
    }

    /// `HOST:PORT` of a server.
    pub(crate) fn address(&self) -> &str {
        self.url().trim_start_matches("ws://").trim_end_matches("/ws")
    }

    /// A connected user, in no room yet.
    pub(crate) async fn peer(&self, name: &str) -> Peer {
        Peer::connect(self.url(), &self.uid(name)).await
    }

    /// A user in the room.
    pub(crate) async fn member(&self, name: &str) -> Peer {
        self.joined(name).await.0
    }

    /// A user in the room, and the answer to its `join`.
    pub(crate) async fn joined(&self, name: &str) -> (Peer, Joined) {
        let peer = self.peer(name).await;
        let joined = peer.join(&self.rid).await;
        (peer, joined)
    }

    /// A user in the room whom the others have heard of.
    pub(crate) async fn member_known_to(&self, name: &str, others: &[&Peer]) -> Peer {
        let peer = self.member(name).await;
        for other in others {
            other.notification("peer-join", |data| data["uid"] == *peer.uid()).await;
        }
        peer
    }
}

/// A publisher with audio and video.
pub(crate) fn publisher() -> Publisher {
    publisher_of(&PublisherConfig::default())
}

pub(crate) fn publisher_of(config: &PublisherConfig) -> Publisher {
    Publisher::new(&MEDIA, config)
}

/// A subscriber to audio and video.
pub(crate) fn subscriber() -> Subscriber {
    subscriber_of(&SubscriberConfig::default())
}

pub(crate) fn subscriber_of(config: &SubscriberConfig) -> Subscriber {
    Subscriber::new(&MEDIA, config)
}

/// Publishes without ever connecting: for tests of signalling alone.
pub(crate) async fn announce(peer: &Peer, rid: &str) -> String {
    let answer = peer.request("publish", publish_data(rid)).await.expect("a stream");
    answer["mid"].as_str().expect("a mid").to_owned()
}

/// The data of a `publish` that the server accepts.
pub(crate) fn publish_data(rid: &str) -> Value {
    json!({"rid": rid, "jsep": {"type": "offer", "sdp": publisher().offer()}, "minfo": minfo()})
}

/// The data of a `subscribe` that the server accepts.
pub(crate) fn subscribe_data(rid: &str, mid: &str) -> Value {
    json!({"rid": rid, "mid": mid, "jsep": {"type": "offer", "sdp": subscriber().offer()}})
}

/// The data of a `restart` whose offer can be read.
pub(crate) fn restart_data(rid: &str, mid: &str) -> Value {
    json!({"rid": rid, "mid": mid, "jsep": {"type": "offer", "sdp": publisher().offer()}})
}

pub(crate) fn minfo() -> Value {
    json!({"audio": true, "video": true, "audiotype": 0, "videotype": 1})
}

/// The refusal's code of a request that must be refused.
pub(crate) async fn code_of(peer: &Peer, method: &str, data: Value) -> i64 {
    let shown: String = data.to_string().chars().take(200).collect();
    match peer.request(method, data).await {
        Ok(answer) => panic!("{method} {shown} should be refused, but answers {answer}"),
        Err(refusal) => {
            assert!(!refusal.reason.is_empty(), "{method} {shown}: an error without a reason");
            refusal.code
        }
    }
}

/// The `uid` members of a list.
pub(crate) fn uids(list: &Value) -> Vec<&str> {
    list.as_array()
        .map(|users| users.iter().filter_map(|user| user["uid"].as_str()).collect())
        .unwrap_or_default()
}

/// The methods of notifications, to compare an order.
pub(crate) fn methods(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(method, _)| method.as_str()).collect()
}
