//! What was sent again.

use super::{SLACK, Verdict, until};
use crate::forwarding::reference::Accepted;
use crate::forwarding::tally;
use crate::forwarding::tap::Seen;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A packet is still there to be sent again after so long …
const CACHED: Duration = Duration::from_secs(1);

/// … and while no later one has a number so much higher.
const CACHED_NUMBERS: i64 = 2000;

impl Verdict<'_> {
    /// What is asked for is sent again, and nothing else; each time with what it was.
    pub(super) fn repairs(&mut self, sent: &[&Seen]) {
        let mine = |seen: &&Seen| seen.line == self.line && seen.repair;
        let repairs: Vec<&Seen> = self.subscriber.tap.seen.iter().filter(mine).collect();
        let line = &self.subscriber.tap.lines[self.line].line;
        let granted = line.nack;
        if !repairs.is_empty() {
            self.tally.add(if line.rtx.is_some() { tally::RTX } else { tally::REPEATED }, repairs.len());
        }
        let mut left: HashMap<u64, usize> = HashMap::new();
        let originals: HashMap<u64, &Seen> = sent.iter().map(|seen| (seen.index, *seen)).collect();
        for asked in self.subscriber.asked.iter().filter(|asked| asked.line == self.line) {
            let first = left.insert(asked.index, left.get(&asked.index).unwrap_or(&0) + 1).is_none();
            let Some(original) = originals.get(&asked.index) else { continue };
            let flows = |at: Instant| {
                let epochs = self.subscriber.epochs.iter();
                epochs
                    .filter(|epoch| at >= epoch.from && at + SLACK < until(epoch))
                    .map(|epoch| epoch.from)
                    .next()
            };
            let same_epoch = flows(asked.at).is_some() && flows(asked.at) == flows(original.at);
            let came = |accepted: &&Accepted| accepted.at <= asked.at;
            let newest = self.track.accepted.iter().filter(came).map(|accepted| accepted.number).max();
            let number =
                self.track.by_payload.get(&original.payload).map(|at| self.track.accepted[*at].number);
            let cached = asked.at > original.at
                && asked.at < original.at + CACHED
                && number.is_some_and(|number| newest < Some(number + CACHED_NUMBERS));
            if granted && first && same_epoch && cached {
                let answers = |seen: &&Seen| seen.index == asked.index && seen.at >= asked.at;
                let answer = repairs.iter().copied().find(answers);
                assert!(
                    answer.is_some_and(|seen| seen.at <= asked.at + SLACK),
                    "not repaired: {asked:?} {original:?}"
                );
            }
        }
        for repair in repairs {
            let asked = left.get_mut(&repair.index).filter(|asked| **asked > 0);
            *asked.unwrap_or_else(|| unreachable!("sent again, but not asked for: {repair:?}")) -= 1;
            // What the subscriber never got before was checked when it was opened.
            let Some(original) = originals.get(&repair.index) else { continue };
            assert_eq!(
                (&repair.payload, repair.timestamp, repair.marker, repair.level),
                (&original.payload, original.timestamp, original.marker, original.level)
            );
        }
    }
}
