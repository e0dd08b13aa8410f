//! What has left and is not yet paid for: bytes that a rate works off.

use crate::Bitrate;
use std::time::{Duration, Instant};

/// However long it takes, no more than this is owed: a rate that falls does not make the past expensive.
const MOST: Duration = Duration::from_millis(500);
/// A timer that is this close has expired: the clock has a grain.
const GRAIN: f64 = 1.0;

#[derive(Clone, Debug)]
pub(super) struct Budget {
    at: Instant,
    /// Bytes.
    owed: f64,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { at: now, owed: 0.0 }
    }

    pub(super) fn advance(&mut self, now: Instant, rate: Bitrate) {
        let elapsed = now.saturating_duration_since(self.at);
        let most = rate.as_f64() / 8.0 * MOST.as_secs_f64();
        self.owed = (self.owed - rate.as_f64() / 8.0 * elapsed.as_secs_f64()).clamp(0.0, most);
        self.at = self.at.max(now);
    }

    pub(super) fn spend(&mut self, bytes: u32) {
        self.owed += f64::from(bytes);
    }

    pub(super) fn is_free(&self) -> bool {
        self.owed < GRAIN
    }

    /// For how long it is not free.
    pub(super) fn wait(&self, rate: Bitrate) -> Duration {
        rate.time_for(self.owed.ceil() as u64)
    }
}
