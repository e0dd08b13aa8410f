//! Takes what waits, uploads it, and decides what comes of an attempt that failed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::archive::Shared;
use crate::destination::Destination;
use crate::failure::Failure;
use crate::pace::{Pace, State};
use crate::queue::Ticket;
use crate::settings::Settings;
use crate::way::{Uploaded, Way};

/// A wait with nothing to wait for ends after this.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// How one attempt ended: what was uploaded, or why not.
type Outcome = (Ticket, Result<Uploaded, Failure>);

/// The one task that uploads. It may be dropped at any await: what it has not finished is still noted on disk.
pub(crate) struct Worker {
    way: Arc<Way>,
    pace: Pace,
    /// Bounded by the pace.
    running: FuturesUnordered<BoxFuture<'static, Outcome>>,
}

impl Worker {
    pub(crate) fn new(settings: &Settings, destination: Destination, shared: Arc<Shared>) -> Self {
        let way = Way {
            root: settings.root.clone(),
            keep_local: settings.keep_local,
            index: settings.index.clone(),
            destination,
            shared,
        };
        Self { way: Arc::new(way), pace: Pace::new(Instant::now()), running: FuturesUnordered::new() }
    }

    /// Never ends by itself.
    pub(crate) async fn run(mut self) {
        loop {
            self.way.sync().await;
            self.begin();
            let (shared, next_start) = (Arc::clone(&self.way.shared), self.next_start());
            tokio::select! {
                Some(outcome) = self.running.next() => self.settle(outcome).await,
                () = shared.added.notified() => {}
                () = sleep_until(next_start) => {}
            }
        }
    }

    fn begin(&mut self) {
        let now = Instant::now();
        while self.pace.allows(self.running.len(), now) {
            let Some(ticket) = self.way.shared.queue.take(now) else { return };
            let way = Arc::clone(&self.way);
            self.running.push(Box::pin(async move {
                let outcome = way.upload(&ticket).await;
                (ticket, outcome)
            }));
        }
    }

    /// When something may begin that may not begin now. While all slots are taken, the next event is an outcome.
    fn next_start(&self) -> Instant {
        let now = Instant::now();
        let far = now + LOOK_AGAIN;
        let due = self.way.shared.queue.next_due().unwrap_or(far);
        let start = due.max(self.pace.resumes());
        if self.pace.allows(self.running.len(), start) { start } else { far }
    }

    async fn settle(&mut self, (ticket, outcome): Outcome) {
        match outcome {
            Ok(uploaded) => {
                tracing::debug!(file = %ticket.unit, bytes = uploaded.bytes, "uploaded");
                self.way.shared.totals.uploaded(uploaded);
                self.way.done(&ticket).await;
                if self.pace.succeeded(Instant::now()) {
                    tracing::info!(to = %self.way.destination, "recordings are uploaded again");
                }
            }
            Err(failure) => {
                self.way.shared.totals.failed();
                self.failed(ticket, failure).await;
            }
        }
    }

    async fn failed(&mut self, ticket: Ticket, failure: Failure) {
        match failure {
            Failure::Gone => {
                tracing::info!(file = %ticket.unit, "a file that waited to be uploaded is gone");
                self.way.done(&ticket).await;
            }
            Failure::Unfit(why) => {
                tracing::warn!(file = %ticket.unit, why, "a file is not uploaded");
                self.way.done(&ticket).await;
            }
            Failure::Local(why) => {
                if ticket.failures == 0 {
                    tracing::warn!(file = %ticket.unit, why, "a file cannot be read, or removed, to be uploaded; it waits");
                }
                self.way.retry(ticket).await;
            }
            Failure::Away(why) => self.storage_failed(ticket, State::Away, &why).await,
            Failure::Refused(why) => self.storage_failed(ticket, State::Refuses, &why).await,
        }
    }

    async fn storage_failed(&mut self, ticket: Ticket, state: State, why: &str) {
        let (to, file) = (&self.way.destination, &ticket.unit);
        let first = ticket.failures == 0;
        let changed = self.pace.failed(state, first, Instant::now(), outbound::random());
        match state {
            State::Refuses if changed => {
                tracing::warn!(%to, %file, why, "the storage refuses recordings; they wait");
            }
            State::Away if changed => {
                tracing::warn!(%to, why, "the storage cannot be reached; recordings wait");
            }
            _ => tracing::debug!(%to, %file, why, "an upload failed"),
        }
        self.way.retry(ticket).await;
    }
}
