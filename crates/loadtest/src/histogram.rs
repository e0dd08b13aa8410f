//! How long things took, without keeping each of them: a log-linear histogram.

use std::time::Duration;

/// Buckets per power of two: what is read from the histogram is off by at most 1/32.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Up to 2^38 ns, four and a half minutes; longer ones count as that.
const BUCKETS: usize = ((38 - STEP_BITS as usize) + 1) * STEPS as usize;

/// Counts of durations. Histograms add up, and an earlier state can be taken off a later one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Empty until something is recorded.
    counts: Vec<u64>,
    longest: Duration,
}

impl Histogram {
    /// Something took this long.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        if self.counts.is_empty() {
            self.counts.resize(BUCKETS, 0);
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanos).min(BUCKETS - 1)) {
            *count += 1;
        }
        self.longest = self.longest.max(duration);
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that this part of all (0 to 1) does not exceed; `None` when nothing was recorded.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_nanos(upper_bound(at)).min(self.longest))
    }

    /// The longest one. Of a difference, the longest since the beginning, unless its bucket tells that it was before.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        let at = self.counts.iter().rposition(|count| *count > 0)?;
        Some(Duration::from_nanos(upper_bound(at)).min(self.longest))
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        }
        self.longest = self.longest.max(other.longest);
    }

    /// What was recorded since `earlier`, a former state of this one.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        since
            .counts
            .iter_mut()
            .zip(&earlier.counts)
            .for_each(|(count, before)| *count = count.saturating_sub(*before));
        since
    }
}

/// The first [`STEPS`] buckets hold one value each; then each power of two has [`STEPS`].
fn bucket(nanos: u64) -> usize {
    let Some(power) = nanos.checked_ilog2().filter(|power| *power >= STEP_BITS) else {
        return nanos as usize;
    };
    let step = (nanos >> (power - STEP_BITS)) & (STEPS - 1);
    (u64::from(power - STEP_BITS + 1) * STEPS + step) as usize
}

/// The largest value of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let (row, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if row == 0 {
        return step;
    }
    ((STEPS + step + 1) << (row - 1)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_its_bucket_and_no_bucket_is_wide() {
        for nanos in (0..200).chain((0..38).map(|power| (1 << power) + power)) {
            let at = bucket(nanos);
            let below = if at == 0 { 0 } else { upper_bound(at - 1) + 1 };
            assert!((below..=upper_bound(at)).contains(&nanos), "{nanos}");
            assert!(upper_bound(at) - below <= nanos / STEPS, "{nanos}");
        }
    }

    #[test]
    fn quantiles_of_a_thousand_values() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max()), (None, None));
        (1..=1000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        for (part, millis) in [(0.5, 500), (0.95, 950), (0.99, 990)] {
            let found = histogram.quantile(part).unwrap().as_millis();
            assert!((millis..=millis + millis / 30).contains(&found), "{part}: {found}");
        }
        assert_eq!(histogram.max(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_difference_has_what_came_since() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(5));
        let earlier = histogram.clone();
        histogram.record(Duration::from_millis(1));
        let since = histogram.since(&earlier);
        assert_eq!((since.count(), since.max().unwrap().as_millis()), (1, 1));
        let mut sum = earlier;
        sum.add(&since);
        assert_eq!(sum, histogram);
    }
}
