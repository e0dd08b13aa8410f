//! Compares what a subscriber was sent with what the plain forwarder says that it must get.

mod repairs;
mod sources;

pub(super) use sources::sources_run_on;

use super::reference::{Accepted, Track};
use super::subscriber::{Epoch, Subscriber};
use super::tally::{self, Tally};
use super::tap::Seen;
use sdp::Kind;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// What comes or goes within this time of a change, or waits so long for the rest of its frame, may be handled before
/// or after: the router may wait for 1 ms, and is called every 4 ms at least.
pub(super) const SLACK: Duration = Duration::from_millis(7);

/// One track of one subscriber.
pub(super) struct Verdict<'a> {
    pub(super) track: &'a Track,
    pub(super) subscriber: &'a Subscriber,
    pub(super) line: usize,
    /// The publisher's levels of sound are passed on.
    pub(super) levels: bool,
    /// By SSRC of the publisher: what is added to its timestamps. The same for all subscribers.
    pub(super) shifts: &'a mut HashMap<u32, u32>,
    pub(super) tally: &'a mut Tally,
}

/// What one epoch began with, and what it came to.
struct Begun<'a> {
    first: &'a Accepted,
    order: usize,
    /// Number 0's index, which may be negative.
    offset: i64,
}

impl<'a> Verdict<'a> {
    pub(super) fn pronounce(&mut self) {
        let mut next_index = None;
        let sent: Vec<&Seen> =
            self.subscriber.tap.seen.iter().filter(|seen| seen.line == self.line && !seen.repair).collect();
        let mut judged = 0;
        for epoch in &self.subscriber.epochs {
            let in_time = |seen: &&Seen| seen.at >= epoch.from && seen.at <= until(epoch) + SLACK;
            let seen: Vec<&Seen> = sent.iter().copied().filter(in_time).collect();
            judged += seen.len();
            if let Some(begun) = self.begun(epoch, &seen) {
                let index = (begun.first.number + begun.offset) as u64;
                match next_index {
                    Some(next) => {
                        assert_eq!(index, next, "numbers run on over a pause");
                        self.tally.add(tally::RESUMED, 1);
                    }
                    None => assert!(index < 0x8000, "it begins with {index:#x}"),
                }
                self.compare(epoch, &begun, &seen);
                next_index = seen.iter().map(|seen| seen.index + 1).max();
            }
        }
        assert_eq!(judged, sent.len(), "sent while nothing may flow: {:?}", self.subscriber.epochs);
        self.repairs(&sent);
    }

