//! The replay window (RFC 3711 section 3.3.2): which of the last indexes have been seen.

/// `WORDS * 64` indexes, the newest at `highest`; one bit each, in a ring.
pub(super) struct Window<const WORDS: usize> {
    highest: u64,
    seen: [u64; WORDS],
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = WORDS as u64 * 64;

    /// With one index seen.
    pub(super) fn starting_at(index: u64) -> Self {
        let mut window = Self { highest: index, seen: [0; WORDS] };
        window.mark(index);
        window
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` is new, and not too old to tell.
    #[inline]
    pub(super) fn is_new(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let (word, bit) = Self::place(index);
        self.highest - index < Self::SIZE && self.seen.get(word).is_some_and(|word| word & bit == 0)
    }

    /// Marks an index that [`Self::is_new`] and authentic.
    #[inline]
    pub(super) fn accept(&mut self, index: u64) {
        if index > self.highest {
            self.advance(index);
        }
        self.mark(index);
    }

    #[inline]
    fn advance(&mut self, index: u64) {
        if index - self.highest >= Self::SIZE {
            self.seen.fill(0);
        } else {
            for skipped in self.highest + 1..=index {
                let (word, bit) = Self::place(skipped);
                if let Some(word) = self.seen.get_mut(word) {
                    *word &= !bit;
                }
            }
        }
        self.highest = index;
    }

    #[inline]
    fn mark(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
    }

    #[inline]
    fn place(index: u64) -> (usize, u64) {
        let position = index % Self::SIZE;
        ((position / 64) as usize, 1 << (position % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn no_index_twice_and_every_recent_one_once(
            start in 0u64..1000,
            steps in prop::collection::vec(prop_oneof![4 => -20i64..20, 1 => -300i64..300], 1..400),
        ) {
            let mut window = Window::<2>::starting_at(start);
            let mut seen = HashSet::from([start]);
            let mut highest = start;
            for step in steps {
                let Some(index) = highest.checked_add_signed(step) else { continue };
                let expected = !seen.contains(&index) && index + 128 > highest;
                prop_assert_eq!(window.is_new(index), expected);
                if expected {
                    window.accept(index);
                    seen.insert(index);
                    highest = highest.max(index);
                }
                prop_assert_eq!(window.highest(), highest);
            }
        }
    }
}
