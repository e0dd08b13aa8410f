//! One direction of a line: a bottleneck with a drop-tail queue, and then the way, with its delay, jitter and losses.
//!
//! Packets and the time go in, packets come out when it is their time. The model is that of the simulations of
//! bandwidth estimation (`crates/pure/bwe/tests/sim/link.rs`), so that what is found here can be repeated there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::conditions::Conditions;
use crate::random::Random;

/// Without a bottleneck the way alone holds packets: so many, and further ones are dropped.
const MOST_UNDER_WAY: usize = 100_000;

/// What became of the packets so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Came out at the other end.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Found the queue full.
    pub(crate) dropped: u64,
    /// Got lost on the way.
    pub(crate) lost: u64,
    /// Met a line that was cut.
    pub(crate) cut: u64,
}

#[derive(Debug)]
struct Waiting {
    came: Duration,
    packet: Vec<u8>,
}

/// Times are since any one moment.
#[derive(Debug)]
pub(crate) struct Line {
    conditions: Conditions,
    is_cut: bool,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// When the bottleneck is done with what it has sent.
    free: Duration,
    /// When the last packet arrives that is under way.
    last_arrival: Duration,
    /// By arrival, and those of the same time in their order.
    under_way: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    order: u64,
    random: Random,
    counts: Counts,
    longest_wait: Duration,
}

impl Line {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            conditions: Conditions::default(),
            is_cut: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            free: Duration::ZERO,
            last_arrival: Duration::ZERO,
            under_way: BinaryHeap::new(),
            order: 0,
            random: Random::new(seed),
            counts: Counts::default(),
            longest_wait: Duration::ZERO,
        }
    }

    pub(crate) fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The longest that a packet has waited before the bottleneck since this was last asked.
    pub(crate) fn take_longest_wait(&mut self) -> Duration {
        std::mem::take(&mut self.longest_wait)
    }

    /// What waits goes on under the new conditions; what is under way arrives as it would have.
    pub(crate) fn change(&mut self, now: Duration, conditions: Conditions) {
        self.advance(now);
        self.conditions = conditions;
    }

    /// As one pulls a plug: what waits or is under way is gone, too.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
        self.counts.cut += (self.waiting.len() + self.under_way.len()) as u64;
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.under_way.clear();
    }

    pub(crate) fn mend(&mut self) {
        self.is_cut = false;
    }

    pub(crate) fn send(&mut self, now: Duration, packet: Vec<u8>) {
        self.advance(now);
        if self.is_cut {
            self.counts.cut += 1;
        } else if self.waiting_bytes + packet.len() > self.room() || self.under_way.len() >= MOST_UNDER_WAY {
            self.counts.dropped += 1;
        } else {
            self.waiting_bytes += packet.len();
            self.waiting.push_back(Waiting { came: now, packet });
            self.advance(now);
        }
    }

    /// The next packet that has arrived by now.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.advance(now);
        let Reverse((arrival, ..)) = self.under_way.peek()?;
        if *arrival > now {
            return None;
        }
        let Reverse((_, _, packet)) = self.under_way.pop()?;
        self.counts.packets += 1;
        self.counts.bytes += packet.len() as u64;
        Some(packet)
    }

    /// When to look again, if nothing is sent or changed before.
    pub(crate) fn next(&self) -> Option<Duration> {
        let arrival = self.under_way.peek().map(|Reverse((arrival, ..))| *arrival);
        let through = self.waiting.front().map(|front| self.through(front));
        arrival.into_iter().chain(through).min()
    }

    /// Bytes that may wait: always one packet of the largest kind.
    fn room(&self) -> usize {
        let Some(rate) = self.conditions.rate else { return usize::MAX };
        let bytes = rate as f64 * self.conditions.queue.as_secs_f64() / 8.0;
        (bytes as usize).max(crate::MTU)
    }

    /// When the bottleneck is done with the front packet.
    fn through(&self, front: &Waiting) -> Duration {
        let start = self.free.max(front.came);
        let Some(rate) = self.conditions.rate else { return start };
        start + Duration::from_secs_f64(front.packet.len() as f64 * 8.0 / rate as f64)
    }

    /// Puts on the way what the bottleneck is done with. The times are those at which it would have been done, however
    /// late this is called: a busy machine makes no line slower.
    fn advance(&mut self, now: Duration) {
        while let Some(through) = self.waiting.front().map(|front| self.through(front)) {
            if through > now {
                return;
            }
            let Some(Waiting { came, packet }) = self.waiting.pop_front() else { return };
            self.waiting_bytes -= packet.len();
            self.longest_wait = self.longest_wait.max(through - came);
            self.free = through;
            self.set_out(through, packet);
        }
    }

    fn set_out(&mut self, through: Duration, packet: Vec<u8>) {
        // Both numbers are drawn for each packet: whether one is lost does not change the delays of the others.
        let (luck, jitter) = (self.random.unit(), self.random.unit());
        let mut arrival = through + self.conditions.delay + self.conditions.jitter.mul_f64(jitter);
        if !self.conditions.reorder {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        if luck < self.conditions.loss {
            self.counts.lost += 1;
            return;
        }
        self.order += 1;
        self.under_way.push(Reverse((arrival, self.order, packet)));
    }
}

#[cfg(test)]
mod tests;
