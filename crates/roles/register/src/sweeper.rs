//! Takes out who and what fell silent: users without keep-alive, streams that their SFU no longer
//! mentions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cluster::{Events, Store};
use tokio::time::MissedTickBehavior;

/// How often. Expiry takes a minute, so a second more or less is nothing.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps until `shutdown` is ready. Any number of registers may sweep the same store.
pub async fn run_sweeper(store: Arc<dyn Store>, events: Arc<dyn Events>, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = ticks.tick() => sweep(&*store, &*events).await,
        }
    }
}

/// Round after round, until nothing changes any more.
async fn sweep(store: &dyn Store, events: &dyn Events) {
    loop {
        let changed = match store.expire().await {
            Ok(changed) if changed.is_empty() => return,
            Ok(changed) => changed,
            Err(error) => {
                tracing::debug!(%error, "sweeping waits for the store");
                return;
            }
        };
        for event in changed {
            tracing::info!(rid = ?event.rid, version = event.version, facts = event.notices.len(), "expired");
            if let Err(error) = events.publish(&event).await {
                tracing::debug!(rid = ?event.rid, version = event.version, %error, "event not published");
            }
        }
        tokio::task::yield_now().await;
    }
}
