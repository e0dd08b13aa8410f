//! People who come one after the other while something is broken: how long does each of them need
//! until it is in a room?

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use peer::Peer;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Somebody comes this often.
const EVERY: Duration = Duration::from_millis(500);
const OPEN_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Before the next node is tried.
const RETRY_AFTER: Duration = Duration::from_millis(300);
/// Nobody tries longer than this.
const LONGEST: Duration = Duration::from_secs(90);

/// A stream of newcomers, each into a room of its own.
pub struct Arrivals {
    coming: JoinSet<()>,
    took: Arc<Mutex<Vec<(Instant, Duration)>>>,
}

impl Arrivals {
    /// From now on somebody comes every half second, and tries these nodes in turn, the first one first.
    pub fn start(urls: &[String]) -> Self {
        let took = Arc::new(Mutex::new(Vec::new()));
        let mut coming = JoinSet::new();
        let (urls, record) = (urls.to_vec(), Arc::clone(&took));
        coming.spawn(async move {
            let mut guests = JoinSet::new();
            loop {
                let (urls, record) = (urls.clone(), Arc::clone(&record));
                guests.spawn(async move {
                    let came = Instant::now();
                    let took = timeout(LONGEST, come_in(&urls)).await.map_or(LONGEST, |()| came.elapsed());
                    record.lock().unwrap_or_else(PoisonError::into_inner).push((came, took));
                });
                while guests.try_join_next().is_some() {}
                sleep(EVERY).await;
            }
        });
        Self { coming, took }
    }

    /// Ends it: the longest time that anybody needed, also of those who are still trying.
    pub async fn slowest(mut self, since: Instant) -> Duration {
        let (came, longest) = {
            let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
            (took.len(), took.iter().map(|(_, took)| *took).max().unwrap_or_default())
        };
        self.coming.shutdown().await;
        // Whoever came in the last moments may still be on the way; more of them wait in vain.
        let expected = since.elapsed().as_millis() / EVERY.as_millis();
        let waiting = expected.saturating_sub(came as u128 + 3);
        if waiting > 0 { since.elapsed().max(longest) } else { longest }
    }
}

async fn come_in(urls: &[String]) {
    let uid = format!("guest-{}", peer::unique());
    let rid = format!("room of {uid}");
    for url in urls.iter().cycle() {
        if try_room(url, &uid, &rid).await {
            return;
        }
        sleep(RETRY_AFTER).await;
    }
}

async fn try_room(url: &str, uid: &str, rid: &str) -> bool {
    let Ok(Ok(peer)) = timeout(OPEN_WITHIN, Peer::try_connect(url, uid)).await else { return false };
    let joined = peer.attempt("join", json!({"rid": rid}), ANSWER_WITHIN).await;
    drop(peer.attempt("leave", json!({"rid": rid}), ANSWER_WITHIN).await);
    matches!(joined, Some(Ok(_)))
}
