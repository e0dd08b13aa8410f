//! The bitrate that arrives, from bytes and times of the receiver: a Bayesian estimate as libwebrtc's
//! (`BitrateEstimator`), which trusts a sample the less the farther it is from what is believed.

use crate::Bitrate;

/// Bytes are gathered for so long before they make a sample; longer for the first. (libwebrtc.)
const WINDOW: i64 = 150_000;
const FIRST_WINDOW: i64 = 500_000;
/// The spread of a sample that is as far off as what is believed is large; and that of one of few bytes.
const UNCERTAINTY: f64 = 10.0;
const UNCERTAINTY_OF_FEW: f64 = 25.0;
const FEW_BYTES: u32 = 2_000;
/// What is believed grows less certain by this much with each sample.
const FADING: f64 = 5.0;
/// How much each sample counts for the slower mean: half a second, in which a wi-fi's moments even out.
const MEAN_WEIGHT: f64 = 0.2;
/// After a gap of so many windows what was gathered is thrown away.
const GAP: i64 = 1_000_000;

/// The acknowledged bitrate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged {
    /// In kbit/s, with its variance.
    belief: Option<(f64, f64)>,
    /// A slower mean of the samples.
    mean: f64,
    /// Microseconds of the receiver: when the window began, and the last arrival.
    began: Option<i64>,
    bytes: u32,
}

impl Acknowledged {
    /// Bytes arrived. Times that go back count to the window.
    pub(crate) fn arrived(&mut self, at: i64, bytes: u32) {
        let began = *self.began.get_or_insert(at);
        let window = if self.belief.is_some() { WINDOW } else { FIRST_WINDOW };
        let length = at - began;
        if !(-GAP..=window + GAP).contains(&length) {
            (self.began, self.bytes) = (Some(at), bytes);
            return;
        }
        if length >= window {
            self.sample(f64::from(self.bytes) * 8.0 / (length as f64 / 1000.0));
            (self.began, self.bytes) = (Some(at), 0);
        }
        self.bytes += bytes;
    }

    fn sample(&mut self, sample: f64) {
        let Some((belief, variance)) = self.belief else {
            (self.belief, self.mean) = (Some((sample, 50.0)), sample);
            return;
        };
        self.mean += MEAN_WEIGHT * (sample - self.mean);
        let scale = if self.bytes < FEW_BYTES { UNCERTAINTY_OF_FEW } else { UNCERTAINTY };
        let spread = scale * (belief - sample).abs() / (belief + sample.min(40.0)).max(1.0);
        let (spread, variance) = (spread * spread, variance + FADING);
        let belief = (spread * belief + variance * sample) / (spread + variance);
        self.belief = Some((belief, spread * variance / (spread + variance)));
    }

    /// The estimate; `None` until half a second has been seen.
    pub(crate) fn bitrate(&self) -> Option<Bitrate> {
        self.belief.map(|(kbps, _)| Bitrate::from_f64(kbps.max(self.mean) * 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_a_steady_stream_and_a_change() {
        let mut acknowledged = Acknowledged::default();
        let mut at = 0;
        let mut run = |acknowledged: &mut Acknowledged, interval, packets| {
            for _ in 0..packets {
                at += interval;
                acknowledged.arrived(at, 1000);
            }
            acknowledged.bitrate().unwrap().as_f64() / 1000.0
        };
        let steady = run(&mut acknowledged, 8_000, 250);
        assert!((980.0..1020.0).contains(&steady), "{steady}");
        let halved = run(&mut acknowledged, 16_000, 94);
        assert!((480.0..600.0).contains(&halved), "after 1.5 s: {halved}");
    }
}
