//! All timers of a router: what waits, and for when. Nothing is polled per packet and connection.

mod wheel;

use std::time::{Duration, Instant};
use wheel::{NodeId, Wheel};

/// What a timer is for. Each stream, each subscription and each network has one of each at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// 30 s after the answer: whoever is not connected by then never will be. And 10 s after a branch has lost its last
    /// subscriber.
    Connect,
    /// 15 s and 60 s after the latest connectivity check: paused, then ended.
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
    /// What waits in a network's pacer may leave.
    Pace,
    /// A network's estimate and who gets how much of it, at least every second while there is anything to choose.
    Look,
    /// Telling a publisher which layers are taken.
    Layers,
    /// 30 s after the answer to a restart: what nobody has used by then counts no more.
    Restart,
}

const KINDS: [Timer; 11] = [
    Timer::Connect,
    Timer::Consent,
    Timer::Dtls,
    Timer::Report,
    Timer::Feedback,
    Timer::Nack,
    Timer::KeyFrame,
    Timer::Pace,
    Timer::Look,
    Timer::Layers,
    Timer::Restart,
];

/// The wheel's unit, a millisecond: a timer fires up to this much later than it was set to.
const TICK: Duration = Duration::from_millis(1);

/// Timers that may be a little late fire at multiples of so many ticks, so that those of many connections do so
/// together: one wake-up and one batch for all of them.
const COMMON_TICKS: u64 = 20;

impl Timer {
    /// Whether 20 ms more are nothing to it.
    fn may_be_late(self) -> bool {
        match self {
            Self::Connect | Self::Report | Self::Look | Self::Layers | Self::Restart => true,
            Self::Consent | Self::Dtls | Self::Feedback | Self::Nack | Self::KeyFrame | Self::Pace => false,
        }
    }
}

/// Nothing waits longer.
const HORIZON: Duration = Duration::from_secs(60);

/// Whose timer it is: an index into the router's slabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// A published stream.
    Stream(usize),
    /// A subscription.
    Subscription(usize),
    /// A subscriber's network. It has no transport.
    Network(usize),
}

/// Kinds of owners.
const SIDES: usize = 3;

impl Owner {
    /// Every third number for each kind: few of any are never used.
    fn node(self, timer: Timer) -> NodeId {
        let (index, side) = match self {
            Self::Stream(index) => (index, 0),
            Self::Subscription(index) => (index, 1),
            Self::Network(index) => (index, 2),
        };
        (index * SIDES + side) * KINDS.len() + timer as usize
    }

    fn of(node: NodeId) -> Option<(Self, Timer)> {
        let (number, timer) = (node / KINDS.len(), KINDS.get(node % KINDS.len())?);
        let index = number / SIDES;
        let owner = match number % SIDES {
            0 => Self::Stream(index),
            1 => Self::Subscription(index),
            _ => Self::Network(index),
        };
        Some((owner, *timer))
    }
}

/// One deadline per owner and kind, on a wheel.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    wheel: Wheel,
    /// From where ticks are counted: the first call.
    first: Option<Instant>,
}

impl Timers {
    /// Sets a timer, whatever it was set to before. Farther away than a minute counts as a minute.
    pub(crate) fn set(&mut self, now: Instant, owner: Owner, timer: Timer, at: Instant) {
        let tick = self.tick(now, timer, at);
        let current = self.current(now);
        self.wheel.set(owner.node(timer), tick, current);
    }

    /// Sets a timer unless it is set to an earlier time already.
    pub(crate) fn set_earlier(&mut self, now: Instant, owner: Owner, timer: Timer, at: Instant) {
        let tick = self.tick(now, timer, at);
        if self.wheel.due(owner.node(timer)).is_none_or(|due| tick < due) {
            let current = self.current(now);
            self.wheel.set(owner.node(timer), tick, current);
        }
    }

    /// Stops a timer.
    pub(crate) fn clear(&mut self, owner: Owner, timer: Timer) {
        self.wheel.clear(owner.node(timer));
    }

    /// Stops all timers of an owner, whose index may be used again.
    pub(crate) fn forget(&mut self, owner: Owner) {
        for timer in KINDS {
            self.clear(owner, timer);
        }
    }

    /// How many run.
    pub(crate) fn len(&self) -> usize {
        self.wheel.len()
    }

    /// The next timer that is due, which is stopped.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Owner, Timer)> {
        let current = self.current(now);
        Owner::of(self.wheel.pop(current)?)
    }

    /// When to look again; now and then too early.
    pub(crate) fn next(&self) -> Option<Instant> {
        let tick = self.wheel.next()?;
        Some(self.first? + Duration::from_millis(tick))
    }

    /// The first tick that is not before a time.
    fn tick(&mut self, now: Instant, timer: Timer, at: Instant) -> u64 {
        let first = *self.first.get_or_insert(now);
        let since = at.min(now + HORIZON).saturating_duration_since(first);
        let ticks = u64::try_from(since.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX);
        if timer.may_be_late() { ticks.next_multiple_of(COMMON_TICKS) } else { ticks }
    }

    /// The latest tick that has come.
    fn current(&self, now: Instant) -> u64 {
        let since = self.first.map_or(Duration::ZERO, |first| now.saturating_duration_since(first));
        u64::try_from(since.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX)
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
        let (mut wake_ups, mut reports) = (0, 0);
        while let Some(now) = timers.next() {
            let due = std::iter::from_fn(|| timers.pop_due(now)).count();
            reports += due;
            wake_ups += usize::from(due > 0);
        }
        assert_eq!((wake_ups, reports), (6, 100));
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
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn it_never_fires_early_and_less_than_a_tick_late() {
        let start = epoch();
        let mut timers = Timers::default();
        // Ticks are counted from here on.
        timers.set(start, B, Timer::Nack, start);
        assert!(timers.pop_due(start).is_some());
        for micros in [1, 999, 1_000, 1_001, 254_999, 255_000, 256_000, 300_500, 59_999_999] {
            let at = start + Duration::from_micros(micros);
            timers.set(start, A, Timer::Nack, at);
            assert_eq!(timers.pop_due(at - Duration::from_micros(1)), None, "{micros}");
            assert_eq!(
                timers.pop_due(at + TICK - Duration::from_nanos(1)),
                Some((A, Timer::Nack)),
                "{micros}"
            );
        }
    }

    #[test]
    fn a_minute_is_the_most() {
        let start = epoch();
        let mut timers = Timers::default();
        // Something waits, and nobody has looked for half a minute.
        timers.set(start, B, Timer::Nack, start + HORIZON);
        let now = start + Duration::from_secs(30);
        timers.set(now, A, Timer::Nack, now + Duration::from_secs(600));
        let mut fired = Vec::new();
        while let Some(next) = timers.next() {
            while let Some((owner, _)) = timers.pop_due(next) {
                fired.push((owner, next - start));
            }
        }
        assert_eq!(fired, [(B, HORIZON), (A, HORIZON + Duration::from_secs(30))]);
    }
}
