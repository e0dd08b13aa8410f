//! The network between a peer and the router.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A small generator of pseudo-random numbers (SplitMix64): the same seed, the same run.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A datagram under way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InFlight {
    pub(crate) at: Instant,
    order: u64,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) data: Vec<u8>,
}

/// All that is under way, by the time at which it arrives.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    queue: BinaryHeap<Reverse<InFlight>>,
    order: u64,
}

impl Flights {
    /// Sends a datagram, which arrives at that time.
    pub(crate) fn post(&mut self, at: Instant, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        self.order += 1;
        self.queue.push(Reverse(InFlight { at, order: self.order, from, to, data }));
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(flight)| flight.at)
    }

    /// The next one that has arrived.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<InFlight> {
        let due = self.next().is_some_and(|at| at <= now);
        due.then(|| self.queue.pop())?.map(|Reverse(flight)| flight)
    }
}

/// One direction of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) delay: Duration,
    /// Added at random, so that packets overtake each other.
    pub(crate) jitter: Duration,
    pub(crate) loss_percent: u64,
    pub(crate) duplicate_percent: u64,
    /// Nothing gets through.
    pub(crate) cut: bool,
}

impl Default for Link {
    fn default() -> Self {
        let delay = Duration::from_millis(10);
        Self { delay, jitter: Duration::ZERO, loss_percent: 0, duplicate_percent: 0, cut: false }
    }
}

impl Link {
    pub(crate) fn losing(percent: u64) -> Self {
        Self { loss_percent: percent, ..Self::default() }
    }

    /// When a datagram that is sent now arrives: never, once or twice.
    pub(crate) fn arrivals(&self, now: Instant, dice: &mut Dice) -> Vec<Instant> {
        if self.cut || dice.chance(self.loss_percent) {
            return Vec::new();
        }
        let copies = 1 + usize::from(dice.chance(self.duplicate_percent));
        let jitter = self.jitter.as_micros() as u64;
        (0..copies)
            .map(|_| {
                now + self.delay + Duration::from_micros(if jitter == 0 { 0 } else { dice.below(jitter) })
            })
            .collect()
    }
}
