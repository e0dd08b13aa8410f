//! What has left and is not yet paid for: bytes that a rate works off.

use crate::Bitrate;
use std::time::{Duration, Instant};

/// However long it takes, no more than this is owed, in seconds: a rate that falls does not make the past expensive.
const MOST: f64 = 0.5;
/// A timer that is this close has expired: the clock has a grain.
const GRAIN: f64 = 1.0;

/// As `Duration::as_secs_f64`, without a division and for times that fit in 63 bits.
#[inline]
fn seconds(time: Duration) -> f64 {
    time.as_secs() as i64 as f64 + f64::from(time.subsec_nanos()) * 1e-9
}

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

    /// Time has passed, at so many bytes a second. Whoever asks late has as much to his credit as was due in that time,
    /// but no more than in these seconds.
    #[inline]
    pub(super) fn advance(&mut self, now: Instant, bytes: f64, late: f64) {
        if self.owed > 0.0 {
            // Packets of a burst leave at one time.
            if now != self.at {
                let elapsed = seconds(now.saturating_duration_since(self.at));
                self.owed = (self.owed - bytes * elapsed).max(-bytes * late);
            }
            self.owed = self.owed.min(bytes * MOST);
        }
        self.at = self.at.max(now);
    }

    #[inline]
    pub(super) fn spend(&mut self, bytes: u64) {
        self.owed += bytes as f64;
    }

    pub(super) fn is_free(&self) -> bool {
        self.owed < GRAIN
    }

    /// How many bytes may still be owed where so many may be in all.
    #[inline]
    pub(super) fn left(&self, most: f64) -> u64 {
        (most - self.owed).max(0.0) as i64 as u64
    }

    /// For how long it is not free.
    pub(super) fn wait(&self, rate: Bitrate) -> Duration {
        rate.time_for(self.owed.ceil() as u64)
    }
}
