//! What was sent and is not forgotten: a ring, because feedback names packets by number alone. It has as many places as
//! packets wait for feedback at a time, so that who is sent little costs little.

use crate::PeerTime;
use crate::estimator::{Arrival, PacketKind};
use crate::loss::Tally;

/// How many packets are remembered at the most: two seconds of 10 Mbit/s. Feedback about older ones is ignored.
pub(crate) const CAPACITY: usize = 2048;
/// And where it begins: audio with a round trip of 300 ms.
const FIRST_CAPACITY: usize = 32;
/// So long (microseconds) a packet of which nothing was said is kept, if places are to be had; and one that was said to be
/// lost, because it may only be late.
const KEPT: u32 = 5_000_000;
const LATE: u32 = 500_000;

/// A receiver's clock is no farther from its zero, in microseconds (a century): so differences never overflow.
const FARTHEST: i64 = 1 << 52;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unknown,
    Lost,
    /// Or never sent: nothing is news.
    Arrived,
}

/// 16 bytes a packet: 512 bytes at first, 32 KiB at the most.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The low half of its number.
    sequence: u32,
    /// Microseconds since the estimator's start, modulo 2^32: 71 minutes, and nothing lives so long.
    at: u32,
    bytes: u16,
    kind: PacketKind,
    fate: Fate,
}

const EMPTY: Slot = Slot { sequence: 0, at: 0, bytes: 0, kind: PacketKind::Media, fate: Fate::Arrived };

impl Slot {
    /// Whether something may yet be said of it.
    fn is_waiting(&self, now: u32) -> bool {
        let age = now.wrapping_sub(self.at);
        match self.fate {
            Fate::Unknown => age < KEPT,
            Fate::Lost => age < LATE,
            Fate::Arrived => false,
        }
    }
}

impl Slot {
    /// Whether its place is not to be had for a packet that leaves now.
    #[inline]
    fn is_kept_from(&self, sequence: u32, now: u32) -> bool {
        self.sequence != sequence && self.is_waiting(now)
    }

    /// Its bytes, where nothing was said yet of it or of any later one.
    #[inline]
    fn unspoken(&self, named: u32) -> u64 {
        let unspoken = self.sequence.wrapping_sub(named).cast_signed() >= 0;
        if unspoken { u64::from(self.bytes) } else { 0 }
    }
}

/// The packets that were sent last.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// A power of two of them, or none.
    slots: Vec<Slot>,
    /// The number of the next packet; 0 before the first.
    next: u64,
    /// One more than the highest number that feedback has named.
    named: u64,
    /// Bytes of what was sent after those.
    flight: u64,
}

impl History {
    /// A packet leaves. Numbers that go back are ignored.
    #[inline]
    pub(crate) fn push(&mut self, sequence: u64, at: i64, bytes: u32, kind: PacketKind) {
        if sequence < self.next {
            return;
        }
        self.next = sequence.saturating_add(1);
        let (sequence, at) = (sequence as u32, at as u32);
        let bytes = bytes.min(u32::from(u16::MAX)) as u16;
        let fresh = Slot { sequence, at, bytes, kind, fate: Fate::Unknown };
        self.flight += u64::from(bytes);
        // Mostly all is known of what was in its place.
        match self.slot(sequence) {
            Some(slot) if slot.fate == Fate::Arrived => *slot = fresh,
            _ => self.replace(fresh),
        }
    }

    /// It takes a place that may still be another's.
    fn replace(&mut self, fresh: Slot) {
        let (sequence, named) = (fresh.sequence, self.named as u32);
        if self.slot(sequence).is_none_or(|there| there.is_kept_from(sequence, fresh.at)) {
            self.make_room(sequence, fresh.at);
        }
        if let Some(slot) = self.slot(sequence) {
            // What is forgotten here without a word about it is not under way any more.
            let forgotten = std::mem::replace(slot, fresh).unspoken(named);
            self.flight = self.flight.saturating_sub(forgotten);
        }
    }

    /// Bytes that were sent after all that feedback has named.
    pub(crate) fn flight(&self) -> u64 {
        self.flight
    }

    #[inline]
    fn slot(&mut self, sequence: u32) -> Option<&mut Slot> {
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get_mut(sequence as usize & mask)
    }

    /// Doubles the ring for as long as the packet would take the place of one that waits.
    fn make_room(&mut self, sequence: u32, now: u32) {
        while self.slots.len() < CAPACITY
            && self.slot(sequence).is_none_or(|there| there.is_kept_from(sequence, now))
        {
            let grown = (2 * self.slots.len()).max(FIRST_CAPACITY);
            let old = std::mem::replace(&mut self.slots, vec![EMPTY; grown]);
            for waiting in old.into_iter().filter(|slot| slot.fate != Fate::Arrived) {
                if let Some(slot) = self.slot(waiting.sequence) {
                    *slot = waiting;
                }
            }
        }
    }

    /// Whether anything was ever sent.
    pub(crate) fn is_used(&self) -> bool {
        self.next > 0
    }

    /// Whether something was sent that feedback has not reached.
    pub(crate) fn is_waiting(&self) -> bool {
        self.next > self.named
    }

