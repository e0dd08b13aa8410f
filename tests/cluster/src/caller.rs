//! Somebody in a call who behaves as the real client library does: comes back through another node
//! after a loss, resumes, publishes and subscribes anew what did not live on.

mod holdings;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use peer::MediaThread;
use peer::media::Flow;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use holdings::Holdings;
use line::Line;

/// How often conditions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Somebody in a call, with a camera, who watches everybody else's.
pub struct Caller {
    uid: String,
    holdings: Shared,
    task: JoinHandle<()>,
}

/// What a caller has, seen by its connection and by the test.
#[derive(Clone)]
struct Shared(Arc<Mutex<Holdings>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Holdings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Enters a room. It tries the first URL first, and the next one after each loss.
    pub fn start(uid: &str, rid: &str, urls: &[String], media: &MediaThread) -> Self {
        let holdings = Shared(Arc::new(Mutex::new(Holdings::default())));
        let line = Line::new(uid, rid, urls, media, holdings.clone());
        Self { uid: uid.to_owned(), holdings, task: tokio::spawn(line.run()) }
    }

    /// Who it is.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The id of the stream that it publishes now, and the SFU that holds it.
    pub fn stream(&self) -> Option<(String, String)> {
        self.holdings.lock().camera.as_ref().map(|camera| (camera.mid.clone(), camera.sfuid.clone()))
    }

    /// When packets came, over all its subscriptions so far.
    pub fn flow(&self) -> Flow {
        let holdings = self.holdings.lock();
        Flow::merged(holdings.screens.iter().map(|screen| screen.reception().flow))
    }

    /// Whether packets came within the last moments.
    pub fn is_watching(&self) -> bool {
        const MOMENT: Duration = Duration::from_millis(300);
        let now = Instant::now();
        now.checked_sub(MOMENT).is_some_and(|then| self.flow().longest_pause(then, now) < MOMENT)
    }

    /// Waits until it publishes and media comes; fails the test with its diary otherwise.
    pub async fn talks(&self, patience: Duration) {
        let talking = async {
            while self.stream().is_none() || !self.is_watching() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let ended = timeout(patience, talking).await;
        assert!(ended.is_ok(), "{} is not in the call after {patience:?}:\n{}", self.uid, self.diary());
    }

    /// What happened to it so far, line by line.
    pub fn diary(&self) -> String {
        self.holdings.lock().diary()
    }

    /// What it received that was never sent: content, sequence or time.
    pub fn wrong(&self) -> Vec<String> {
        let holdings = self.holdings.lock();
        holdings.screens.iter().flat_map(|screen| screen.reception().wrong).collect()
    }

    /// Will not come back when its connection ends.
    pub fn will_not_return(&self) {
        self.holdings.lock().last_connection = true;
    }

    /// Goes away without a word, media included, and never comes back.
    pub fn vanish(self) {
        self.task.abort();
        self.holdings.lock().vanish();
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.task.abort();
    }
}
