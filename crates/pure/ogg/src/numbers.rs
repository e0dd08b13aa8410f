//! Which packets came: the extended sequence numbers of a sender that may start again anywhere.

/// How far back a packet is told apart from its duplicate; one from before is a stray.
const WINDOW: u64 = 1024;

/// How far ahead of the newest packet one may be, besides what time has passed.
const MAX_AHEAD: u64 = 500;

/// The shortest packet in samples: no sender can number faster.
const SHORTEST: i64 = 120;

/// Two strays so near to each other, and in order, are a sender that started again (as in RFC 3550 appendix A.1).
const NEAR: u64 = 10;

/// The number of the first packet: room for those that it overtook.
const FIRST: u64 = 1 << 32;

/// What a packet is to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// It came for the first time. Numbers ascend by one, through restarts too.
    New(u64),
    /// It came before.
    Duplicate,
    /// Its number has nothing to do with the others.
    Stray,
}

#[derive(Clone, Debug, Default)]
struct Range {
    /// The sender's index minus ours.
    base: u64,
    lowest: u64,
    highest: u64,
    /// When the highest came, in samples.
    at: i64,
}

/// The numbers of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    range: Option<Range>,
    /// One bit for each of the last numbers, at its place modulo the window.
    seen: [u64; (WINDOW / 64) as usize],
    stray: Option<u64>,
    distinct: u64,
    restarts: u64,
}

impl Numbers {
    /// A packet came at `at`, in samples.
    pub(crate) fn number(&mut self, index: u64, at: i64) -> Number {
        let Some(range) = &mut self.range else { return self.first(index, at) };
        let number = index.wrapping_sub(range.base);
        let ahead = number.wrapping_sub(range.highest);
        let behind = range.highest.wrapping_sub(number);
        let allowed = MAX_AHEAD + (at.saturating_sub(range.at).max(0) / SHORTEST).unsigned_abs();
        if ahead > 0 && ahead <= allowed {
            return self.newest(number, at);
        }
        if behind < WINDOW {
            range.lowest = range.lowest.min(number);
            return self.mark(number);
        }
        self.astray(index, at)
    }

    /// How many packets never came, of those between the first and the newest.
    pub(crate) fn lost(&self) -> u64 {
        let expected = self.range.as_ref().map_or(0, |range| range.highest - range.lowest + 1);
        expected.saturating_sub(self.distinct)
    }

    /// How often the sender began to number from elsewhere.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts
    }

    fn first(&mut self, index: u64, at: i64) -> Number {
        self.range = Some(Range { base: index.wrapping_sub(FIRST), lowest: FIRST, highest: FIRST, at });
        self.mark(FIRST)
    }

    fn newest(&mut self, number: u64, at: i64) -> Number {
        let Some(range) = &mut self.range else { return Number::Stray };
        let from = (range.highest + 1).max(number.saturating_sub(WINDOW - 1));
        (range.highest, range.at) = (number, at);
        for missing in from..number {
            self.set(missing, false);
        }
        self.set(number, false);
        self.stray = None;
        self.mark(number)
    }

    fn astray(&mut self, index: u64, at: i64) -> Number {
        let near = self.stray.is_some_and(|stray| (1..=NEAR).contains(&index.wrapping_sub(stray)));
        let Some(range) = self.range.as_mut().filter(|_| near) else {
            self.stray = Some(index);
            return Number::Stray;
        };
        let next = range.highest + 1;
        range.base = index.wrapping_sub(next);
        self.restarts += 1;
        self.newest(next, at)
    }

    fn mark(&mut self, number: u64) -> Number {
        if self.set(number, true) {
            return Number::Duplicate;
        }
        self.distinct += 1;
        Number::New(number)
    }

    /// Sets a number's bit, and says what it was.
    fn set(&mut self, number: u64, to: bool) -> bool {
        let Some(word) = self.seen.get_mut((number % WINDOW / 64) as usize) else { return false };
        let bit = 1 << (number % 64);
        let was = *word & bit != 0;
        *word = if to { *word | bit } else { *word & !bit };
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_reordered_and_the_doubled() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.number(10, 0), Number::New(FIRST));
        assert_eq!(numbers.number(13, 0), Number::New(FIRST + 3));
        assert_eq!(numbers.lost(), 2);
        assert_eq!(numbers.number(12, 0), Number::New(FIRST + 2));
        assert_eq!(numbers.number(12, 0), Number::Duplicate);
        assert_eq!(numbers.number(9, 0), Number::New(FIRST - 1));
        assert_eq!(numbers.lost(), 1);
    }

    #[test]
    fn a_million_ahead_is_a_stray_unless_time_has_passed() {
        let mut numbers = Numbers::default();
        numbers.number(10, 0);
        assert_eq!(numbers.number(1_000_000, 0), Number::Stray);
        assert_eq!(numbers.number(11, 0), Number::New(FIRST + 1));
        assert_eq!(numbers.lost(), 0);
        assert_eq!(numbers.number(3_011, 60 * 48_000), Number::New(FIRST + 3_001));
        assert_eq!(numbers.lost(), 2_999);
    }

    #[test]
    fn a_sender_that_numbers_from_elsewhere_is_believed_the_second_time() {
        let mut numbers = Numbers::default();
        numbers.number(1 << 40, 0);
        assert_eq!(numbers.number(7, 0), Number::Stray);
        assert_eq!(numbers.number(8, 0), Number::New(FIRST + 1));
        assert_eq!(numbers.number(9, 0), Number::New(FIRST + 2));
        assert_eq!((numbers.lost(), numbers.restarts()), (0, 1));
    }

    proptest! {
        #[test]
        fn what_is_lost_is_what_did_not_come(steps in prop::collection::vec((1u64..8, any::<bool>(), 0u64..40), 1..300)) {
            let (mut numbers, mut highest) = (Numbers::default(), 1000);
            let mut came = BTreeSet::from([1000]);
            numbers.number(1000, 0);
            for (ahead, back, behind) in steps {
                let index = if back { highest - behind } else { highest + ahead };
                let expected = if came.insert(index) { Number::New(index + FIRST - 1000) } else { Number::Duplicate };
                prop_assert_eq!(numbers.number(index, 0), expected);
                highest = highest.max(index);
            }
            let expected = highest - came.first().unwrap() + 1;
            prop_assert_eq!(numbers.lost(), expected - came.len() as u64);
        }

        #[test]
        fn nothing_panics(indexes in prop::collection::vec((any::<u64>(), any::<i64>()), 0..200)) {
            let mut numbers = Numbers::default();
            for (index, at) in indexes {
                numbers.number(index, at >> 8);
                numbers.number(index.wrapping_add(1), at >> 8);
            }
            prop_assert!(numbers.lost() < u64::MAX / 2);
        }
    }
}
