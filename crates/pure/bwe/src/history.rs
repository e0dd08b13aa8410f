//! What was sent and is not forgotten: a ring, because feedback names packets by number alone. It has as many places as
//! packets wait for feedback at a time, so that who is sent little costs little.

use crate::estimator::PacketKind;

/// How many packets are remembered at the most: two seconds of 10 Mbit/s. Feedback about older ones is ignored.
pub(crate) const CAPACITY: usize = 2048;
/// And where it begins: audio with a round trip of 300 ms.
const FIRST_CAPACITY: usize = 32;
/// So long (microseconds) a packet of which nothing was said is kept, if places are to be had; and one that was said to be
/// lost, because it may only be late.
const KEPT: u32 = 5_000_000;
const LATE: u32 = 500_000;

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

/// A packet that was sent, and what has just become known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Microseconds since the estimator's start.
    pub(crate) at: i64,
    pub(crate) bytes: u32,
    pub(crate) kind: PacketKind,
    /// It had been reported lost before.
    pub(crate) was_lost: bool,
}

/// The packets that were sent last.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// A power of two of them, or none.
    slots: Vec<Slot>,
    /// The number of the next packet; `None` before the first.
    next: Option<u64>,
    /// One more than the highest number that feedback has named.
    named: u64,
    /// Bytes of what was sent after those.
    flight: u64,
}

impl History {
    /// A packet leaves. Numbers that go back are ignored.
    #[inline]
    pub(crate) fn push(&mut self, sequence: u64, at: i64, bytes: u32, kind: PacketKind) {
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        self.next = Some(sequence.saturating_add(1));
        let (sequence, at) = (sequence as u32, at as u32);
        let bytes = bytes.min(u32::from(u16::MAX)) as u16;
        let (fresh, named) = (Slot { sequence, at, bytes, kind, fate: Fate::Unknown }, self.named as u32);
        self.flight += u64::from(bytes);
        if self.slot(sequence).is_none_or(|there| there.is_kept_from(sequence, at)) {
            self.make_room(sequence, at);
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

    /// Feedback has named this packet, so it has passed over those before.
    fn name(&mut self, sequence: u64) {
        let oldest = (sequence + 1).saturating_sub(self.slots.len() as u64);
        for passed in self.named.max(oldest)..=sequence {
            let bytes = self
                .slot(passed as u32)
                .filter(|slot| slot.sequence == passed as u32)
                .map_or(0, |slot| slot.bytes);
            self.flight = self.flight.saturating_sub(u64::from(bytes));
        }
        self.named = self.named.max(sequence + 1);
        if self.next == Some(self.named) {
            self.flight = 0;
        }
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
        self.next.is_some()
    }

    /// Whether something was sent that feedback has not reached.
    pub(crate) fn is_waiting(&self) -> bool {
        self.next.is_some_and(|next| next > self.named)
    }

    /// What is said of a packet, where that is news.
    #[inline]
    pub(crate) fn report(&mut self, sequence: u64, now: i64, arrived: bool) -> Option<Sent> {
        let next = self.next?;
        if sequence >= next || next - sequence > self.slots.len() as u64 {
            return None;
        }
        // Feedback mostly goes on where the one before ended.
        let in_order = sequence == self.named;
        if !in_order {
            self.name(sequence);
        }
        let mask = self.slots.len().wrapping_sub(1);
        let slot = self.slots.get_mut(sequence as usize & mask)?;
        let known = slot.sequence == sequence as u32;
        if in_order {
            let bytes = if known { u64::from(slot.bytes) } else { 0 };
            self.named = sequence + 1;
            self.flight = if next == self.named { 0 } else { self.flight.saturating_sub(bytes) };
        }
        if !known {
            return None;
        }
        let was_lost = match (slot.fate, arrived) {
            (Fate::Arrived, _) | (Fate::Lost, false) => return None,
            (fate, _) => fate == Fate::Lost,
        };
        slot.fate = if arrived { Fate::Arrived } else { Fate::Lost };
        let age = (now as u32).wrapping_sub(slot.at);
        Some(Sent { at: now - i64::from(age), bytes: u32::from(slot.bytes), kind: slot.kind, was_lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(history.report(70_001, base, true), None, "never sent");
        let lost = history.report(70_000, base + 100, false).unwrap();
        assert_eq!((lost.at, lost.bytes, lost.was_lost), (base, 1200, false));
        assert_eq!(history.report(70_000, base + 100, false), None);
        assert!(history.report(70_000, base + 200, true).unwrap().was_lost);
        assert_eq!(history.report(70_000, base + 200, true), None);
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
