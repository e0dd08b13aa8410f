//! How the packets of a video frame follow each other: at once, as from a pacer that sends bursts, or one by one.
//!
//! The rest of a burst is worth waiting for, because a frame that leaves whole costs a fraction of one that leaves in
//! parts. The rest of a frame that is spread out is not.

use std::time::{Duration, Instant};

/// The part of an old average that a new gap replaces.
const WEIGHT: u32 = 4;

/// What one track's frames looked like so far.
#[derive(Debug, Default)]
pub(crate) struct Bursts {
    /// The latest packet: its timestamp, and when it came.
    latest: Option<(u32, Instant)>,
    /// From one packet of a frame to the next, on average.
    gap: Duration,
    /// The latest packet was not the last of its frame.
    open: bool,
}

impl Bursts {
    /// A packet came. The marker bit says that it is the last of its frame (RFC 7741 section 4.1).
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, timestamp: u32, marker: bool) {
        if let Some((_, at)) = self.latest.filter(|(latest, _)| *latest == timestamp) {
            let gap = now.saturating_duration_since(at);
            self.gap = (self.gap * (WEIGHT - 1) + gap) / WEIGHT;
        }
        self.latest = Some((timestamp, now));
        self.open = !marker;
    }

    /// Whether more of the frame that came last is to be expected within this time.
    #[inline]
    pub(crate) fn expects_more(&self, within: Duration) -> bool {
        self.open && self.gap < within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    const PATIENCE: Duration = Duration::from_millis(1);

    /// Ten frames of six packets so far apart.
    fn frames(bursts: &mut Bursts, start: Instant, gap: Duration) -> Instant {
        let mut now = start;
        for frame in 0..10u32 {
            for packet in 0..6 {
                now += gap;
                bursts.arrived(now, frame * 3000, packet == 5);
            }
            now += Duration::from_millis(20);
        }
        now
    }

    #[test]
    fn the_rest_of_a_burst_is_waited_for_and_that_of_a_spread_frame_is_not() {
        let mut bursts = Bursts::default();
        let now = frames(&mut bursts, epoch(), Duration::from_micros(100));
        assert!(!bursts.expects_more(PATIENCE), "the frame is whole");
        bursts.arrived(now, 99, false);
        assert!(bursts.expects_more(PATIENCE));

        let now = frames(&mut bursts, now, Duration::from_micros(2_200));
        bursts.arrived(now, 99, false);
        assert!(!bursts.expects_more(PATIENCE));

        let now = frames(&mut bursts, now, Duration::from_micros(100));
        bursts.arrived(now, 99, false);
        assert!(bursts.expects_more(PATIENCE), "it sends bursts again");
    }
}
