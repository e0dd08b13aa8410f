//! Bounds what a subscriber can make us send again. Where much is lost, so are repairs: each is then sent twice, as long
//! as there is plenty left, because a second request comes too late for sound and stops the picture.

use std::time::{Duration, Instant};

/// Packets whose latest retransmission is remembered, by number. A power of two; two that meet in a slot forget each
/// other, which only allows a repetition that the budget still bounds.
const REMEMBERED: usize = 128;

/// Before a round trip is known.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(50);
const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_millis(250);

/// Bytes that may be sent again on top of the share, so that a burst of losses is repaired at once.
const BURST: u64 = 64 * 1024;

/// From this part of all packets on, in parts of 256 (5 %), much is lost.
const MUCH: u16 = 13;

/// How much a subscriber loses of late, as its receiver reports say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loss(u16);

impl Loss {
    /// A report says this of the time since the last one, in parts of 256. The last two count for most.
    pub(crate) fn report(&mut self, fraction: u8) {
        self.0 = (self.0 + u16::from(fraction)).div_ceil(2);
    }

    /// Whether repairs are likely to be lost as well.
    pub(crate) fn is_much(self) -> bool {
        self.0 >= MUCH
    }
}

/// The budget of one subscriber's track. What exceeds it is not sent again; the subscriber asks for a key frame.
#[derive(Debug)]
pub(crate) struct RepairBudget {
    recent: Box<[Option<(u64, Instant)>]>,
    bytes: u64,
    /// In percent of what is sent.
    share: u8,
}

impl RepairBudget {
    /// With so many percent of what is sent.
    pub(crate) fn new(share: u8) -> Self {
        Self { recent: Box::default(), bytes: BURST, share }
    }

    /// So many bytes of media were sent.
    #[inline]
    pub(crate) fn earn(&mut self, bytes: usize) {
        self.bytes = (self.bytes + bytes as u64 * u64::from(self.share) / 100).min(BURST);
    }

    /// Whether this packet may be sent again now. If so, it counts as sent.
    pub(crate) fn spend(
        &mut self,
        now: Instant,
        number: u64,
        bytes: usize,
        round_trip: Option<Duration>,
    ) -> bool {
        // Three quarters: a subscriber that asks once per round trip must not miss its turn by jitter.
        let interval =
            round_trip.map_or(DEFAULT_INTERVAL, |rtt| (rtt * 3 / 4).clamp(MIN_INTERVAL, MAX_INTERVAL));
        if self.recent.is_empty() {
            // Most subscribers lose nothing.
            self.recent = vec![None; REMEMBERED].into_boxed_slice();
        }
        let index = usize::try_from(number % REMEMBERED as u64).unwrap_or(0);
        let Some(slot) = self.recent.get_mut(index) else { return false };
        let too_soon = slot.is_some_and(|(last, at)| last == number && now < at + interval);
        let Some(left) = self.bytes.checked_sub(bytes as u64).filter(|_| !too_soon) else { return false };
        self.bytes = left;
        *slot = Some((number, now));
        true
    }

    /// Whether what was just granted may be sent twice. If so, that counts, too. The half of the budget is kept for what is
    /// lost next.
    pub(crate) fn spend_again(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes as u64).filter(|&left| left >= BURST / 2);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    #[test]
    fn a_packet_is_sent_again_once_per_round_trip() {
        let start = epoch();
        let rtt = Some(Duration::from_millis(100));
        let mut budget = RepairBudget::new(25);
        assert!(budget.spend(start, 7, 1000, rtt));
        assert!(!budget.spend(start + Duration::from_millis(70), 7, 1000, rtt));
        assert!(budget.spend(start + Duration::from_millis(70), 8, 1000, rtt));
        assert!(budget.spend(start + Duration::from_millis(80), 7, 1000, rtt));
    }

    #[test]
    fn whoever_asks_for_everything_gets_a_quarter_of_it() {
        let start = epoch();
        let mut budget = RepairBudget::new(25);
        let granted = (0..1000u64)
            .filter(|&number| {
                budget.earn(1000);
                budget.spend(start, number, 1000, None)
            })
            .count();
        assert!((250..=400).contains(&granted), "{granted}");
    }

    #[test]
    fn a_repair_is_sent_twice_while_half_of_the_budget_is_there() {
        let mut budget = RepairBudget::new(25);
        let mut twice = 0;
        for number in 0..99 {
            assert!(budget.spend(epoch(), number, 500, None), "{number}");
            twice += usize::from(budget.spend_again(500));
        }
        assert_eq!(twice, 32, "64 packets, in pairs, are the half");
    }

    #[test]
    fn much_is_lost_from_five_percent_on_and_a_report_or_two_later_no_more() {
        let mut loss = Loss::default();
        let said = [25, 25, 0, 0, 0].map(|fraction| {
            loss.report(fraction);
            loss.is_much()
        });
        assert_eq!(said, [true, true, false, false, false]);
        (0..10).for_each(|_| loss.report(7));
        assert!(!loss.is_much(), "3 %");
    }
}
