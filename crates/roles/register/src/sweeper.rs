//! Takes out who and what fell silent: users without keep-alive, streams that their SFU no longer
//! mentions, and all that a dead node leaves behind.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::departures::Departures;
use crate::watcher;

/// How often. Expiry takes a minute, so a second more or less is nothing.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps and watches for ever.
pub(crate) async fn run(departures: &Departures) {
    tokio::join!(sweep(departures), watcher::run(departures));
}

async fn sweep(departures: &Departures) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = departures.expire().await {
            tracing::debug!(%error, "sweeping waits for the store");
        }
    }
}
