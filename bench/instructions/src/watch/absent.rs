//! Nothing: for the difference.

use std::time::{Instant, SystemTime};

use media::{DatagramSink, Incoming, Router};

/// Sees nothing.
pub(crate) struct Watch;

impl Watch {
    #[expect(clippy::unnecessary_wraps, reason = "the other one may fail")]
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn begin(&mut self, _: Instant, _: &Router) {}

    pub(crate) fn receive(
        &mut self,
        router: &mut Router,
        (now, wall): (Instant, SystemTime),
        batch: &mut [Incoming<'_>],
        sink: &mut impl DatagramSink,
    ) {
        router.receive(now, wall, batch, sink);
    }

    pub(crate) fn look(&mut self, _: Instant, _: &Router) {}

    #[expect(clippy::unnecessary_wraps, reason = "the other one may fail")]
    pub(crate) fn check(&self, _: &Router, _: u64) -> anyhow::Result<()> {
        Ok(())
    }
}