    /// What one feedback says of packets: adds those to the arrivals that are now known to have arrived, and gives those
    /// that are now known to be lost.
    pub(crate) fn hear(
        &mut self,
        now: i64,
        said: &[(u64, Option<PeerTime>)],
        arrivals: &mut Vec<Arrival>,
    ) -> Tally {
        let mut lost = Tally::default();
        let Some(mask) = self.slots.len().checked_sub(1) else { return lost };
        let Self { slots, next, named: kept_named, flight: kept_flight } = self;
        let next = *next;
        let slots = slots.as_mut_slice();
        let (mut named, mut landed) = (*kept_named, 0);
        for &(sequence, arrival) in said {
            if sequence >= next || next - sequence > slots.len() as u64 {
                continue;
            }
            // Feedback mostly goes on where the one before ended.
            let further = sequence >= named;
            if further {
                if sequence > named {
                    landed += passed_over(slots, named, sequence);
                }
                named = sequence + 1;
            }
            let Some(slot) = slots.get_mut(sequence as usize & mask) else { continue };
            if slot.sequence != sequence as u32 {
                continue;
            }
            if further {
                landed += u64::from(slot.bytes);
            }
            if slot.fate == Fate::Arrived {
                continue;
            }
            let sent = now - i64::from((now as u32).wrapping_sub(slot.at));
            let (bytes, kind, was_lost) = (u32::from(slot.bytes), slot.kind, slot.fate == Fate::Lost);
            if let Some(arrival) = arrival {
                slot.fate = Fate::Arrived;
                let arrival = arrival.as_micros().clamp(-FARTHEST, FARTHEST);
                arrivals.push(Arrival { arrival, sent, bytes, kind, was_lost });
            } else if !was_lost {
                slot.fate = Fate::Lost;
                lost.add(sent, bytes);
            }
        }
        *kept_named = named;
        *kept_flight = if named == next { 0 } else { kept_flight.saturating_sub(landed) };
        lost
    }
}

/// Bytes of those before a packet that is named, which are not.
#[cold]
#[inline(never)]
fn passed_over(slots: &[Slot], named: u64, sequence: u64) -> u64 {
    let oldest = (sequence + 1).saturating_sub(slots.len() as u64);
    let passed = (named.max(oldest)..sequence).filter_map(|passed| {
        let slot = slots.get(passed as usize & slots.len().wrapping_sub(1))?;
        (slot.sequence == passed as u32).then_some(u64::from(slot.bytes))
    });
    passed.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl History {
        /// What is said of one packet: whether that is news, and when it left.
        fn report(&mut self, sequence: u64, now: i64, arrived: bool) -> Option<Arrival> {
            let mut arrivals = Vec::new();
            let arrival = arrived.then_some(PeerTime::from_micros(0));
            let lost = self.hear(now, &[(sequence, arrival)], &mut arrivals);
            let told = lost.only().map(|(sent, bytes)| {
                let kind = PacketKind::Media;
                Arrival { arrival: 0, sent, bytes, kind, was_lost: false }
            });
            arrivals.pop().or(told)
        }
    }

    #[test]
    fn what_was_forgotten_in_an_outage_is_not_under_way() {
        let mut history = History::default();
        for sequence in 0..10_000u64 {
            history.push(sequence, sequence as i64 * 20_000, 100, PacketKind::Media);
        }
        assert!(history.flight() <= 100 * CAPACITY as u64, "{}", history.flight());
        history.report(9_990, 10_000 * 20_000, true).unwrap();
        assert_eq!(history.flight(), 900);
    }

    #[test]
    fn each_news_is_told_once_and_lost_ones_may_return() {
        let mut history = History::default();
        let base = i64::from(u32::MAX) - 10;
        history.push(70_000, base, 1200, PacketKind::Media);
        assert!(history.is_waiting());
        assert!(history.report(70_001, base, true).is_none(), "never sent");
        let lost = history.report(70_000, base + 100, false).unwrap();
        assert_eq!((lost.sent, lost.bytes, lost.was_lost), (base, 1200, false));
        assert!(history.report(70_000, base + 100, false).is_none());
        assert!(history.report(70_000, base + 200, true).unwrap().was_lost);
        assert!(history.report(70_000, base + 200, true).is_none());
        assert!(!history.is_waiting());
    }

    #[test]
    fn the_old_and_the_skipped_are_unknown() {
        let mut history = History::default();
        for sequence in (0..4 * CAPACITY as u64).step_by(2) {
            history.push(sequence, 0, 100, PacketKind::Media);
        }
        history.push(3, 0, 100, PacketKind::Media);
        let newest = 4 * CAPACITY as u64 - 2;
        assert!(history.report(newest, 0, true).is_some());
        assert!(history.report(newest - 1, 0, true).is_none());
        assert!(history.report(newest - CAPACITY as u64, 0, true).is_none());
        assert!(history.report(3, 0, true).is_none());
    }
    #[test]
    fn who_is_sent_little_takes_little_and_nothing_that_waits_is_forgotten() {
        let mut audio = History::default();
        for sequence in 0..5_000 {
            audio.push(sequence, sequence as i64 * 20_000, 100, PacketKind::Media);
            if let Some(heard) = sequence.checked_sub(15) {
                let fate = audio.report(heard, sequence as i64 * 20_000, heard % 10 != 0);
                assert!(fate.is_some(), "{heard}");
            }
        }
        assert_eq!(audio.slots.len(), FIRST_CAPACITY);
        let mut silent = History::default();
        (0..1_500).for_each(|sequence| silent.push(sequence, 0, 1200, PacketKind::Media));
        assert!((0..1_500).all(|sequence| silent.report(sequence, 0, true).is_some()));
        (1_500..90_000).for_each(|sequence| silent.push(sequence, 0, 1200, PacketKind::Media));
        assert_eq!(silent.slots.len(), CAPACITY, "at the most");
    }
}
