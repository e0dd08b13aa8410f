//! Feedback in the form that the estimator takes, from the form in which it comes.

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
/// `arrivals` names the ones that came, in the order of their (unwrapped) numbers.
pub fn reports(
    first: u64,
    count: u16,
    arrivals: impl IntoIterator<Item = (u64, PeerTime)>,
) -> impl Iterator<Item = (u64, Option<PeerTime>)> {
    let mut arrivals = arrivals.into_iter();
    let mut next = arrivals.next();
    (first..first.saturating_add(u64::from(count))).map(move |sequence| {
        while next.is_some_and(|(number, _)| number < sequence) {
            next = arrivals.next();
        }
        match next {
            Some((number, at)) if number == sequence => {
                next = arrivals.next();
                (sequence, Some(at))
            }
            _ => (sequence, None),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_named_is_lost() {
        let at = PeerTime::from_ticks;
        let arrivals = [(7, at(1)), (9, at(2)), (12, at(3))];
        let said: Vec<_> = reports(8, 3, arrivals).collect();
        assert_eq!(said, [(8, None), (9, Some(PeerTime::from_micros(500))), (10, None)]);
    }
}
