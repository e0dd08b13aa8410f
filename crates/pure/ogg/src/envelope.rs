//! The lower envelope of the packets' delays: what the fastest packets of the last seconds needed.
//!
//! Jitter only ever adds to a delay, so the smallest one of a window is steady where an average would swing with the
//! network; and over a window it follows a sender whose clock runs fast or slow.

use std::collections::VecDeque;

/// The window in samples: 10 s. A clock that is slow by 500 ppm moves by 5 ms in it; a sender that is silent (one packet
/// each 400 ms) gives it 25 packets.
const WINDOW: i64 = 10 * SLICE;

/// The window moves in slices of 1 s.
const SLICE: i64 = 48_000;

/// The mean excess is that of about so many packets.
const MEMORY: i64 = 64;

/// What is slower than the fastest by more than this, 100 ms, counts as that: it is not jitter.
const MAX_EXCESS: i64 = 4_800;

#[derive(Clone, Copy, Debug)]
struct Slice {
    began: i64,
    lowest: i64,
    packets: i64,
}

/// Delays in samples, of any sign: only their differences mean something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    slices: VecDeque<Slice>,
    lowest: i64,
    packets: i64,
    /// By how much a packet is slower than the fastest, times [`MEMORY`].
    excess: i64,
}

impl Envelope {
    /// Another one over the same network.
    pub(crate) fn afresh(&self) -> Self {
        Self { excess: self.excess, ..Self::default() }
    }

    /// A packet came at `at` with this delay. Time does not run backwards.
    pub(crate) fn observe(&mut self, at: i64, delay: i64) {
        while self.slices.front().is_some_and(|slice| at - slice.began > WINDOW) {
            self.slices.pop_front();
        }
        match self.slices.back_mut() {
            Some(slice) if at - slice.began < SLICE => {
                slice.lowest = delay.min(slice.lowest);
                slice.packets += 1;
            }
            _ => self.slices.push_back(Slice { began: at, lowest: delay, packets: 1 }),
        }
        self.lowest = self.slices.iter().map(|slice| slice.lowest).min().unwrap_or(delay);
        self.packets = self.slices.iter().map(|slice| slice.packets).sum();
        if self.packets > 1 {
            self.excess += (delay - self.lowest).min(MAX_EXCESS) - self.excess / MEMORY;
        }
    }

    /// The smallest delay of the window that ended with the newest packet.
    pub(crate) fn lowest(&self) -> i64 {
        self.lowest
    }

    /// What the fastest packets would need, were there more of them: of few packets even the fastest was slow. Where
    /// jitter is anything between nothing and twice its mean, the fastest of n packets has 2/(n+1) of the mean. Not above
    /// [`lowest`](Self::lowest).
    pub(crate) fn estimate(&self) -> i64 {
        self.lowest - 2 * self.excess / MEMORY / (self.packets + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_at_once_and_rises_after_the_window() {
        let mut envelope = Envelope::default();
        envelope.observe(0, 50);
        envelope.observe(960, 10);
        envelope.observe(1920, 70);
        assert_eq!(envelope.lowest(), 10);
        for at in 1..=10 {
            envelope.observe(at * SLICE, 30);
            assert_eq!(envelope.lowest(), 10);
        }
        envelope.observe(11 * SLICE, 30);
        assert_eq!(envelope.lowest(), 30);
    }

    #[test]
    fn one_packet_alone_is_taken_for_an_average_one() {
        let mut envelope = Envelope::default();
        for n in 0..1000 {
            envelope.observe(n * 960, n % 11 * 400);
        }
        assert!((-20..=0).contains(&envelope.estimate()), "{}", envelope.estimate());
        let mut fresh = envelope.afresh();
        fresh.observe(0, 7_000);
        assert!((4_900..5_100).contains(&fresh.estimate()), "{}", fresh.estimate());
        envelope.observe(100 * SLICE, 7_000);
        assert!((4_900..5_100).contains(&envelope.estimate()), "after a long silence too");
    }

    #[test]
    fn after_a_long_silence_only_the_new_counts() {
        let mut envelope = Envelope::default();
        envelope.observe(0, -50);
        envelope.observe(100 * SLICE, 5000);
        assert_eq!(envelope.lowest(), 5000);
    }

    #[test]
    fn never_holds_more_than_its_window() {
        let mut envelope = Envelope::default();
        for at in 0..100_000 {
            envelope.observe(at * 960, at);
        }
        assert!(envelope.slices.len() <= 11);
    }
}
