//! Which packets of a track came: lost, twice, out of order.

/// Numbers that are remembered behind the newest: more than any network reorders, and any repair takes.
const WINDOW: u64 = 2048;
const WORDS: usize = (WINDOW / 64) as usize;

/// What a packet was to its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The newest so far.
    Newest,
    /// An older one that had not come yet.
    Late,
    /// It came before, or is too old to tell.
    Duplicate,
}

/// The packets of one track by extended sequence number.
#[derive(Debug, Clone)]
pub struct SequenceLog {
    /// First and newest number.
    span: Option<(u64, u64)>,
    seen: [u64; WORDS],
    unique: u64,
}

impl Default for SequenceLog {
    fn default() -> Self {
        Self { span: None, seen: [0; WORDS], unique: 0 }
    }
}

impl SequenceLog {
    /// A packet came.
    pub fn record(&mut self, sequence: u64) -> Place {
        let place = match self.span {
            None => {
                self.span = Some((sequence, sequence));
                Place::Newest
            }
            Some((first, newest)) if sequence > newest => {
                self.forget(newest + 1, sequence);
                self.span = Some((first, sequence));
                Place::Newest
            }
            Some((_, newest)) if newest - sequence >= WINDOW || self.has(sequence) => Place::Duplicate,
            Some((first, newest)) => {
                self.span = Some((first.min(sequence), newest));
                Place::Late
            }
        };
        if place != Place::Duplicate {
            self.unique += 1;
            self.mark(sequence);
        }
        place
    }

    /// The lowest number that came.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.span.map(|(first, _)| first)
    }

    /// How many different ones came.
    #[must_use]
    pub fn unique(&self) -> u64 {
        self.unique
    }

    /// How many between the first and the newest did not.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.span.map_or(0, |(first, newest)| (newest - first + 1).saturating_sub(self.unique))
    }

    fn forget(&mut self, from: u64, to: u64) {
        if to - from >= WINDOW {
            self.seen = [0; WORDS];
            return;
        }
        for sequence in from..=to {
            if let Some(word) = self.seen.get_mut(word(sequence)) {
                *word &= !bit(sequence);
            }
        }
    }

    fn has(&self, sequence: u64) -> bool {
        self.seen.get(word(sequence)).is_some_and(|word| word & bit(sequence) != 0)
    }

    fn mark(&mut self, sequence: u64) {
        if let Some(word) = self.seen.get_mut(word(sequence)) {
            *word |= bit(sequence);
        }
    }
}

fn word(sequence: u64) -> usize {
    ((sequence % WINDOW) / 64) as usize
}

fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_duplicates_and_latecomers() {
        let mut log = SequenceLog::default();
        for (sequence, place) in [
            (100, Place::Newest),
            (101, Place::Newest),
            (104, Place::Newest),
            (103, Place::Late),
            (103, Place::Duplicate),
            (104, Place::Duplicate),
            (99, Place::Late),
        ] {
            assert_eq!(log.record(sequence), place, "{sequence}");
        }
        assert_eq!((log.unique(), log.missing()), (5, 1));
    }

    #[test]
    fn a_long_gap_leaves_no_traces_of_former_rounds() {
        let mut log = SequenceLog::default();
        (0..WINDOW).for_each(|sequence| assert_eq!(log.record(sequence), Place::Newest));
        assert_eq!(log.record(10 * WINDOW), Place::Newest);
        assert_eq!(log.record(10 * WINDOW - 1), Place::Late);
        assert_eq!(log.record(5), Place::Duplicate, "too old to tell");
        assert_eq!(log.missing(), 10 * WINDOW + 1 - (WINDOW + 2));
    }
}