    /// What the epoch began with: the first packet that can be decoded, or one that just came when it began.
    fn begun(&self, epoch: &Epoch, seen: &[&Seen]) -> Option<Begun<'a>> {
        let begins = |accepted: &Accepted| self.track.kind == Kind::Audio || accepted.sent.key;
        let after = |accepted: &Accepted| begins(accepted) && accepted.at > epoch.from;
        let latest = self.track.accepted.iter().position(after);
        let Some(anchor) = seen.iter().find(|seen| !seen.payload.is_empty()) else {
            let missed = latest.map(|at| &self.track.accepted[at]);
            let missed =
                missed.filter(|missed| missed.at + SLACK < until(epoch) && !missed.sent.payload.is_empty());
            assert!(missed.is_none(), "nothing was sent since {epoch:?}, in spite of {missed:?}");
            return None;
        };
        let at = self.track.by_payload.get(&anchor.payload);
        let number = self.track.accepted[*at.expect("a payload of the stream, whole")].number;
        let offset = anchor.index as i64 - number;
        let lowest = seen.iter().map(|seen| seen.index).min()?;
        let order = *self.track.by_number.get(&(lowest as i64 - offset)).expect("a number of the stream");
        let first = &self.track.accepted[order];
        assert!(begins(first), "it begins with {first:?}");
        assert!(first.at + SLACK >= epoch.from, "it begins with what is old: {first:?}, {epoch:?}");
        assert!(
            latest.is_none_or(|latest| order <= latest),
            "it should have begun with {latest:?}, not {first:?}"
        );
        Some(Begun { first, order, offset })
    }

    fn compare(&mut self, epoch: &Epoch, begun: &Begun<'_>, seen: &[&Seen]) {
        let mut orders: Vec<(i64, usize)> = Vec::new();
        for seen in seen {
            let number = seen.index as i64 - begun.offset;
            let order = *self
                .track
                .by_number
                .get(&number)
                .unwrap_or_else(|| unreachable!("number {number}: {seen:?}"));
            let accepted = &self.track.accepted[order];
            same(accepted, seen, self.levels);
            let shift = seen.timestamp.wrapping_sub(accepted.sent.timestamp);
            assert_eq!(
                *self.shifts.entry(accepted.sent.ssrc).or_insert(shift),
                shift,
                "timestamps are as far apart"
            );
            assert!(seen.at >= accepted.at);
            assert!(order < begun.order || seen.at <= accepted.at + SLACK, "late: {seen:?}, {accepted:?}");
            // What came in order leaves in order, but for what was asked for meanwhile.
            let overtaken = |(other, came): &&(i64, usize)| {
                let asked =
                    || self.subscriber.asked.iter().any(|asked| asked.index as i64 == other + begun.offset);
                *other > number && *came > order && !asked()
            };
            let overtaken = orders.iter().rev().take(100).find(overtaken).filter(|_| order > begun.order);
            assert!(overtaken.is_none(), "{overtaken:?} overtook {number}, {order}");
            orders.push((number, order));
        }
        self.count(begun, seen, &orders);
        let got: HashSet<i64> = orders.iter().map(|(number, _)| *number).collect();
        assert_eq!(got.len(), seen.len());
        for number in self.required(epoch, begun) {
            let accepted = &self.track.accepted[self.track.by_number[&number]];
            let unread = self.subscriber.tap.unread.contains(&(self.line, (number + begun.offset) as u64));
            assert!(
                got.contains(&number) || unread,
                "never sent: {accepted:?}, {epoch:?}, from {:?}",
                begun.first
            );
        }
    }

    fn count(&mut self, begun: &Begun<'_>, seen: &[&Seen], orders: &[(i64, usize)]) {
        let mut add = |what, found: usize| {
            if found > 0 {
                self.tally.add(what, found);
            }
        };
        let pairs = |is: fn(u64, u64) -> bool| {
            seen.windows(2).filter(|pair| is(pair[0].index, pair[1].index)).count()
        };
        add(tally::FORWARDED, seen.len());
        add(tally::EMPTY, seen.iter().filter(|seen| seen.payload.is_empty()).count());
        add(tally::GAPS, pairs(|before, after| after > before + 1));
        add(tally::LATE, pairs(|before, after| after < before));
        add(tally::WRAPS, pairs(|before, after| after >> 16 > before >> 16));
        add(tally::LEVELS, seen.iter().filter(|seen| seen.level.is_some()).count());
        add(tally::BEFORE_ITS_BEGINNING, orders.iter().filter(|(_, order)| *order < begun.order).count());
        let ssrc = |order: usize| self.track.accepted[order].sent.ssrc;
        add(tally::SOURCES, orders.windows(2).filter(|pair| ssrc(pair[0].1) != ssrc(pair[1].1)).count());
    }

    /// All that came since the epoch began, and what came before its own beginning.
    fn required(&self, epoch: &Epoch, begun: &Begun<'_>) -> Vec<i64> {
        let later = self.track.accepted[begun.order..].iter().filter(|accepted| {
            accepted.number >= begun.first.number && !accepted.doubtful && accepted.at + SLACK < until(epoch)
        });
        let came_before =
            |number: &i64| self.track.by_number.get(number).is_some_and(|order| *order < begun.order);
        let earlier = (begun.first.number + 1..).take_while(came_before);
        later.map(|accepted| accepted.number).chain(earlier).collect()
    }
}

/// A packet as it was sent.
fn same(accepted: &Accepted, seen: &Seen, levels: bool) {
    let sent = &accepted.sent;
    assert!(sent.payload == seen.payload, "{sent:?} became {seen:?}");
    assert_eq!(sent.marker, seen.marker);
    assert_eq!(sent.level.filter(|_| levels), seen.level, "the level of the sound");
}

/// The end of an epoch, or a time after all.
fn until(epoch: &Epoch) -> Instant {
    epoch.until.unwrap_or(epoch.from + Duration::from_secs(86_400))
}
