//! How fast one connection may ask: everybody in a room hears of what one of
//! them does, so one who floods would flood all.

use std::time::Instant;

/// Requests in one go. A page that joins, publishes, and subscribes to a full
/// room of streams stays below it.
const REQUEST_BURST: f64 = 2000.0;

/// Requests in a second, in the long run.
const REQUESTS_PER_SECOND: f64 = 200.0;

/// Bytes of requests in one go: a dozen of the largest.
const BYTE_BURST: f64 = 4.0 * 1024.0 * 1024.0;

/// Bytes of requests in a second, in the long run: eight megabit.
const BYTES_PER_SECOND: f64 = 1024.0 * 1024.0;

/// Two buckets that fill with time and are emptied by requests.
#[derive(Debug)]
pub(super) struct Pace {
    requests: f64,
    bytes: f64,
    filled: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { requests: REQUEST_BURST, bytes: BYTE_BURST, filled: now }
    }

    /// Whether a request of this size may be handled now. One that may not takes
    /// nothing out of the buckets.
    pub(super) fn allows(&mut self, bytes: usize, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.requests = (self.requests + seconds * REQUESTS_PER_SECOND).min(REQUEST_BURST);
        self.bytes = (self.bytes + seconds * BYTES_PER_SECOND).min(BYTE_BURST);
        #[expect(clippy::cast_precision_loss, reason = "a message has at most 256 KiB")]
        let bytes = bytes as f64;
        if self.requests < 1.0 || self.bytes < bytes {
            return false;
        }
        self.requests -= 1.0;
        self.bytes -= bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn a_burst_is_borne_and_then_the_long_run_counts() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!((0..3000).filter(|_| pace.allows(100, start)).count(), 2000);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..3000).filter(|_| pace.allows(100, later)).count(), 200);
    }

    #[test]
    fn large_messages_count_by_their_bytes() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let largest = 256 * 1024;
        assert_eq!((0..100).filter(|_| pace.allows(largest, start)).count(), 16);
        assert!(pace.allows(0, start), "small ones still may");
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| pace.allows(largest, later)).count(), 4);
    }
}
