//! Says that this node is alive, and learns the store's time by it.

use super::{Clients, register::Repeat};
use crate::refusal::Refusal;
use model::NodeId;
use parking_lot::Mutex;
use rpc::proto;
use tokio::time::Instant;

/// The store's clock, as the beats' answers told it.
#[derive(Default)]
pub(super) struct StoreClock(Mutex<Option<Reading>>);

#[derive(Clone, Copy)]
struct Reading {
    store_ms: u64,
    at: Instant,
}

impl StoreClock {
    /// An answer came that began its way at `asked`: the store's clock was read in between, so the
    /// reading is at most as old as the way took.
    fn read(&self, store_ms: u64, asked: Instant) {
        *self.0.lock() = Some(Reading { store_ms, at: asked });
    }

    /// A moment by the store's clock, in milliseconds, never too early; 0 where the clock is not known.
    pub(super) fn at(&self, moment: Instant) -> u64 {
        let Some(reading) = *self.0.lock() else { return 0 };
        let later = moment.saturating_duration_since(reading.at);
        reading.store_ms.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)).max(1)
    }
}

impl Clients {
    /// This node is alive; `started` is its first connection number.
    pub(crate) async fn beat(&self, deadline: Instant, node: &NodeId, started: u64) -> Result<(), Refusal> {
        let asked = Instant::now();
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = proto::BeatRequest { run: Some(run(node, started)) };
            async move { to.beat(request).await }
        });
        self.clock.read(reply.await?.now_ms, asked);
        Ok(())
    }

    /// This node ends: whoever it still speaks for leaves.
    pub(crate) async fn stopped(
        &self,
        deadline: Instant,
        node: &NodeId,
        started: u64,
    ) -> Result<(), Refusal> {
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = proto::NodeStoppedRequest { run: Some(run(node, started)) };
            async move { to.node_stopped(request).await }
        });
        reply.await.map(drop)
    }
}

fn run(node: &NodeId, started: u64) -> proto::NodeRun {
    proto::NodeRun { role: "signal".to_owned(), id: node.to_string(), started }
}
