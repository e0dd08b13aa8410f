//! How the others know of this SFU. What rooms still say of its earlier runs is cleared away first; then it is
//! announced and takes streams; and for as long as it runs, it beats.

use std::sync::Arc;
use std::time::Duration;

use cluster::{Discovery, DiscoveryError, Lease, NodeInfo};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep};

use crate::registers::Registers;
use crate::stage::Stage;
use crate::workers::Workers;

/// How often a register is told that this node is alive. After five of these without, its streams are removed.
const BEAT: Duration = Duration::from_secs(1);

/// After so long without a beat that was heard, the streams here may have been removed.
const ABSENCE: Duration = Duration::from_secs(4);

/// The pause before a register is asked again to clear away.
const CLEAR_AGAIN: Duration = Duration::from_millis(200);

/// The pause before an announcement that did not get through is made again.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);

/// What it takes to be present.
pub(crate) struct Presence {
    pub(crate) registers: Arc<Registers>,
    pub(crate) workers: Arc<Workers>,
    /// The load in hundredths.
    pub(crate) load: watch::Receiver<u8>,
    /// Asks for the streams to be held at once.
    pub(crate) hold_now: Arc<Notify>,
}

/// Whoever waits for the announcement, or went on without it.
pub(crate) type Waiting = oneshot::Sender<Result<(), DiscoveryError>>;

impl Presence {
    /// Appears, and stays present until it is aborted.
    pub(crate) async fn run(self, discovery: Arc<dyn Discovery>, node: NodeInfo, waiting: Waiting) {
        self.clear_away().await;
        self.workers.life.open();
        let announced = async {
            if let Some(lease) = announce(&*discovery, node, waiting).await {
                self.keep(lease).await;
            }
        };
        tokio::join!(self.beat(), announced);
    }

    /// Streams come only afterwards, or they would be cleared away, too.
    async fn clear_away(&self) {
        let mut logged = false;
        while let Err(error) = self.registers.node_started().await {
            if !std::mem::replace(&mut logged, true) {
                tracing::info!(%error, "this SFU takes streams once a register has answered");
            }
            sleep(CLEAR_AGAIN).await;
        }
    }

    async fn beat(&self) {
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            ticks.tick().await;
            if let Err(error) = self.registers.beat().await {
                tracing::debug!(%error, "nobody heard that this SFU is alive");
                continue;
            }
            if heard.elapsed() >= ABSENCE {
                tracing::info!(seconds = heard.elapsed().as_secs(), "this SFU was out of sight");
                self.hold_now.notify_one();
            }
            heard = Instant::now();
        }
    }

    /// Keeps the lease, and what it says.
    async fn keep(&self, lease: Lease) {
        let (mut load, mut stage) = (self.load.clone(), self.workers.life.watch());
        loop {
            let hundredths = *load.borrow_and_update();
            let draining = *stage.borrow_and_update() == Stage::Draining;
            lease.update(f32::from(hundredths) / 100.0, draining);
            let changed = tokio::select! {
                changed = load.changed() => changed,
                changed = stage.changed() => changed,
            };
            if changed.is_err() {
                // The measuring ends only together with this.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Nothing where the one who waits has been told that it failed.
async fn announce(discovery: &dyn Discovery, node: NodeInfo, waiting: Waiting) -> Option<Lease> {
    let mut waiting = Some(waiting);
    loop {
        let (answer, lease) = match discovery.register(node.clone()).await {
            Ok(lease) => (Ok(()), Some(lease)),
            Err(error) => (Err(error), None),
        };
        let was_told = waiting.take().map(|waiting| waiting.send(answer));
        if lease.is_some() || matches!(was_told, Some(Ok(()))) {
            return lease;
        }
        tracing::debug!("the announcement did not get through and is made again");
        sleep(ANNOUNCE_AGAIN).await;
    }
}
