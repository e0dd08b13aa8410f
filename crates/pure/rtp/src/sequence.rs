//! Sequence arithmetic: 16 bits on the wire, 64 bits everywhere else.

/// Whether `a` comes after `b`, modulo 2^16 (RFC 1982; half way round counts as before).
#[inline]
#[must_use]
pub fn newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 0x8000
}

/// The number with the low bits `sequence` that is nearest to `reference`; `None` when that would lie before zero.
/// Exactly half way round counts as behind.
#[inline]
#[must_use]
pub fn extend_near(reference: u64, sequence: u16) -> Option<u64> {
    let low = (reference & 0xffff) as u16;
    let difference = i64::from(sequence.wrapping_sub(low).cast_signed());
    reference.checked_add_signed(difference)
}

/// Extends the sequence numbers of one stream. The first packet gets a number in the second cycle (65,536 and up), so
/// that one which was overtaken by it still has a number of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedSequence {
    highest: Option<u64>,
}

impl ExtendedSequence {
    /// Before the first packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of a packet, by the highest one so far, which it moves. Only for packets that are authentic.
    #[inline]
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let first = 0x1_0000 | u64::from(sequence);
        let Some(highest) = self.highest else {
            self.highest = Some(first);
            return first;
        };
        // A stream that walks backwards to zero is not one; it starts again.
        let extended = extend_near(highest, sequence).unwrap_or(first);
        self.highest = Some(highest.max(extended));
        extended
    }

    /// The highest number so far.
    #[inline]
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_and_comes_back_for_the_late_one() {
        let mut extended = ExtendedSequence::new();
        assert_eq!(extended.extend(65_535), 0x1_ffff);
        assert_eq!(extended.extend(1), 0x2_0001);
        assert_eq!(extended.extend(65_534), 0x1_fffe);
        assert_eq!(extended.extend(0), 0x2_0000);
        assert_eq!(extended.highest(), Some(0x2_0001));
    }

    #[test]
    fn one_overtaken_by_the_first_has_a_number() {
        let mut extended = ExtendedSequence::new();
        assert_eq!(extended.extend(0), 0x1_0000);
        assert_eq!(extended.extend(65_535), 0xffff);
    }

    #[test]
    fn order() {
        assert!(newer(0, 65_535) && newer(5, 4) && newer(0x7fff, 0));
        assert!(!newer(4, 4) && !newer(4, 5) && !newer(0x8000, 0) && !newer(0, 0x8000));
        assert_eq!(extend_near(5, 65_535), None);
        assert_eq!(extend_near(0x1_0005, 65_535), Some(0xffff));
        assert_eq!(extend_near(u64::MAX, 0), None);
    }

    proptest! {
        #[test]
        fn follows_any_walk_of_less_than_half_a_cycle(
            start in any::<u16>(),
            steps in prop::collection::vec(-20_000i64..32_767, 1..300),
        ) {
            let mut extended = ExtendedSequence::new();
            let mut highest = extended.extend(start);
            for step in steps {
                let Some(truth) = highest.checked_add_signed(step) else { continue };
                prop_assert_eq!(extended.extend((truth & 0xffff) as u16), truth);
                highest = highest.max(truth);
            }
        }
    }
}
