//! What was sent and is not forgotten: a ring of fixed size, because feedback names packets by number alone.

use crate::estimator::PacketKind;

/// How many packets are remembered: two seconds of 10 Mbit/s. Feedback about older ones is ignored.
pub(crate) const CAPACITY: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unknown,
    Lost,
    Arrived,
}

/// 16 bytes a packet: 32 KiB a subscriber.
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
#[derive(Clone, Debug)]
pub(crate) struct History {
    slots: Box<[Slot]>,
    /// The number of the next packet; `None` before the first.
    next: Option<u64>,
    /// Packets that were sent later than any that feedback has named: `next` minus one more than the highest named.
    named: u64,
}

impl History {
    pub(crate) fn new() -> Self {
        let empty = Slot { sequence: 0, at: 0, bytes: 0, kind: PacketKind::Media, fate: Fate::Arrived };
        Self { slots: vec![empty; CAPACITY].into(), next: None, named: 0 }
    }

    /// A packet leaves. Numbers that go back are ignored.
    pub(crate) fn push(&mut self, sequence: u64, at: i64, bytes: u32, kind: PacketKind) {
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        self.next = Some(sequence.saturating_add(1));
        if let Some(slot) = self.slots.get_mut(sequence as usize % CAPACITY) {
            let bytes = bytes.min(u32::from(u16::MAX)) as u16;
            *slot = Slot { sequence: sequence as u32, at: at as u32, bytes, kind, fate: Fate::Unknown };
        }
    }

    /// Whether something was sent that feedback has not reached.
    pub(crate) fn is_waiting(&self) -> bool {
        self.next.is_some_and(|next| next > self.named)
    }

    /// What is said of a packet, where that is news.
    pub(crate) fn report(&mut self, sequence: u64, now: i64, arrived: bool) -> Option<Sent> {
        let next = self.next?;
        if sequence >= next || next - sequence > CAPACITY as u64 {
            return None;
        }
        self.named = self.named.max(sequence + 1);
        let slot = self.slots.get_mut(sequence as usize % CAPACITY)?;
        if slot.sequence != sequence as u32 {
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
    fn each_news_is_told_once_and_lost_ones_may_return() {
        let mut history = History::new();
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
        let mut history = History::new();
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
}
