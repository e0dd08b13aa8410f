//! Looks once a second at what the workers have done, and says how loaded the SFU is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::load::{Capacity, Meter, Work};
use crate::mailbox::{Command, Mailbox};
use crate::worker::WorkerStats;
use crate::workers::Workers;

/// How often; news of the load is no more frequent.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a worker may think. It answers between two batches of datagrams: one that is not full within
/// milliseconds.
const ANSWER_TIME: Duration = Duration::from_millis(250);

/// Measures for ever. What it tells is the load in hundredths.
pub(crate) async fn measure(workers: Arc<Workers>, capacity: Capacity, load: watch::Sender<u8>) {
    let mut meter = Meter::new(capacity);
    let mut last = Instant::now();
    let mut ticks = tokio::time::interval_at(last + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let mut done = Vec::new();
        for mailbox in &workers.mailboxes {
            done.push(stats(mailbox).await);
        }
        note(&workers, now - last, &done);
        let done: Vec<_> = done.iter().map(|stats| stats.as_ref().map(work)).collect();
        let (streams, subscriptions) = workers.directory.counts();
        if let Some(news) = meter.look(now - last, &done, streams + subscriptions) {
            tracing::debug!(hundredths = news, "load");
            load.send_replace(news);
        }
        last = now;
    }
}

async fn stats(mailbox: &Mailbox) -> Option<WorkerStats> {
    let asked = mailbox.ask(|reply| Command::Stats { reply });
    tokio::time::timeout(ANSWER_TIME, asked).await.ok()?.ok()
}

fn work(stats: &WorkerStats) -> Work {
    Work { packets: stats.media.datagrams_out, bytes: stats.media.bytes_out, cpu: stats.cpu }
}

/// For whoever asks between two looks. A worker that gave no answer stays as it was.
fn note(workers: &Workers, since: Duration, done: &[Option<WorkerStats>]) {
    let mut latest = workers.latest.lock();
    latest.resize(done.len(), WorkerStats::default());
    let used = latest.iter().zip(done).map(|(before, now)| {
        let used = now.as_ref()?.cpu.saturating_sub(before.cpu);
        Some(used.as_secs_f64() / since.as_secs_f64().max(0.001))
    });
    workers.placement.note(used);
    for (latest, stats) in latest.iter_mut().zip(done) {
        *latest = stats.unwrap_or(*latest);
    }
}
