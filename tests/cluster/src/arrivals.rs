//! People who come one after the other while something is broken: how long does each of them need
//! until it is in a room?

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A stream of newcomers, each into a room of its own.
pub struct Arrivals {
    coming: JoinSet<()>,
    guests: Guests,
}

/// Somebody who came.
struct Guest {
    came: Instant,
    /// How long it needed; `None` while it tries.
    took: Option<Duration>,
}

#[derive(Clone, Default)]
struct Guests(Arc<Mutex<Vec<Guest>>>);

impl Guests {
    fn lock(&self) -> MutexGuard<'_, Vec<Guest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn one(self, urls: Vec<String>) {
        let came = Instant::now();
        let number = {
            let mut guests = self.lock();
            guests.push(Guest { came, took: None });
            guests.len() - 1
        };
        come_in(&urls).await;
        if let Some(guest) = self.lock().get_mut(number) {
            guest.took = Some(came.elapsed());
        }
    }
}

impl Arrivals {
    /// From now on somebody comes every half second, and tries these nodes in turn, the first one first.
    pub fn start(urls: &[String]) -> Self {
        let guests = Guests::default();
        let mut coming = JoinSet::new();
        let (urls, all) = (urls.to_vec(), guests.clone());
        coming.spawn(async move {
            // Dropped with this task: then nobody tries any longer.
            let mut trying = JoinSet::new();
            loop {
                trying.spawn(all.clone().one(urls.clone()));
                while trying.try_join_next().is_some() {}
                sleep(EVERY).await;
            }
        });
        Self { coming, guests }
    }

    /// Ends it: the longest time that anybody needed, also of those who are still trying.
    pub async fn slowest(mut self) -> Duration {
        let longest = {
            let guests = self.guests.lock();
            let times = guests.iter().map(|guest| guest.took.unwrap_or_else(|| guest.came.elapsed()));
            times.max().unwrap_or_default()
        };
        self.coming.shutdown().await;
        longest
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
