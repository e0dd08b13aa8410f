//! How much nonsense a connection may send before it is closed.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// With this many invalid messages within [`GARBAGE_WINDOW`] a connection is closed.
pub const GARBAGE_LIMIT: usize = 20;

/// The time in which invalid messages add up.
pub const GARBAGE_WINDOW: Duration = Duration::from_secs(60);

/// Counts the invalid messages of one connection over a sliding minute.
#[derive(Debug, Default)]
pub struct GarbageCounter {
    /// Never longer than [`GARBAGE_LIMIT`].
    times: VecDeque<Instant>,
}

impl GarbageCounter {
    /// Counts one more invalid message. True where the connection is to be closed.
    #[must_use]
    pub fn record(&mut self, now: Instant) -> bool {
        self.times.retain(|&then| now.saturating_duration_since(then) < GARBAGE_WINDOW);
        self.times.push_back(now);
        if self.times.len() > GARBAGE_LIMIT {
            self.times.pop_front();
        }
        self.times.len() >= GARBAGE_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::{GARBAGE_LIMIT, GARBAGE_WINDOW, GarbageCounter};
    use std::time::{Duration, Instant};

    /// The pure crates read no clock; the tests need one point in time.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_twentieth_within_a_minute_is_too_much() {
        let (mut counter, start) = (GarbageCounter::default(), start());
        for nth in 1..GARBAGE_LIMIT {
            assert!(!counter.record(start + Duration::from_secs(nth as u64)), "{nth}");
        }
        assert!(counter.record(start + Duration::from_secs(59)));
    }

    #[test]
    fn slow_nonsense_is_borne_for_ever() {
        let (mut counter, start) = (GarbageCounter::default(), start());
        let pause = GARBAGE_WINDOW / (GARBAGE_LIMIT as u32 - 1);
        assert!(
            (0..1000).all(|nth| !counter.record(start + pause * nth + Duration::from_millis(u64::from(nth))))
        );
    }
}
