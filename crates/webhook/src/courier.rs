//! Tells one URL what waits for it: in order, one thing at a time, again and again until it works or is given up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use outbound::Backoff;
use tokio::time::{Instant, sleep};

use crate::answer::Outcome;
use crate::config::Timings;
use crate::happening::{Happening, now};
use crate::line::Line;
use crate::numbers::{Dropped, UrlNumbers};
use crate::queue::Queue;
use crate::signature::{Secret, signature};

const AGENT: &str = concat!("anabranch/", env!("CARGO_PKG_VERSION"));

/// What is known of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Works,
    /// It is away, or cannot take what it is told now.
    Fails,
    /// It does not want what it is told.
    Refuses,
}

/// Who delivers to one URL.
pub(crate) struct Courier {
    line: Line,
    queue: Arc<Queue>,
    numbers: UrlNumbers,
    secret: Secret,
    timings: Timings,
    state: State,
    /// Attempts that failed in a row, whatever they were to deliver.
    failures: u32,
}

impl Courier {
    pub(crate) fn new(
        line: Line,
        queue: Arc<Queue>,
        numbers: UrlNumbers,
        secret: Secret,
        timings: Timings,
    ) -> Self {
        Self { line, queue, numbers, secret, timings, state: State::Works, failures: 0 }
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Ends when the queue is closed and everything delivered or given up.
    pub(crate) async fn run(mut self) {
        while let Some(happening) = self.next().await {
            self.deliver(&happening).await;
            self.queue.done();
        }
    }

    async fn next(&mut self) -> Option<Happening> {
        tokio::select! {
            next = self.queue.next() => next,
            () = self.line.idle() => None,
        }
    }

    async fn deliver(&mut self, happening: &Happening) {
        let begun = Instant::now();
        for attempt in 1.. {
            let outcome = self.attempt(happening).await;
            self.numbers.attempted(outcome.name());
            tracing::debug!(to = %self.line.url(), id = happening.id, event = happening.event, attempt, %outcome, "webhook");
            let wait = match outcome {
                Outcome::Delivered => return self.delivered(),
                Outcome::Refused(_) => return self.refused(&outcome),
                Outcome::Failed { retry_after, .. } => self.failed(&outcome, retry_after.unwrap_or_default()),
                _ => self.failed(&outcome, Duration::ZERO),
            };
            if attempt >= self.timings.attempts || begun.elapsed() + wait > self.timings.give_up {
                return self.numbers.dropped(Dropped::GivenUp, 1);
            }
            self.pause(wait).await;
        }
    }

    async fn attempt(&mut self, happening: &Happening) -> Outcome {
        match self.request(happening) {
            Ok(request) => self.line.post(request, self.timings.attempt).await,
            // Its parts are all ours and known to be sound.
            Err(error) => Outcome::Unreachable(error.to_string()),
        }
    }

    /// Signed anew each time, so that a receiver may refuse what was signed long ago.
    fn request(&self, happening: &Happening) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        Request::post(self.line.url().uri())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("anabranch-event", happening.event)
            .header("anabranch-delivery", &happening.id)
            .header("anabranch-signature", signature(&self.secret, now().as_secs(), &happening.body))
            .body(Full::new(happening.body.clone()))
    }

    fn delivered(&mut self) {
        self.numbers.delivered();
        self.failures = 0;
        if self.becomes(State::Works) {
            tracing::info!(to = %self.line.url(), "a webhook works again");
        }
    }

    fn refused(&mut self, outcome: &Outcome) {
        self.numbers.dropped(Dropped::Refused, 1);
        self.failures = 0;
        if self.becomes(State::Refuses) {
            tracing::warn!(to = %self.line.url(), %outcome, "a webhook refuses what it is told; that is not tried again");
        }
    }

    /// How long to wait now.
    fn failed(&mut self, outcome: &Outcome, asked: Duration) -> Duration {
        if self.becomes(State::Fails) {
            tracing::warn!(to = %self.line.url(), %outcome, "a webhook does not take what it is told; it is tried again");
        }
        let Timings { first_delay, last_delay, .. } = self.timings;
        let delays = Backoff { first: first_delay, last: last_delay };
        let delay = delays.after(self.failures, outbound::random()).max(asked);
        self.failures = self.failures.saturating_add(1);
        delay.min(last_delay)
    }

    /// Whether that is news.
    fn becomes(&mut self, state: State) -> bool {
        std::mem::replace(&mut self.state, state) != state
    }

    /// Where the end comes meanwhile, there is no time for long waits.
    async fn pause(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            () = self.line.idle() => {}
            () = self.queue.closed() => self.failures = 0,
        }
    }
}
