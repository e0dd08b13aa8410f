//! Whether a trend is over-use: against a threshold that adapts, so that others' queues neither starve us nor go unseen
//! (Carlucci et al. 2016, section 4.2).

use crate::estimator::Usage;

/// The threshold's first value, and its bounds, in milliseconds. (Draft section 5.5; libwebrtc.)
const THRESHOLD: f64 = 12.5;
const BOUNDS: (f64, f64) = (6.0, 600.0);
/// How fast it rises and falls, for each millisecond. (Draft section 5.5; libwebrtc.)
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
/// A trend that is farther above than this says nothing of what is usual. (Draft.)
const OUTLIER: f64 = 15.0;
/// Over-use is one that lasts, in milliseconds. (Draft.)
const LASTING: f64 = 10.0;

/// Tells over-use from noise.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    threshold: f64,
    usage: Usage,
    /// For how long the trend has been above, in milliseconds, and how often.
    above: Option<(f64, u32)>,
    previous: f64,
    updated: Option<i64>,
}

impl Detector {
    pub(crate) fn new() -> Self {
        Self { threshold: THRESHOLD, usage: Usage::Normal, above: None, previous: 0.0, updated: None }
    }

    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// A trend, how long after the one before its packets left (milliseconds), and when they arrived (microseconds).
    pub(crate) fn detect(&mut self, trend: f64, sent: f64, at: i64) {
        if trend > self.threshold {
            let (time, count) = self.above.unwrap_or((-sent / 2.0, 0));
            let (time, count) = (time + sent, count + 1);
            self.above = Some((time, count));
            if time > LASTING && count > 1 && trend >= self.previous {
                self.above = Some((0.0, 0));
                self.usage = Usage::Over;
            }
        } else {
            self.above = None;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.previous = trend;
        self.adapt(trend.abs(), at);
    }

    fn adapt(&mut self, trend: f64, at: i64) {
        let elapsed = ((at - self.updated.unwrap_or(at)) as f64 / 1000.0).clamp(0.0, 100.0);
        self.updated = Some(at);
        if trend > self.threshold + OUTLIER {
            return;
        }
        let gain = if trend < self.threshold { DOWN } else { UP };
        let moved = self.threshold + gain * (trend - self.threshold) * elapsed;
        self.threshold = moved.clamp(BOUNDS.0, BOUNDS.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_and_grows_is_over_use() {
        let mut detector = Detector::new();
        let mut at = 0;
        let mut detect = |trend| {
            at += 8_000;
            detector.detect(trend, 8.0, at);
            detector.usage()
        };
        assert_eq!(detect(1.0), Usage::Normal);
        assert_eq!(detect(20.0), Usage::Normal, "once");
        assert_eq!(detect(21.0), Usage::Over, "twice, for more than 10 ms");
        assert_eq!(detect(1.0), Usage::Normal);
        assert_eq!(detect(-30.0), Usage::Under);
        assert_eq!(detect(20.0), Usage::Under);
        assert_eq!(detect(19.0), Usage::Under, "it shrinks already");
    }

    #[test]
    fn the_threshold_rises_to_what_is_usual() {
        let mut detector = Detector::new();
        for n in 0..2_000 {
            detector.detect(if n % 2 == 0 { 24.0 } else { -24.0 }, 20.0, n * 20_000);
        }
        assert!(detector.threshold > 20.0, "{}", detector.threshold);
    }
}
