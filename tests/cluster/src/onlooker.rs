//! Somebody in the room who only looks on: what did the room see of a fault?

use std::sync::Arc;
use std::time::{Duration, Instant};

use peer::signalling::Joined;
use peer::{Peer, RoomState};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A connection that stays in the room and records what it is told.
pub struct Onlooker {
    peer: Arc<Peer>,
    joined: Joined,
    rid: String,
    keepalive: JoinHandle<()>,
}

impl Onlooker {
    /// Joins.
    pub async fn join(url: &str, uid: &str, rid: &str) -> Self {
        let peer = Arc::new(Peer::connect(url, uid).await);
        let joined = peer.join(rid).await;
        let (staying, room) = (Arc::clone(&peer), rid.to_owned());
        let keepalive = tokio::spawn(async move {
            loop {
                sleep(KEEPALIVE_EVERY).await;
                drop(staying.attempt("keepalive", json!({"rid": room}), ANSWER_WITHIN).await);
            }
        });
        Self { peer, joined, rid: rid.to_owned(), keepalive }
    }

    /// Who it is.
    pub fn uid(&self) -> &str {
        self.peer.uid()
    }

    /// Whether its connection still stands.
    pub fn is_connected(&self) -> bool {
        self.peer.is_open()
    }

    /// The room as it was told.
    ///
    /// # Errors
    /// When it was told something twice, or of the end of something that never was.
    pub fn state(&self) -> Result<RoomState, String> {
        let since = self.peer.record().messages().split_off(self.joined.position);
        RoomState::fold(&self.joined.data, &since, &self.rid)
    }

    /// What it was told of this room's people and streams since then: how long after, the method,
    /// and whom it is about.
    pub fn seen_since(&self, since: Instant) -> Vec<(Duration, String, String)> {
        let told = self.peer.notifications();
        let told = told.iter().filter(|notice| notice.at() >= since && notice.data()["rid"] == *self.rid);
        told.map(|notice| {
            let uid = notice.data()["uid"].as_str().unwrap_or_default().to_owned();
            (notice.at() - since, notice.method().to_owned(), uid)
        })
        .collect()
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.keepalive.abort();
    }
}
