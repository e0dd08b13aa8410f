//! How long things took, without keeping each of them.

use std::time::Duration;

/// Counts of durations, by size. Plain numbers, cheap to copy and to add to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum: Duration,
}

/// The upper bounds of all buckets but the last, in microseconds.
const BOUNDS: [u64; BUCKETS - 1] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000,
];

const BUCKETS: usize = 16;

impl Histogram {
    /// Something took this long.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        self.record_many(duration, 1);
    }

    /// So many things took this long each.
    #[inline]
    pub fn record_many(&mut self, duration: Duration, times: u64) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += times;
        }
        self.sum += duration.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The buckets from the smallest: upper bound in seconds, the last one infinite, and how many lie in it, those of
    /// smaller ones not included.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_in_the_bucket_whose_bound_it_does_not_exceed() {
        let mut histogram = Histogram::default();
        for micros in [0, 50, 51, 2_500_000, 2_500_001] {
            histogram.record(Duration::from_micros(micros));
        }
        histogram.record_many(Duration::from_millis(1), 10);
        let filled: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(5e-5, 2), (1e-4, 1), (1e-3, 10), (2.5, 1), (f64::INFINITY, 1)]);
        assert_eq!((histogram.count(), histogram.sum()), (15, Duration::from_micros(5_010_102)));
        let mut twice = histogram;
        twice.add(&histogram);
        assert_eq!((twice.count(), twice.sum()), (30, histogram.sum() * 2));
    }
}
