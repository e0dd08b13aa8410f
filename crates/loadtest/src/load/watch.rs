//! Looks at a running load: once a second, and until it has come to rest.

use super::Measurement;
use crate::error::ConnectError;
use crate::process;
use crate::sample::{Moment, Sample};
use crate::stage::{Stage, Subscribed};
use crate::totals::Totals;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// How often it is looked at.
const SECOND: Duration = Duration::from_secs(1);

/// A load has come to rest when nothing has arrived for so many looks in a row, this far apart: longer than any repair
/// waits for the next request.
const QUIET_LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who does not come to rest within this is not waited for: packets are given up after a second.
const REST_WITHIN: Duration = Duration::from_secs(5);

/// Subscribers that leave and come while it is looked at.
struct Churn<'a> {
    subscribed: &'a mut VecDeque<Subscribed>,
    joining: JoinSet<Result<Subscribed, ConnectError>>,
    interval: Option<Duration>,
    due: Instant,
}

impl Churn<'_> {
    /// The time of the next change; without churn, none.
    async fn turn(&self) {
        match self.interval {
            Some(_) => sleep_until(self.due).await,
            None => std::future::pending().await,
        }
    }

    /// The oldest one leaves, and a new one comes in its place.
    fn change(&mut self, stage: &Arc<Stage>) {
        self.due += self.interval.unwrap_or(SECOND);
        let Some(oldest) = self.subscribed.pop_front() else { return };
        let stage = Arc::clone(stage);
        self.joining.spawn(async move {
            stage.unsubscribe(&oldest).await?;
            let Subscribed { session, stream, .. } = oldest;
            stage.subscribe(session, stream).await
        });
    }
}

/// Measures a window. Returns what became of the subscribers that came in it.
pub(super) async fn watch(
    stage: &Arc<Stage>,
    subscribed: &mut VecDeque<Subscribed>,
    window: Duration,
) -> (Measurement, Vec<Result<Subscribed, ConnectError>>) {
    let start = Instant::now();
    let rate = stage.options.churn;
    let interval = (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate));
    let due = start + interval.unwrap_or_default();
    let mut churn = Churn { subscribed, joining: JoinSet::new(), interval, due };
    let first = moment(stage, churn.subscribed.len()).await;
    let (mut before, mut series) = (first.clone(), Vec::new());
    let mut next = start + SECOND.min(window);
    loop {
        tokio::select! {
            () = sleep_until(next) => {}
            () = churn.turn() => {
                churn.change(stage);
                continue;
            }
        }
        let now = moment(stage, churn.subscribed.len() + churn.joining.len()).await;
        series.push(Sample::between(&before, &now));
        before = now;
        if next >= start + window {
            break;
        }
        next = (next + SECOND).min(start + window);
    }
    let whole = Sample::between(&first, &before);
    (Measurement { whole, series }, churn.joining.join_all().await)
}

/// Lets publishers fall silent, and waits until all that they sent has come, or will not.
pub(super) async fn settle(stage: &Stage) -> Totals {
    stage.threads.iter().for_each(super::MediaThread::silence);
    let patience = Instant::now() + REST_WITHIN;
    let (mut totals, mut quiet) = (look(stage).await.0, 0);
    while quiet < QUIET_LOOKS && Instant::now() < patience {
        sleep(LOOK_EVERY).await;
        let (now, _) = look(stage).await;
        quiet = if now.both() == totals.both() { quiet + 1 } else { 0 };
        totals = now;
    }
    totals
}

async fn moment(stage: &Stage, subscriptions: usize) -> Moment {
    let (totals, inodes) = look(stage).await;
    let pids = &stage.options.pids;
    let sum = |of: fn(u32) -> Option<u64>| pids.iter().map(|pid| of(*pid)).sum::<Option<u64>>();
    let server = sum(process::cpu_nanos).zip(sum(process::resident_bytes));
    Moment {
        at: std::time::Instant::now(),
        totals,
        server: server.filter(|_| !pids.is_empty()),
        threads: stage.threads.iter().map(super::MediaThread::cpu_nanos).collect(),
        drops: process::drops(&inodes),
        subscriptions,
    }
}

/// What all threads have counted, and their sockets.
async fn look(stage: &Stage) -> (Totals, HashSet<u64>) {
    let (mut totals, mut inodes) = (Totals::default(), HashSet::new());
    for thread in &stage.threads {
        let look = thread.look().await;
        totals.add(&look.totals);
        inodes.extend(look.inodes);
    }
    (totals, inodes)
}
