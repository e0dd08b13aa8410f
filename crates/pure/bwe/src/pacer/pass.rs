//! What need not wait: most packets of most networks, for which a queue would be a detour.

use super::{BURST, Pacer};
use std::time::Instant;

impl Pacer {
    /// How many bytes may leave now, past the queue: as long as some are left, one more packet may, which may be larger.
    /// What waits goes first, and a probe has its own pace. No more than what the pacing rate carries in [`BURST`].
    /// What leaves is to be said: [`Pacer::passed`].
    #[must_use]
    #[inline(never)]
    pub fn allowance(&mut self, now: Instant) -> u64 {
        if !self.queue.is_empty() || self.probe.is_some() || self.is_full() {
            return 0;
        }
        // Nothing waits that would make it faster.
        self.budget.advance(now, self.pace, 0.0);
        let left = self.budget.left(self.pace * BURST.as_secs_f64());
        self.room.map_or(left, |room| left.min(room))
    }

    /// Whether a packet of so many bytes may leave now; if so, it has left.
    #[must_use]
    #[inline]
    pub fn pass(&mut self, now: Instant, bytes: u32) -> bool {
        let passes = self.allowance(now) > 0;
        if passes {
            self.passed(u64::from(bytes));
        }
        passes
    }

    /// So many bytes have left, whatever the pacer says: audio, or what passed.
    #[inline]
    pub fn passed(&mut self, bytes: u64) {
        self.room = self.room.map(|room| room.saturating_sub(bytes));
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
