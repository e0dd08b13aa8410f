//! A bottleneck: capacity that changes, a drop-tail queue, others' traffic, and then the way: delay, jitter, loss.

use crate::random::Random;

/// Length of a slot of a trace, in microseconds.
pub(crate) const SLOT: u64 = 10_000;

/// What a link carries, in bits a second, for each 10 ms.
#[derive(Clone, Debug)]
pub(crate) struct Trace(pub(crate) Vec<f64>);

impl Trace {
    /// So many seconds of so many kbit/s, one after the other.
    pub(crate) fn steps(steps: &[(f64, f64)]) -> Self {
        let slots = |&(seconds, kbps): &(f64, f64)| vec![kbps * 1000.0; (seconds * 100.0) as usize];
        Self(steps.iter().flat_map(slots).collect())
    }

    /// Contention and changing modulation: each 50 to 250 ms another share of 6 to 14 Mbit/s, and now and then 20 to
    /// 40 ms of nothing.
    pub(crate) fn wifi(seconds: usize, seed: u64) -> Self {
        let (mut random, mut slots) = (Random::new(seed), Vec::new());
        while slots.len() < seconds * 100 {
            if random.unit() < 0.08 {
                let pause = 2 + (random.unit() * 3.0) as usize;
                slots.extend(vec![0.0; pause]);
            }
            let rate = 6e6 + 8e6 * random.unit();
            slots.extend(vec![rate; 5 + (random.unit() * 20.0) as usize]);
        }
        slots.truncate(seconds * 100);
        Self(slots)
    }

    /// A walk between 0.8 and 6 Mbit/s whose pace is that of a moving phone, with grants of the cell's scheduler on top,
    /// and a hand-over of 80 ms each 20 s.
    pub(crate) fn lte(seconds: usize, seed: u64) -> Self {
        let (mut random, mut level) = (Random::new(seed), 3e6_f64.ln());
        let slots = (0..seconds * 100).map(|slot| {
            if slot % 10 == 0 {
                level = (level + random.normal() * 0.04).clamp(0.8e6_f64.ln(), 6e6_f64.ln());
            }
            let grant = 0.6 + 0.8 * random.unit();
            if slot % 2000 >= 1992 { 0.0 } else { level.exp() * grant }
        });
        Self(slots.collect())
    }

    pub(crate) fn at(&self, micros: u64) -> f64 {
        self.0[(micros / SLOT) as usize % self.0.len()]
    }

    pub(crate) fn micros(&self) -> u64 {
        self.0.len() as u64 * SLOT
    }

    /// Bits between two times.
    pub(crate) fn bits(&self, from: u64, to: u64) -> f64 {
        (from / SLOT..to / SLOT).map(|slot| self.at(slot * SLOT) * SLOT as f64 / 1e6).sum()
    }
}

/// Times in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) trace: Trace,
    /// A packet that would wait longer is dropped.
    pub(crate) queue: u64,
    /// One way.
    pub(crate) delay: u64,
    pub(crate) loss: f64,
    /// Up to so much more, evenly.
    pub(crate) jitter: u64,
    /// Whether packets overtake each other by it.
    pub(crate) reorder: bool,
    /// Others' bitrate in bits a second, which is there for 5 s of each 10.
    pub(crate) cross: f64,
}

/// What the bottleneck did with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The queue was full.
    Dropped,
    /// Carried, and when it arrives; `None` is lost at random.
    Carried { wait: u64, through: u64, arrival: Option<u64> },
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) conditions: Conditions,
    free: u64,
    next_cross: u64,
    last_arrival: u64,
    random: Random,
}

const CROSS_BYTES: u32 = 1000;

impl Link {
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        Self { conditions, free: 0, next_cross: 0, last_arrival: 0, random: Random::new(seed) }
    }

    pub(crate) fn send(&mut self, now: u64, bytes: u32) -> Fate {
        self.others(now);
        let Some((wait, through)) = self.enqueue(now, bytes) else { return Fate::Dropped };
        let jitter = (self.random.unit() * self.conditions.jitter as f64) as u64;
        let mut arrival = through + self.conditions.delay + jitter;
        if !self.conditions.reorder {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        let lost = self.random.unit() < self.conditions.loss;
        Fate::Carried { wait, through, arrival: (!lost).then_some(arrival) }
    }

    fn others(&mut self, now: u64) {
        while self.conditions.cross > 0.0 && self.next_cross <= now {
            let at = self.next_cross;
            if at % 10_000_000 >= 5_000_000 {
                self.enqueue(at, CROSS_BYTES);
            }
            self.next_cross += (f64::from(CROSS_BYTES) * 8e6 / self.conditions.cross) as u64;
        }
    }

    fn enqueue(&mut self, now: u64, bytes: u32) -> Option<(u64, u64)> {
        let start = self.free.max(now);
        if start - now > self.conditions.queue {
            return None;
        }
        let (mut at, mut bits) = (start, f64::from(bytes) * 8.0);
        loop {
            let (rate, end) = (self.conditions.trace.at(at), (at / SLOT + 1) * SLOT);
            let fits = rate * (end - at) as f64 / 1e6;
            if fits >= bits {
                self.free = at + (bits * 1e6 / rate).ceil() as u64;
                return Some((start - now, self.free));
            }
            (at, bits) = (end, bits - fits);
        }
    }
}
