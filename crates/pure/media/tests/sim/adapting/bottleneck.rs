//! What lies between the router and a viewer: so many bits a second, a queue, a delay, losses.

use crate::network::Dice;
use std::time::{Duration, Instant};

/// UDP and IPv4.
const AROUND: u64 = 28;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bottleneck {
    pub(crate) kbps: u64,
    /// What is to wait longer than this is dropped.
    pub(crate) queue: Duration,
    pub(crate) delay: Duration,
    pub(crate) loss_percent: u64,
    /// Nothing gets through, either way.
    pub(crate) cut: bool,
}

/// What is in its queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    /// When all of it has left.
    pub(crate) free: Instant,
}

impl Bottleneck {
    /// When a datagram of so many bytes arrives; `None`: never.
    pub(crate) fn arrival(
        &self,
        now: Instant,
        bytes: usize,
        queue: &mut Queue,
        dice: &mut Dice,
    ) -> Option<Instant> {
        if self.cut {
            return None;
        }
        let from = queue.free.max(now);
        let takes = Duration::from_micros((bytes as u64 + AROUND) * 8_000 / self.kbps);
        if from + takes > now + self.queue {
            return None;
        }
        queue.free = from + takes;
        (!dice.chance(self.loss_percent)).then_some(queue.free + self.delay)
    }
}
