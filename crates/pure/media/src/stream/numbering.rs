//! Gives the packets of a track their numbers: without the gaps that dropped padding would leave, and running on
//! when the publisher begins anew. All subscribers count by these numbers.

/// A gap of more packets than this is a new beginning, not a loss: nobody could repair it, and a subscriber would
/// take the hole for a loss of that size.
const MAX_GAP: u64 = 3000;

/// Places where padding was left out that are remembered for late packets. Runs of padding count once. What is older
/// is dropped: it would be seconds late.
const MAX_RUNS: usize = 64;

/// The first number, so that what was overtaken by the first packet still has a number.
const FIRST: u64 = 1 << 20;

#[derive(Clone, Copy, Debug)]
struct Run {
    /// From this index on …
    from: u64,
    /// … the number is the index plus this (modulo 2^64).
    shift: u64,
}

/// Index in, number out.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    highest: Option<u64>,
    next_number: u64,
    runs: Vec<Run>,
}

impl Numbering {
    /// The next packet begins anew: its number is the next one, whatever its index is.
    pub(crate) fn restart(&mut self) {
        self.highest = None;
    }

    /// The highest index so far.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The number after the highest given so far.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The number of the packet with this index; `None` for padding that can be left out, and for what is too late.
    pub(crate) fn number(&mut self, index: u64, padding_only: bool) -> Option<u64> {
        let highest = match self.highest {
            Some(highest) if index <= highest => return self.late(index),
            Some(highest) if index - highest <= MAX_GAP => highest,
            _ => self.begin(index),
        };
        self.highest = Some(index);
        if padding_only && index == highest.wrapping_add(1) {
            self.leave_out(index);
            return None;
        }
        let number = index.wrapping_add(self.runs.last()?.shift);
        self.next_number = number + 1;
        Some(number)
    }

    /// Begins anew with the packet of this index. Returns the index before it.
    fn begin(&mut self, index: u64) -> u64 {
        let first = self.runs.is_empty();
        if first {
            self.next_number = FIRST;
        }
        // Numbers below were given before a new beginning; at the very first there are none.
        let from = if first { index.saturating_sub(FIRST) } else { index };
        self.runs.clear();
        if self.runs.capacity() == 0 {
            self.runs.reserve_exact(MAX_RUNS);
        }
        self.runs.push(Run { from, shift: self.next_number.wrapping_sub(index) });
        index.wrapping_sub(1)
    }

    fn leave_out(&mut self, index: u64) {
        let Some(last) = self.runs.last_mut() else { return };
        let run = Run { from: index + 1, shift: last.shift.wrapping_sub(1) };
        if last.from == index {
            *last = run;
            return;
        }
        if self.runs.len() >= MAX_RUNS {
            self.runs.remove(0);
        }
        self.runs.push(run);
    }

    fn late(&self, index: u64) -> Option<u64> {
        let run = self.runs.iter().rev().find(|run| run.from <= index)?;
        Some(index.wrapping_add(run.shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn media_keeps_its_gaps_and_padding_leaves_none() {
        let mut numbering = Numbering::default();
        let first = numbering.number(100, false).unwrap();
        assert_eq!(numbering.number(102, false), Some(first + 2));
        assert_eq!(numbering.number(101, false), Some(first + 1));
        assert_eq!(numbering.number(103, true), None);
        assert_eq!(numbering.number(104, true), None);
        assert_eq!(numbering.number(105, false), Some(first + 3));
        // A packet from before the padding is not moved by it.
        assert_eq!(numbering.number(99, false), Some(first - 1));
    }

    #[test]
    fn padding_behind_a_gap_is_kept() {
        let mut numbering = Numbering::default();
        let first = numbering.number(10, false).unwrap();
        assert_eq!(numbering.number(12, true), Some(first + 2));
        assert_eq!(numbering.number(11, false), Some(first + 1));
        assert_eq!(numbering.number(13, false), Some(first + 3));
    }

    #[test]
    fn a_jump_and_a_new_source_run_on() {
        let mut numbering = Numbering::default();
        let first = numbering.number(70_000, false).unwrap();
        assert_eq!(numbering.number(100_000, false), Some(first + 1));
        numbering.restart();
        assert_eq!(numbering.number(65_000, false), Some(first + 2));
        assert_eq!(numbering.number(64_999, false), None, "from before the new beginning");
    }

    proptest! {
        #[test]
        fn no_number_is_given_to_two_packets(steps in prop::collection::vec((1u64..4, any::<bool>(), 0u64..3), 1..300)) {
            let mut numbering = Numbering::default();
            let mut index = 70_000;
            let mut given = std::collections::HashMap::new();
            for (ahead, padding, back) in steps {
                index += ahead;
                if let Some(number) = numbering.number(index, padding) {
                    prop_assert!(given.insert(number, index).is_none());
                }
                // A packet that was skipped comes late.
                let late = index - back.min(ahead - 1);
                if late != index && let Some(number) = numbering.number(late, false) {
                    prop_assert!(given.insert(number, late).is_none_or(|before| before == late));
                }
            }
            // What was given is in the order of the indices.
            let mut order: Vec<_> = given.into_iter().collect();
            order.sort_unstable();
            prop_assert!(order.windows(2).all(|pair| pair[0].1 < pair[1].1));
        }
    }
}
