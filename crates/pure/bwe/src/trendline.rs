//! Whether queueing delay grows: the slope of a line through the last accumulated delays, as libwebrtc has it
//! (`TrendlineEstimator`) where the draft had a Kalman filter.

use crate::arrival_groups::Delta;

/// Points of the line. (libwebrtc.)
const WINDOW: usize = 20;
/// How much of the smoothed delay each new one leaves. (libwebrtc.)
const SMOOTHING: f64 = 0.9;
/// A slope of few groups counts less: by their number, up to this. (libwebrtc: 60 of them, and a gain of 4.)
const FULL_WEIGHT: u32 = 60;
const GAIN: f64 = 4.0;

/// The line through the last delays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trendline {
    /// A ring of (arrival, smoothed delay) in milliseconds since the first.
    points: [(f64, f64); WINDOW],
    groups: u32,
    began: Option<i64>,
    delay: f64,
    smoothed: f64,
}

impl Trendline {
    /// One more group; gives the trend in the detector's unit: milliseconds, by how much delay would have grown over
    /// 240 milliseconds' worth of it (60 × gain). `None` while there are too few.
    pub(crate) fn update(&mut self, delta: Delta) -> Option<f64> {
        let began = *self.began.get_or_insert(delta.at);
        self.delay += (delta.arrived - delta.sent) as f64 / 1000.0;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        let at = (delta.at - began) as f64 / 1000.0;
        if let Some(point) = self.points.get_mut(self.groups as usize % WINDOW) {
            *point = (at, self.smoothed);
        }
        self.groups = self.groups.saturating_add(1);
        let enough = self.groups as usize >= WINDOW;
        enough.then(|| self.slope() * f64::from(self.groups.min(FULL_WEIGHT)) * GAIN)
    }

    /// Least squares.
    fn slope(&self) -> f64 {
        let count = self.points.len() as f64;
        let sum = self.points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let mean = (sum.0 / count, sum.1 / count);
        let (over, under) = self.points.iter().fold((0.0, 0.0), |(over, under), point| {
            let x = point.0 - mean.0;
            (over + x * (point.1 - mean.1), under + x * x)
        });
        if under > 0.0 { over / under } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_queue_has_a_positive_slope_and_an_even_one_none() {
        let run = |growth: i64| {
            let mut line = Trendline::default();
            let mut last = None;
            for n in 1..100 {
                let delta = Delta { sent: 20_000, arrived: 20_000 + growth, at: n * (20_000 + growth) };
                last = line.update(delta);
            }
            last.unwrap()
        };
        assert!(run(0).abs() < 1e-9);
        // 2 ms more for each 22 ms: a slope of a eleventh.
        assert!((run(2_000) - 240.0 / 11.0).abs() < 0.5, "{}", run(2_000));
        assert!(run(-2_000) < -20.0);
    }
}
