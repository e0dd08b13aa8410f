//! How much may be under way: what is on the way to and fro, and a short queue. More only waits in the network, where
//! audio waits behind it, instead of here, where it does not. (The idea of SCReAM, RFC 8298, and of libwebrtc's congestion
//! window; the bitrate still comes from elsewhere.)

use crate::Bitrate;
use std::time::Duration;

/// A queue so long does no harm, in microseconds.
const QUEUE: i64 = 50_000;
/// What is left of a longer time after each feedback.
const FADING: f64 = 1.0 / 32.0;

/// For how long packets are under way until feedback tells of them, in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    way: f64,
}

impl Window {
    /// How old the oldest packet of a feedback is, but for what it waited. The longest counts: with it, all that was sent
    /// since is under way.
    pub(super) fn measure(&mut self, age: i64) {
        let age = age as f64;
        self.way = age.max(self.way + (age - self.way) * FADING);
    }

    pub(super) fn way(&self) -> i64 {
        self.way as i64
    }
}

/// In bytes.
pub(super) fn window(target: Bitrate, way: i64) -> u64 {
    target.bytes_in(Duration::from_micros(u64::try_from(way + QUEUE).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_is_under_way_when_feedback_takes_longest() {
        let mut way = Window::default();
        [80_000, 150_000, 90_000].into_iter().for_each(|age| way.measure(age));
        assert!((147_000..149_000).contains(&way.way()), "{}", way.way());
        assert_eq!(window(Bitrate::kbps(800), 150_000), 20_000);
        assert_eq!(window(Bitrate::kbps(800), -1_000_000), 0);
    }
}
