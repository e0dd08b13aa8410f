//! The two ends: one for whoever knows what happens, one for whoever runs the deliveries.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use model::RoomEvent;
use outbound::{Trust, TrustError};
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use crate::config::Config;
use crate::courier::Courier;
use crate::happening::happenings;
use crate::line::Line;
use crate::numbers::Numbers;
use crate::public_address::special;
use crate::queue::{LIMITS, Queue};
use crate::url::{HookUrl, Host};

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A URL names an address that is not public.
    #[error("webhook URL {number} leads to an address that is {what}, and private addresses are not allowed")]
    Private {
        /// Which URL, from 1.
        number: usize,
        /// What the address is.
        what: &'static str,
    },
    /// The authorities for `https` cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The machine has no random numbers.
    #[error("there are no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

/// Takes what happens. Cheap to clone, and of use from any thread.
#[derive(Clone, Debug)]
pub struct Webhooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queues: Vec<Arc<Queue>>,
    numbers: Numbers,
    /// Begins all ids of this run.
    run: u64,
    /// How many ids there were.
    told: AtomicU64,
}

/// Delivers, while [`Deliveries::run`] is awaited.
#[must_use = "nothing is delivered before it runs"]
pub struct Deliveries {
    couriers: Vec<Courier>,
}

impl Webhooks {
    /// Sets everything up. Reads the authorities' certificates where a URL is `https`, and connects to nothing yet.
    ///
    /// # Errors
    /// Names the URL that is not allowed, or the authorities that are of no use.
    pub fn start(config: Config) -> Result<(Self, Deliveries), StartError> {
        let needs_tls = config.urls.iter().any(HookUrl::is_tls);
        let trust = if needs_tls { Some(Trust::load(config.ca.as_deref())?) } else { None };
        let numbers = Numbers::new(config.urls.len());
        let (mut queues, mut couriers) = (Vec::new(), Vec::new());
        for (index, url) in config.urls.into_iter().enumerate() {
            refuse_private(&url, index + 1, config.allow_private)?;
            tracing::info!(to = %url, url = index + 1, "a webhook is told what happens");
            let of_url = numbers.of(index);
            let queue = Arc::new(Queue::new(url.to_string(), LIMITS, of_url.clone()));
            queues.push(Arc::clone(&queue));
            let trust = trust.clone().filter(|_| url.is_tls());
            let line = Line::new(url, trust, config.allow_private);
            couriers.push(Courier::new(line, queue, of_url, config.secret.clone(), config.timings));
        }
        let shared = Shared { queues, numbers, run: getrandom::u64()?, told: AtomicU64::new(0) };
        Ok((Self(Arc::new(shared)), Deliveries { couriers }))
    }

    /// Tells what this event says: users who came and went, streams that were published and removed. With `users_after`,
    /// how many users are in the room after it, also that the room began or ended. Broadcasts are not told.
    ///
    /// Never waits. What a URL's queue has no room for pushes out the oldest there. Calls at the same time put theirs in any
    /// order, so whoever cares calls in the order of the room's versions.
    pub fn tell(&self, event: &RoomEvent, users_after: Option<usize>) {
        for happening in happenings(event, users_after, || self.0.next_id()) {
            self.0.queues.iter().for_each(|queue| queue.push(happening.clone()));
        }
    }

    /// Adds the numbers to a registry, under names that begin with `webhook_`.
    pub fn register(&self, registry: &mut Registry) {
        self.0.numbers.register(registry);
    }

    #[cfg(test)]
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.0.numbers
    }
}

impl Shared {
    /// Used by no other process, and not by this one again.
    fn next_id(&self) -> String {
        format!("{:016x}-{}", self.run, self.told.fetch_add(1, Ordering::Relaxed))
    }
}

fn refuse_private(url: &HookUrl, number: usize, allow_private: bool) -> Result<(), StartError> {
    match url.host() {
        Host::Address(address) if !allow_private => {
            special(*address).map_or(Ok(()), |what| Err(StartError::Private { number, what }))
        }
        _ => Ok(()),
    }
}

impl Deliveries {
    /// Delivers until `end` is there. What is told from then on is dropped, and what waits is tried for `patience` at
    /// the most. Dropping this future stops everything at once.
    pub async fn run(self, end: impl Future<Output = ()>, patience: Duration) {
        let queues: Vec<_> = self.couriers.iter().map(|courier| Arc::clone(courier.queue())).collect();
        let mut work = std::pin::pin!(join_all(self.couriers.into_iter().map(Courier::run)));
        tokio::select! {
            _ = &mut work => return,
            () = end => {}
        }
        queues.iter().for_each(|queue| queue.close());
        drop(timeout(patience, work).await);
        let lost: u64 = queues.iter().map(|queue| queue.abandon()).sum();
        if lost > 0 {
            tracing::warn!(lost, "webhooks were not told everything before the end");
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deliveries")
    }
}
