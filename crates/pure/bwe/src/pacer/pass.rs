//! What need not wait: most packets of most networks, for which a queue would be a detour.

use super::{BURST, FACTOR, Pacer};
use std::time::Instant;

impl Pacer {
    /// Whether a packet of so many bytes may leave now, past the queue; if so, it has left. What waits goes first, and a
    /// probe has its own pace. A burst may take what the pacing rate carries in [`BURST`].
    #[must_use]
    #[inline]
    pub fn pass(&mut self, now: Instant, bytes: u32) -> bool {
        let passes = self.is_open(now);
        if passes {
            self.passed(bytes);
        }
        passes
    }

    /// Whether something may leave now.
    #[must_use]
    #[inline]
    fn is_open(&mut self, now: Instant) -> bool {
        if !self.queue.is_empty() || self.probe.is_some() || self.is_full() {
            return false;
        }
        // Nothing waits that would make it faster.
        let rate = self.target.scale(FACTOR);
        self.budget.advance(now, rate);
        self.budget.owes_less_than(BURST, rate)
    }

    /// So many bytes have left, whatever the pacer says: audio, or what passed.
    #[inline]
    pub fn passed(&mut self, bytes: u32) {
        self.room = self.room.map(|room| room.saturating_sub(u64::from(bytes)));
        self.budget.spend(bytes);
    }
}

#[cfg(test)]
mod tests {
    use crate::pacer::{FACTOR, Packet, Priority};
    use crate::{Bitrate, Pacer};
    use std::time::{Duration, Instant};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
    fn a_burst_passes_and_then_what_waits_goes_first() {
        let start = Instant::now();
        // 2 Mbit/s at the pacing rate are 1,250 bytes in 5 ms.
        let mut pacer = Pacer::new(start, Bitrate::kbps(2000).scale(1.0 / FACTOR));
        assert!(pacer.pass(start, 1000) && pacer.pass(start, 1000));
        assert!(!pacer.pass(start, 1000), "2,000 bytes are 8 ms");
        let later = start + Duration::from_millis(4);
        assert!(pacer.pass(later, 100));
        let priority = Priority::Video { frame: 1 };
        pacer.push(later, Packet { reference: 1, bytes: 1000, priority }).unwrap();
        assert!(!pacer.pass(later + Duration::from_millis(20), 100));
    }
}
