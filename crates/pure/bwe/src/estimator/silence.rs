//! What happens when nothing comes: the target falls, and falls again. So there may soon be nothing to send that is
//! answered, and one would never hear that the network is back: therefore it is knocked now and then.

use super::Estimator;
use crate::probing::ProbeCluster;
use std::time::{Duration, Instant};

/// Packets are under way and nothing is heard for so long, and the round trip; in microseconds.
const SILENCE: i64 = 1_000_000;
const SILENCE_AGAIN: i64 = 500_000;
const SILENCE_FACTOR: f64 = 0.7;
/// Between two knocks, in microseconds.
const KNOCK: i64 = 1_000_000;

impl Estimator {
    /// When [`Estimator::handle_timeout`] and [`Estimator::poll_probe`] are to be called, if nothing is sent or heard
    /// before. May lie in the past, and then means now.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let probe = self.heard.then(|| self.probing.due());
        let silence = self.silence();
        let at = match (probe, silence) {
            (Some(probe), Some(silence)) => probe.min(silence),
            (probe, silence) => probe.or(silence)?,
        };
        self.epoch.checked_add(Duration::from_micros(u64::try_from(at).unwrap_or(0)))
    }

    /// When silence counts.
    pub(super) fn silence(&self) -> Option<i64> {
        let since = self.silent_since.filter(|_| self.heard)?;
        Some(since.saturating_add(SILENCE + 2 * self.rtt))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let at = self.micros(now);
        if self.silence().is_some_and(|due| at >= due) {
            self.silent_since = Some(at - SILENCE - 2 * self.rtt + SILENCE_AGAIN);
            self.probing.dropped(self.target(), self.target().scale(SILENCE_FACTOR));
            self.aimd.lower(SILENCE_FACTOR);
            self.aimd.clamp(self.config.min, self.config.max);
            self.congested = Some(at);
            self.silent = true;
        }
    }
    /// One packet, however small, that has to be answered if the network is there.
    pub(super) fn knock(&mut self, at: i64) -> Option<ProbeCluster> {
        if self.knocked.is_some_and(|last| at - last < KNOCK) {
            return None;
        }
        self.knocked = Some(at);
        Some(self.probing.knock(self.target()))
    }
}
