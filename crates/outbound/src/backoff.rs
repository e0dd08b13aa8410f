//! How long to wait before another attempt.

use std::time::Duration;

/// Waits that double from the first to the last.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The shortest wait.
    pub first: Duration,
    /// The longest.
    pub last: Duration,
}

impl Backoff {
    /// How long to wait after so many failures before this one: doubled each time, and a random part of the upper
    /// half.
    #[must_use]
    pub fn after(&self, failures: u32, random: u32) -> Duration {
        // A factor beyond 2^31 would not fit; the longest wait is reached long before.
        let longest = self.first.saturating_mul(2).saturating_mul(1 << failures.min(30)).min(self.last);
        longest / 2 + (longest / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

/// Spreads attempts that failed together; without randomness they merely are not spread.
#[must_use]
pub fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u32 = u32::MAX / 2;

    #[test]
    fn waits_grow_from_the_first_to_the_last() {
        let backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(300) };
        assert_eq!(backoff.after(0, 0), backoff.first);
        assert_eq!(backoff.after(1, 0), backoff.first * 2);
        assert!(backoff.after(0, HALF) > backoff.first && backoff.after(0, HALF) < backoff.first * 2);
        assert_eq!(backoff.after(100, u32::MAX), backoff.last);
        assert!((0..100).all(|n| backoff.after(n, HALF) <= backoff.after(n + 1, HALF)));
    }
}
