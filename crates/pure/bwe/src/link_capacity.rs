//! What the link carried when it was full: near that, growth is careful (draft-ietf-rmcat-gcc-02 section 5.5).

use crate::Bitrate;

/// How much each new measurement counts. (Draft; libwebrtc.)
const WEIGHT: f64 = 0.05;
/// The bounds of the normalised variance, in kbit/s. (libwebrtc.)
const VARIANCE: (f64, f64) = (0.4, 2.5);

/// Mean and spread of the acknowledged bitrate at over-use.
#[derive(Clone, Debug)]
pub(crate) struct LinkCapacity {
    /// In kbit/s.
    mean: Option<f64>,
    variance: f64,
}

impl LinkCapacity {
    pub(crate) fn new() -> Self {
        Self { mean: None, variance: VARIANCE.0 }
    }

    pub(crate) fn forget(&mut self) {
        self.mean = None;
    }

    pub(crate) fn is_known(&self) -> bool {
        self.mean.is_some()
    }

    /// The link was full with this much.
    pub(crate) fn observe(&mut self, bitrate: Bitrate) {
        let sample = bitrate.as_f64() / 1000.0;
        let mean = self.mean.map_or(sample, |mean| (1.0 - WEIGHT) * mean + WEIGHT * sample);
        let error = mean - sample;
        let variance = (1.0 - WEIGHT) * self.variance + WEIGHT * error * error / mean.max(1.0);
        (self.mean, self.variance) = (Some(mean), variance.clamp(VARIANCE.0, VARIANCE.1));
    }

    /// The mean.
    pub(crate) fn mean(&self) -> Option<Bitrate> {
        self.mean.map(|mean| Bitrate::from_f64(mean * 1000.0))
    }

    /// Whether a bitrate is off the mean by more than three deviations, above or below it.
    pub(crate) fn excludes(&self, bitrate: Bitrate) -> bool {
        self.mean.is_some_and(|mean| {
            (bitrate.as_f64() / 1000.0 - mean).abs() > 3.0 * (self.variance * mean).sqrt()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_off_is_excluded() {
        let mut capacity = LinkCapacity::new();
        assert!(!capacity.excludes(Bitrate::kbps(1)));
        capacity.observe(Bitrate::kbps(1000));
        assert_eq!(capacity.mean(), Some(Bitrate::kbps(1000)));
        assert!(!capacity.excludes(Bitrate::kbps(1050)));
        assert!(capacity.excludes(Bitrate::kbps(1070)));
        assert!(capacity.excludes(Bitrate::kbps(900)));
    }
}
