//! Nothing: for the difference.

use std::time::Instant;

use media::{Router, SendBatch};

/// Measures nothing.
#[derive(Default)]
pub(crate) struct Delays;

impl Delays {
    pub(crate) fn note(&mut self, _: &SendBatch) {}
}

/// Sees nothing.
pub(crate) struct Watch;

impl Watch {
    #[expect(clippy::unnecessary_wraps, reason = "the other one may fail")]
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn begin(&mut self, _: Instant, _: &Router) {}

    pub(crate) fn look(&mut self, _: Instant, _: &Router, _: &Delays) {}

    #[expect(clippy::unnecessary_wraps, reason = "the other one may fail")]
    pub(crate) fn check(&self, _: &Router, _: &Delays, _: u64, _: bool) -> anyhow::Result<()> {
        Ok(())
    }
}
