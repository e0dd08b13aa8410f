//! Watches over the other nodes: what a dead one leaves behind is taken out of the rooms.

use std::time::Duration;

use cluster::StoreError;
use tokio::time::{Instant, MissedTickBehavior};

use crate::departures::Departures;
use crate::liveness::{Dead, Watch};

/// How often a look is taken, as often as the nodes beat.
const INTERVAL: Duration = Duration::from_secs(1);

/// Watches for ever. Any number of registers may watch over the same store.
pub(crate) async fn run(departures: &Departures) {
    let mut watch = Watch::default();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = look(departures, &mut watch).await {
            tracing::debug!(%error, "watching the nodes waits for the store");
            watch.blind();
        }
    }
}

async fn look(departures: &Departures, watch: &mut Watch) -> Result<(), StoreError> {
    let runs = departures.store.runs().await?;
    for dead in watch.look(Instant::now().into_std(), &runs) {
        bury(departures, &dead).await?;
    }
    Ok(())
}

async fn bury(departures: &Departures, dead: &Dead) -> Result<(), StoreError> {
    let Dead { run, beats, gone } = dead;
    tracing::info!(role = %run.role, id = %run.id, started = run.started, "a node is gone");
    departures.metrics.dead(run.role);
    if let Some(gone) = gone {
        departures.release(gone).await?;
    }
    departures.store.forget_run(run, *beats).await
}
