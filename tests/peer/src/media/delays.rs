//! A histogram of delays with a fixed size: buckets grow by an eighth of a power of two, so a
//! quantile is right within 9 %.

use std::time::Duration;

const PER_OCTAVE: u32 = 8;
/// From 1 µs to more than an hour.
const BUCKETS: usize = 256;

/// Counted delays.
#[derive(Debug, Clone)]
pub struct Delays {
    buckets: [u64; BUCKETS],
    count: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0 }
    }
}

impl Delays {
    /// Counts one delay.
    pub fn add(&mut self, delay: Duration) {
        let micros = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX).max(1);
        let octave = micros.ilog2();
        let within = (u64::from(micros - (1 << octave)) * u64::from(PER_OCTAVE)) >> octave;
        let bucket = octave as usize * PER_OCTAVE as usize + usize::try_from(within).unwrap_or(0);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.count += 1;
    }

    /// Adds another histogram to this one.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
    }

    /// Number of delays.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The delay that this part (0 to 1) of all delays stays below; `None` without any.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let wanted = (self.count as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        let bucket = u32::try_from(self.buckets.iter().position(reached)?).ok()?;
        let (octave, within) = (bucket / PER_OCTAVE, bucket % PER_OCTAVE);
        let upper = (1u64 << octave) + ((u64::from(within) + 1) << octave) / u64::from(PER_OCTAVE);
        Some(Duration::from_micros(upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_bucket() {
        let mut delays = Delays::default();
        assert_eq!(delays.quantile(0.5), None);
        for micros in 1..=10_000 {
            delays.add(Duration::from_micros(micros));
        }
        for (part, micros) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.01, 100.0)] {
            let found = delays.quantile(part).unwrap().as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.13, "{part}: {found} µs, not {micros}");
        }
    }
}
