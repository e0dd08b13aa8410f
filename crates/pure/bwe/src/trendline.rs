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
    sums: Sums,
    groups: u32,
    began: Option<i64>,
    delay: f64,
    smoothed: f64,
}

/// Over all points, as they are seen from one of them: sums of large numbers would be coarse.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    origin: (f64, f64),
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Sums {
    fn of(points: &[(f64, f64)], origin: (f64, f64)) -> Self {
        let mut sums = Self { origin, ..Self::default() };
        points.iter().for_each(|&point| sums.add(point));
        sums
    }

    fn add(&mut self, point: (f64, f64)) {
        let (x, y) = (point.0 - self.origin.0, point.1 - self.origin.1);
        (self.x, self.y) = (self.x + x, self.y + y);
        (self.xx, self.xy) = (self.xx + x * x, self.xy + x * y);
    }

    fn take(&mut self, point: (f64, f64)) {
        let (x, y) = (point.0 - self.origin.0, point.1 - self.origin.1);
        (self.x, self.y) = (self.x - x, self.y - y);
        (self.xx, self.xy) = (self.xx - x * x, self.xy - x * y);
    }

    /// Least squares.
    fn slope(&self) -> f64 {
        const COUNT: f64 = WINDOW as f64;
        let under = COUNT * self.xx - self.x * self.x;
        if under > 0.0 { (COUNT * self.xy - self.x * self.y) / under } else { 0.0 }
    }
}

impl Trendline {
    /// One more group; gives the trend in the detector's unit: milliseconds, by how much delay would have grown over
    /// 240 milliseconds' worth of it (60 × gain). `None` while there are too few.
    pub(crate) fn update(&mut self, delta: Delta) -> Option<f64> {
        let began = *self.began.get_or_insert(delta.at);
        self.delay += (delta.arrived - delta.sent) as f64 / 1000.0;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        let point = ((delta.at - began) as f64 / 1000.0, self.smoothed);
        let at = self.groups as usize % WINDOW;
        self.groups = self.groups.saturating_add(1);
        let before = std::mem::replace(self.points.get_mut(at)?, point);
        if at == 0 {
            // Anew, once a round: so neither the distance from the origin nor what rounding leaves adds up.
            self.sums = Sums::of(&self.points, point);
        } else {
            self.sums.take(before);
            self.sums.add(point);
        }
        let enough = self.groups as usize >= WINDOW;
        enough.then(|| self.sums.slope() * f64::from(self.groups.min(FULL_WEIGHT)) * GAIN)
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
