//! Feedback in the form that the estimator takes, from the form in which it comes.

use crate::history::CAPACITY;

/// A moment of the receiver's clock, whose zero nobody knows, in microseconds. Only differences mean anything; where the
/// clock jumps or wraps, the estimator begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerTime(i64);

/// One tick of transport feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.5).
const TICK_MICROS: i64 = 250;

impl PeerTime {
    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From the 250 µs in which transport feedback counts.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks.saturating_mul(TICK_MICROS))
    }

    /// In microseconds.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

/// One feedback packet as reports of all the packets that it is about: those from `first` on, `count` of them, of which
/// `arrivals` names the ones that came, in the order of their (unwrapped) numbers. Only the last 2048 of them: nobody
/// remembers more.
pub fn reports(
    first: u64,
    count: u16,
    arrivals: impl IntoIterator<Item = (u64, PeerTime)>,
) -> Reports<impl Iterator<Item = (u64, PeerTime)>> {
    let end = first.saturating_add(u64::from(count));
    let first = first.max(end.saturating_sub(CAPACITY as u64));
    Reports { next: first, end, arrivals: arrivals.into_iter(), arrival: None }
}

/// See [`reports`]. To go through all of them at once (`for_each`) is quicker than one by one.
#[derive(Clone, Debug)]
pub struct Reports<I> {
    next: u64,
    end: u64,
    arrivals: I,
    /// The next of them, once it was looked at.
    arrival: Option<(u64, PeerTime)>,
}

impl<I: Iterator<Item = (u64, PeerTime)>> Iterator for Reports<I> {
    type Item = (u64, Option<PeerTime>);

    fn next(&mut self) -> Option<Self::Item> {
        let sequence = (self.next < self.end).then_some(self.next)?;
        self.next += 1;
        while self.arrival.is_none_or(|(number, _)| number < sequence) {
            self.arrival = self.arrivals.next();
            if self.arrival.is_none() {
                break;
            }
        }
        Some((sequence, self.arrival.filter(|(number, _)| *number == sequence).map(|(_, at)| at)))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut report: F) -> B {
        let Self { next, end, arrivals, arrival } = self;
        let (told, mut next) =
            arrival.into_iter().chain(arrivals).fold((init, next), |(mut told, mut next), (number, at)| {
                if (next..end).contains(&number) {
                    while next < number {
                        told = report(told, (next, None));
                        next += 1;
                    }
                    told = report(told, (number, Some(at)));
                    next += 1;
                }
                (told, next)
            });
        let mut told = told;
        while next < end {
            told = report(told, (next, None));
            next += 1;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_named_is_lost() {
        let at = PeerTime::from_ticks;
        let arrivals = [(7, at(1)), (9, at(2)), (12, at(3))];
        let expected = [(8, None), (9, Some(PeerTime::from_micros(500))), (10, None)];
        let mut one_by_one = reports(8, 3, arrivals);
        let said: Vec<_> = std::iter::from_fn(|| one_by_one.next()).collect();
        assert_eq!(said, expected);
        let mut at_once = Vec::new();
        reports(8, 3, arrivals).for_each(|report| at_once.push(report));
        assert_eq!(at_once, expected);
        let mut begun = reports(8, 3, arrivals);
        begun.next();
        assert_eq!(begun.fold(0, |sum, (number, _)| sum + number), 19);
    }

    #[test]
    fn nobody_goes_through_what_nobody_remembers() {
        let last = reports(10, u16::MAX, []).map(|(number, _)| number);
        assert_eq!(last.collect::<Vec<_>>(), (10 + 65_535 - 2048..10 + 65_535).collect::<Vec<_>>());
    }
}
