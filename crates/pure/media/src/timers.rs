//! All timers of a router: what waits, and for when. Nothing is polled per packet and connection.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// What a timer is for. Each stream and each subscription has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// 30 s after the answer: whoever is not connected by then never will be.
    Connect,
    /// 15 s and 30 s after the latest connectivity check: paused, then ended (RFC 7675).
    Consent,
    /// Retransmission of a DTLS flight.
    Dtls,
    /// Sender or receiver reports, about once a second (RFC 3550 section 6.2 allows more with this bandwidth).
    Report,
    /// Transport-wide feedback to a publisher.
    Feedback,
    /// Asking a publisher for lost packets.
    Nack,
    /// Asking a publisher for a key frame.
    KeyFrame,
}

const KINDS: usize = 7;

/// Timers that may be a little late fire at multiples of this, so that those of many connections do so together: one
/// wake-up and one batch for all of them.
const TICK: Duration = Duration::from_millis(20);

impl Timer {
    /// Whether 20 ms more are nothing to it.
    fn may_be_late(self) -> bool {
        match self {
            Self::Connect | Self::Report => true,
            Self::Consent | Self::Dtls | Self::Feedback | Self::Nack | Self::KeyFrame => false,
        }
    }
}

/// Nothing waits longer. A timer that was set again to an earlier time leaves its old entry in the heap until that
/// entry's time comes: this bounds how long, and with it the heap.
const HORIZON: Duration = Duration::from_secs(60);

/// Whose timer it is: an index into the router's slabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// A published stream.
    Stream(usize),
    /// A subscription.
    Subscription(usize),
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// When it is to fire.
    due: Option<Instant>,
    /// The earliest entry in the heap, which is not after `due`.
    queued: Option<Instant>,
}

/// A heap of deadlines with at most one that counts per owner and kind; the others are skipped when they come up.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Owner, Timer)>>,
    streams: Vec<[Slot; KINDS]>,
    subscriptions: Vec<[Slot; KINDS]>,
    /// From where ticks are counted.
    first: Option<Instant>,
}

impl Timers {
    /// Sets a timer, whatever it was set to before. Farther away than a minute counts as a minute.
    pub(crate) fn set(&mut self, now: Instant, owner: Owner, timer: Timer, at: Instant) {
        let at = at.min(now + HORIZON);
        let at = if timer.may_be_late() { self.tick_after(now, at) } else { at };
        let slot = self.slot(owner, timer);
        slot.due = Some(at);
        if slot.queued.is_none_or(|queued| queued > at) {
            slot.queued = Some(at);
            self.heap.push(Reverse((at, owner, timer)));
        }
    }

    fn tick_after(&mut self, now: Instant, at: Instant) -> Instant {
        let first = *self.first.get_or_insert(now);
        let since = at.saturating_duration_since(first);
        let beyond = since.as_nanos() % TICK.as_nanos();
        let beyond = Duration::from_nanos(u64::try_from(beyond).unwrap_or(0));
        if beyond.is_zero() { at } else { at + (TICK - beyond) }
    }

    /// Sets a timer unless it is set to an earlier time already.
    pub(crate) fn set_earlier(&mut self, now: Instant, owner: Owner, timer: Timer, at: Instant) {
        if self.slot(owner, timer).due.is_none_or(|due| at < due) {
            self.set(now, owner, timer, at);
        }
    }

    /// Stops a timer.
    pub(crate) fn clear(&mut self, owner: Owner, timer: Timer) {
        self.slot(owner, timer).due = None;
    }

    /// Stops all timers of an owner, whose index may be used again.
    pub(crate) fn forget(&mut self, owner: Owner) {
        let (slots, index) = self.side(owner);
        if let Some(slots) = slots.get_mut(index) {
            *slots = [Slot::default(); KINDS];
        }
    }

    /// The next timer that is due, which is stopped.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Owner, Timer)> {
        while let Some(&Reverse((at, owner, timer))) = self.heap.peek() {
            if at > now {
                return None;
            }
            self.heap.pop();
            let slot = self.slot(owner, timer);
            if slot.queued != Some(at) {
                continue; // another entry counts, or the owner is gone
            }
            slot.queued = None;
            match slot.due {
                None => {}
                Some(due) if due > now => {
                    slot.queued = Some(due);
                    self.heap.push(Reverse((due, owner, timer)));
                }
                Some(_) => {
                    slot.due = None;
                    return Some((owner, timer));
                }
            }
        }
        None
    }

    /// When to look again; now and then too early.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    fn side(&mut self, owner: Owner) -> (&mut Vec<[Slot; KINDS]>, usize) {
        match owner {
            Owner::Stream(index) => (&mut self.streams, index),
            Owner::Subscription(index) => (&mut self.subscriptions, index),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the vector was just made long enough, and KINDS counts the timers"
    )]
    fn slot(&mut self, owner: Owner, timer: Timer) -> &mut Slot {
        let (slots, index) = self.side(owner);
        if slots.len() <= index {
            slots.resize(index + 1, [Slot::default(); KINDS]);
        }
        &mut slots[index][timer as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    const A: Owner = Owner::Stream(3);
    const B: Owner = Owner::Subscription(0);

    #[test]
    fn fires_once_in_order_of_time() {
        let start = epoch();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(start, A, Timer::Feedback, at(20));
        timers.set(start, B, Timer::Dtls, at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(30)), Some((B, Timer::Dtls)));
        assert_eq!(timers.pop_due(at(30)), Some((A, Timer::Feedback)));
        assert_eq!(timers.pop_due(at(30)), None);
    }

    #[test]
    fn reports_of_many_fire_together() {
        let start = epoch();
        let mut timers = Timers::default();
        for index in 0..100u64 {
            let owner = Owner::Subscription(index as usize);
            timers.set(start, owner, Timer::Report, start + Duration::from_millis(1000 + index));
        }
        let mut wake_ups = 0;
        while let Some(now) = timers.next() {
            while timers.pop_due(now).is_some() {}
            wake_ups += 1;
        }
        assert_eq!(wake_ups, 6);
    }

    #[test]
    fn the_latest_setting_counts() {
        let start = epoch();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(start, A, Timer::Nack, at(10));
        timers.set(start, A, Timer::Nack, at(50));
        assert_eq!(timers.pop_due(at(40)), None);
        timers.set(start, A, Timer::Nack, at(45));
        assert_eq!(timers.pop_due(at(60)), Some((A, Timer::Nack)));
        assert_eq!(timers.pop_due(at(60)), None);
        timers.set_earlier(start, A, Timer::Nack, at(70));
        timers.set_earlier(start, A, Timer::Nack, at(80));
        assert_eq!(timers.pop_due(at(75)), Some((A, Timer::Nack)));
    }

    #[test]
    fn what_is_stopped_or_forgotten_does_not_fire() {
        let start = epoch();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(start, A, Timer::Nack, at(10));
        timers.clear(A, Timer::Nack);
        timers.set(start, B, Timer::Nack, at(10));
        timers.forget(B);
        assert_eq!(timers.pop_due(at(20)), None);
    }

    #[test]
    fn the_heap_stays_small_under_constant_resetting() {
        let start = epoch();
        let mut timers = Timers::default();
        for ms in 0..100_000u64 {
            let now = start + Duration::from_millis(ms);
            timers.set(now, A, Timer::Consent, now + Duration::from_secs(15));
            timers.set_earlier(now, A, Timer::Feedback, now + Duration::from_millis(100));
            while timers.pop_due(now).is_some() {}
        }
        assert!(timers.heap.len() <= 3, "{}", timers.heap.len());
    }
}
