//! The clocks of the router's host: neither runs as the world's time does.

use media::Router;
use std::time::{Duration, Instant, SystemTime};

/// How far a clock is set, or leaps.
pub(super) const LEAP: Duration = Duration::from_secs(3_600);

pub(super) struct Clocks {
    start: Instant,
    /// How far the monotonic one is ahead.
    ahead: Duration,
    /// What the time of day would be without that.
    noon: SystemTime,
}

impl Clocks {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            ahead: Duration::ZERO,
            noon: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }

    /// The host's time.
    pub(super) fn now(&self, world: Instant) -> Instant {
        world + self.ahead
    }

    /// The host's time of day.
    pub(super) fn wall(&self, world: Instant) -> SystemTime {
        self.noon + (world - self.start)
    }

    /// When the router is to be called, by the world's time.
    pub(super) fn timeout(&self, router: &Router) -> Option<Instant> {
        router
            .poll_timeout()
            .map(|at| (at - self.start).saturating_sub(self.ahead))
            .map(|since| self.start + since)
    }

    /// The host was suspended, as it were.
    pub(super) fn leap(&mut self) {
        self.ahead += LEAP;
    }

    /// Somebody sets the time of day.
    pub(super) fn set(&mut self, forward: bool) {
        self.noon = if forward { self.noon + LEAP } else { self.noon - LEAP };
    }
}
