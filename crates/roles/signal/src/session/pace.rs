//! How fast one connection may ask: everybody in a room hears of what one of
//! them does, so one who floods would flood all.

use crate::Limits;
use std::time::Instant;

/// Bytes of requests in one go: a dozen of the largest.
const BYTE_BURST: f64 = 4.0 * 1024.0 * 1024.0;

/// Bytes of requests in a second, in the long run: eight megabit.
const BYTES_PER_SECOND: f64 = 1024.0 * 1024.0;

/// Requests refused in one go, and in a minute in the long run: whoever goes on all the same does not listen.
const REFUSALS: f64 = 100.0;

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be handled.
    Allowed,
    /// Not now.
    TooMany,
    /// Nor any other: the connection is to be closed.
    Flood,
}

/// Buckets that fill with time and are emptied by requests.
#[derive(Debug)]
pub(super) struct Pace {
    /// Requests in one go. A page that joins, publishes, and subscribes to a full room of streams is to stay below it.
    burst: f64,
    per_second: f64,
    refusals: f64,
    requests: f64,
    bytes: f64,
    filled: Instant,
}

impl Pace {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let (burst, per_second) = (f64::from(limits.request_burst), f64::from(limits.requests_per_second));
        Self { burst, per_second, refusals: REFUSALS, requests: burst, bytes: BYTE_BURST, filled: now }
    }

    /// Whether a request of this size may be handled now. One that may not takes
    /// nothing out of the buckets of those that may.
    pub(super) fn judge(&mut self, bytes: usize, now: Instant) -> Verdict {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.requests = (self.requests + seconds * self.per_second).min(self.burst);
        self.refusals = (self.refusals + seconds * REFUSALS / 60.0).min(REFUSALS);
        self.bytes = (self.bytes + seconds * BYTES_PER_SECOND).min(BYTE_BURST);
        #[expect(clippy::cast_precision_loss, reason = "a message has at most 256 KiB")]
        let bytes = bytes as f64;
        if self.requests < 1.0 || self.bytes < bytes {
            if self.refusals < 1.0 {
                return Verdict::Flood;
            }
            self.refusals -= 1.0;
            return Verdict::TooMany;
        }
        self.requests -= 1.0;
        self.bytes -= bytes;
        Verdict::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Pace, Verdict};
    use std::time::{Duration, Instant};

    fn allowed(pace: &mut Pace, requests: usize, bytes: usize, now: Instant) -> usize {
        (0..requests).filter(|_| pace.judge(bytes, now) == Verdict::Allowed).count()
    }

    #[test]
    fn a_burst_is_borne_and_then_the_long_run_counts() {
        let start = Instant::now();
        let mut pace = Pace::new(&Limits::default(), start);
        assert_eq!(allowed(&mut pace, 3000, 100, start), 2000);
        let later = start + Duration::from_secs(1);
        assert_eq!(allowed(&mut pace, 3000, 100, later), 200);
    }

    #[test]
    fn large_messages_count_by_their_bytes() {
        let start = Instant::now();
        let mut pace = Pace::new(&Limits::default(), start);
        let largest = 256 * 1024;
        assert_eq!(allowed(&mut pace, 100, largest, start), 16);
        assert_eq!(pace.judge(0, start), Verdict::Allowed, "small ones still may");
        let later = start + Duration::from_secs(1);
        assert_eq!(allowed(&mut pace, 100, largest, later), 4);
    }

    #[test]
    fn whoever_goes_on_after_a_hundred_refusals_does_not_listen() {
        let start = Instant::now();
        let limits = Limits { request_burst: 3, requests_per_second: 1, ..Limits::default() };
        let mut pace = Pace::new(&limits, start);
        let verdicts: Vec<Verdict> = (0..104).map(|_| pace.judge(1, start)).collect();
        assert!(verdicts[..3].iter().all(|&verdict| verdict == Verdict::Allowed));
        assert!(verdicts[3..103].iter().all(|&verdict| verdict == Verdict::TooMany));
        assert_eq!(verdicts[103], Verdict::Flood);
        let later = start + Duration::from_secs(60);
        assert_eq!(allowed(&mut pace, 50, 1, later), 3, "a minute later all is forgotten");
    }
}
