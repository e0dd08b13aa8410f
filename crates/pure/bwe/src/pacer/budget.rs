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

    #[inline]
    pub(super) fn advance(&mut self, now: Instant, rate: Bitrate) {
        if self.owed > 0.0 {
            let bytes = rate.as_f64() * (1.0 / 8.0);
            // Packets of a burst leave at one time.
            if now != self.at {
                let elapsed = now.saturating_duration_since(self.at);
                self.owed = (self.owed - bytes * elapsed.as_secs_f64()).max(0.0);
            }
            self.owed = self.owed.min(bytes * MOST.as_secs_f64());
        }
        self.at = self.at.max(now);
    }

    pub(super) fn spend(&mut self, bytes: u32) {
        self.owed += f64::from(bytes);
    }

    pub(super) fn is_free(&self) -> bool {
        self.owed < GRAIN
    }

    /// Whether what is owed takes less time than this at a rate: [`Budget::wait`] without the division.
    pub(super) fn owes_less_than(&self, time: Duration, rate: Bitrate) -> bool {
        self.owed * 8.0 < rate.as_f64() * time.as_secs_f64()
    }

    /// For how long it is not free.
    pub(super) fn wait(&self, rate: Bitrate) -> Duration {
        rate.time_for(self.owed.ceil() as u64)
    }
}
