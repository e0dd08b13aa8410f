//! How long packets wait on their way now: the least delay of late against the least of the last 10 to 20 seconds. A
//! trend is blind to a queue that stands, and jitter makes trends where no queue is; the least delay is neither.

/// Half of what is remembered. Longer than any queue that we let stand, shorter than a clock's drift by a millisecond
/// (50 ppm).
const HALF: i64 = 10_000_000;

/// Delays in microseconds; both clocks are in them, so that only differences mean anything.
#[derive(Clone, Debug, Default)]
pub(crate) struct StandingQueue {
    /// The least of this half and of the one before.
    least: Option<i64>,
    before: Option<i64>,
    half_began: i64,
    /// The least since the last look.
    now: Option<i64>,
    queue: i64,
    /// Sum and count since the last look, and how far the mean has been from the least.
    sum: i64,
    count: i64,
    spread: i64,
    /// By how much the queue differs from one look to the next.
    wander: i64,
    /// The delays of the last arrivals.
    last: [i64; LAST],
    arrivals: usize,
}

/// Delays of some packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    pub(crate) least: i64,
    sum: i64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { least: i64::MAX, sum: 0 }
    }
}

impl Delays {
    pub(crate) fn of(delays: impl Iterator<Item = i64>) -> Self {
        let mut all = Self::default();
        delays.for_each(|delay| all.add(delay));
        all
    }

    /// One more.
    #[inline]
    pub(crate) fn add(&mut self, delay: i64) {
        (self.least, self.sum) = (self.least.min(delay), self.sum.wrapping_add(delay));
    }
}

/// So many packets are the last.
const LAST: usize = 5;

/// How much of spread and wander each feedback leaves, in eighths.
const SPREAD_KEPT: i64 = 7;

impl StandingQueue {
    /// Packets' arrivals minus their departures, and those all together.
    pub(crate) fn arrived(
        &mut self,
        delays: impl DoubleEndedIterator<Item = i64> + ExactSizeIterator,
        all: &Delays,
    ) {
        let count = delays.len();
        if count == 0 {
            return;
        }
        self.arrivals = self.arrivals.wrapping_add(count);
        // Which of them stands where does not matter.
        self.last.rotate_right(count.min(LAST));
        self.last.iter_mut().zip(delays.rev()).for_each(|(place, delay)| *place = delay);
        self.now = Some(self.now.map_or(all.least, |now| now.min(all.least)));
        (self.sum, self.count) = (self.sum.saturating_add(all.sum), self.count + count as i64);
    }

    /// What has arrived since the last look is all of one feedback.
    pub(crate) fn look(&mut self, at: i64) {
        let Some(now) = self.now.take() else { return };
        let mean = self.sum / self.count.max(1);
        self.spread = (SPREAD_KEPT * self.spread + (mean - now)) / (SPREAD_KEPT + 1);
        (self.sum, self.count) = (0, 0);
        if at - self.half_began > HALF {
            (self.before, self.least, self.half_began) = (self.least, None, at);
        }
        let least = self.least.map_or(now, |least| least.min(now));
        self.least = Some(least);
        let queue = now - self.least().unwrap_or(least);
        self.wander = (SPREAD_KEPT * self.wander + (queue - self.queue).abs()) / (SPREAD_KEPT + 1);
        self.queue = queue;
    }

    /// The least delay of the last 10 to 20 seconds, both clocks in it.
    pub(crate) fn least(&self) -> Option<i64> {
        self.least.into_iter().chain(self.before).min()
    }

    /// In microseconds, never negative.
    pub(crate) fn queue(&self) -> i64 {
        self.queue
    }

    /// How long the fastest of the last few packets have waited: of a feedback that tells of much, only the end.
    pub(crate) fn latest(&self) -> i64 {
        let known = self.last.iter().take(self.arrivals);
        known.min().zip(self.least()).map_or(0, |(now, least)| now - least).max(self.queue)
    }

    /// How much longer packets usually take than the fastest, in microseconds: jitter, for the most part.
    pub(crate) fn spread(&self) -> i64 {
        self.spread
    }

    /// By how much that queue usually changes from one feedback to the next, in microseconds: jitter that holds up all
    /// packets, as a wi-fi's.
    pub(crate) fn wander(&self) -> i64 {
        self.wander
    }

    /// The receiver's clock jumped.
    pub(crate) fn forget(&mut self) {
        *self = Self { half_began: self.half_began, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_fastest_packets_wait_and_is_forgotten() {
        let mut queue = StandingQueue::default();
        let mut say = |at, delays: &[i64]| {
            queue.arrived(delays.iter().copied(), &Delays::of(delays.iter().copied()));
            queue.look(at);
            queue.queue()
        };
        assert_eq!(say(0, &[-500_000, -490_000]), 0);
        assert_eq!(say(50_000, &[-410_000, -480_000]), 20_000);
        let after: Vec<_> = (1..30).map(|second| say(second * 1_000_000, &[-480_000])).collect();
        assert_eq!((after[0], after[28]), (20_000, 0), "another way through the network");
    }
}
