//! Chance, decided by a seed: splitmix64.

use parking_lot::Mutex;
use std::time::Duration;

/// A stream of numbers that only its seed decides.
pub(super) struct Dice(Mutex<u64>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Dice of their own for somebody else, so that one's throws do not change another's.
    pub(super) fn fork(&self) -> Self {
        Self::new(self.throw())
    }

    pub(super) fn throw(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, which is not 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.throw() % end
    }

    /// True this often in a thousand.
    pub(super) fn chance(&self, in_a_thousand: u64) -> bool {
        self.below(1000) < in_a_thousand
    }

    pub(super) fn ms(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    pub(super) fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}
