//! Transport feedback for the one who sent the packets: their numbers in 64 bits, and the receiver's clock without its
//! wraps.

use super::transport_cc::{Arrivals, TICKS_PER_REFERENCE, TransportFeedback};

/// The bits of the reference time; it wraps after 2^24 × 64 ms, which is twelve days.
const REFERENCE_BITS: u32 = 24;

/// Unwraps the transport feedback about one transport. Of what a receiver says, only its clock is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedbackUnwrapper {
    /// Reference time of the feedback before, in units of 64 ms, without wraps.
    reference: Option<i64>,
}

impl FeedbackUnwrapper {
    /// Before the first feedback.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Feedback about packets of which `last_sent` is the (unwrapped) transport-wide number of the last one that left.
    /// It can be about the last 65,536 of them only; what it claims about packets that did not leave yet is left out.
    /// `None`: it is about none that left.
    ///
    /// Feedback may come out of order, by less than six days of the receiver's clock.
    #[inline]
    #[must_use]
    pub fn unwrap<'a>(
        &mut self,
        feedback: &TransportFeedback<'a>,
        last_sent: u64,
    ) -> Option<UnwrappedFeedback<'a>> {
        let reference = self.extend(feedback.reference_time);
        let behind = (last_sent & 0xffff) as u16;
        let behind = u64::from(behind.wrapping_sub(feedback.base));
        let first = last_sent.checked_sub(behind)?;
        let count = u64::from(feedback.count).min(behind + 1);
        Some(UnwrappedFeedback {
            first,
            // No more than the feedback's own count.
            count: count as u16,
            arrivals: UnwrappedArrivals {
                // With what the wraps so far add.
                arrivals: feedback.arrivals().later(
                    reference
                        .saturating_sub(i64::from(feedback.reference_time))
                        .saturating_mul(TICKS_PER_REFERENCE),
                ),
                first,
                base: feedback.base,
                last_sent,
            },
        })
    }

    /// The reference time that is nearest to the one before.
    fn extend(&mut self, time: u32) -> i64 {
        let time = i64::from(time);
        let extended = match self.reference {
            None => time,
            Some(before) => {
                // The lowest 24 bits of the difference, with their sign.
                let unused = i64::BITS - REFERENCE_BITS;
                before.saturating_add((time.wrapping_sub(before) << unused) >> unused)
            }
        };
        self.reference = Some(extended);
        extended
    }
}

/// Feedback about packets that left; see [`FeedbackUnwrapper::unwrap`].
#[derive(Clone, Copy, Debug)]
pub struct UnwrappedFeedback<'a> {
    /// The transport-wide number of the first packet that it is about.
    pub first: u64,
    /// How many packets it is about; those that `arrivals` leaves out are lost.
    pub count: u16,
    /// Those that arrived.
    pub arrivals: UnwrappedArrivals<'a>,
}

/// The packets that arrived, in the order of their numbers: the transport-wide number, and the time of arrival by the
/// receiver's clock in units of 250 µs. The clock's zero means nothing, and times need not be in order.
#[derive(Clone, Copy, Debug)]
pub struct UnwrappedArrivals<'a> {
    arrivals: Arrivals<'a>,
    first: u64,
    base: u16,
    last_sent: u64,
}

impl Iterator for UnwrappedArrivals<'_> {
    type Item = (u64, i64);

    #[inline]
    fn next(&mut self) -> Option<(u64, i64)> {
        let arrival = self.arrivals.next()?;
        let sequence = self.first.checked_add(u64::from(arrival.sequence.wrapping_sub(self.base)))?;
        (sequence <= self.last_sent).then_some((sequence, arrival.ticks))
    }

    /// Chunk by chunk, which is quicker than one by one.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut arrived: F) -> B {
        let Self { arrivals, first, base, last_sent } = self;
        // Up to this one; no further one left.
        let most = u16::try_from(last_sent.saturating_sub(first)).unwrap_or(u16::MAX);
        arrivals.fold(init, |told, arrival| {
            let behind = arrival.sequence.wrapping_sub(base);
            // It is no more than the last that left.
            let sequence = first.wrapping_add(u64::from(behind));
            if behind <= most { arrived(told, (sequence, arrival.ticks)) } else { told }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{FeedbackPart, Packet, Status, Writer, packets};
    use proptest::prelude::*;

    /// Feedback as it comes over the network.
    fn feedback(base: u16, reference_time: u32, statuses: &[Status]) -> Vec<u8> {
        let mut out = vec![0; 4000];
        let mut writer = Writer::new(&mut out);
        let part = FeedbackPart { media: 2, base, reference_time, feedback_count: 0, statuses };
        writer.transport_cc(1, &part).unwrap();
        writer.written().to_vec()
    }

    type Said = Option<(u64, u16, Vec<(u64, i64)>)>;

    fn unwrap(unwrapper: &mut FeedbackUnwrapper, bytes: &[u8], last_sent: u64) -> Said {
        let Some(Ok(Packet::TransportCc(feedback))) = packets(bytes).next() else { panic!() };
        let unwrapped = unwrapper.unwrap(&feedback, last_sent)?;
        let (mut one_by_one, mut at_once) = (unwrapped.arrivals, Vec::new());
        unwrapped.arrivals.for_each(|arrival| at_once.push(arrival));
        let said: Vec<_> = std::iter::from_fn(|| one_by_one.next()).collect();
        assert_eq!(said, at_once);
        Some((unwrapped.first, unwrapped.count, said))
    }

    #[test]
    fn numbers_go_on_over_a_wrap() {
        let bytes = feedback(65_535, 1, &[Some(4), None, Some(1)]);
        let said = unwrap(&mut FeedbackUnwrapper::new(), &bytes, 0x3_0005);
        assert_eq!(said, Some((0x2_ffff, 3, vec![(0x2_ffff, 260), (0x3_0001, 261)])));
    }

    #[test]
    fn packets_that_never_left_did_not_arrive() {
        let mut unwrapper = FeedbackUnwrapper::new();
        let bytes = feedback(9, 0, &[Some(1), Some(1), Some(1)]);
        assert_eq!(unwrap(&mut unwrapper, &bytes, 10), Some((9, 2, vec![(9, 1), (10, 2)])));
        assert_eq!(unwrap(&mut unwrapper, &bytes, 8), None, "not one of them");
        // Taken for the ones a whole cycle before, which nobody remembers.
        assert_eq!(unwrap(&mut unwrapper, &bytes, 0x1_0008).unwrap().0, 9);
    }

    #[test]
    fn the_clock_goes_on_over_a_wrap_and_comes_back_for_the_late_one() {
        let mut unwrapper = FeedbackUnwrapper::new();
        let mut at = |reference| {
            let bytes = feedback(0, reference, &[Some(0)]);
            unwrap(&mut unwrapper, &bytes, 0).unwrap().2[0].1
        };
        let before = at(0xff_ffff);
        assert_eq!(at(0) - before, 256);
        assert_eq!(at(0xff_fffe) - before, -256);
        assert_eq!(at(2) - before, 3 * 256);
    }

    #[test]
    fn a_claim_of_more_than_all_is_cut_off() {
        let mut bytes = vec![0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
        bytes.extend([0x1f, 0xff].repeat(9)); // 65,535 lost, and more
        bytes.extend([0; 2]);
        assert_eq!(bytes.len(), 40);
        let mut unwrapper = FeedbackUnwrapper::new();
        assert_eq!(unwrap(&mut unwrapper, &bytes, 0xffff), Some((0, 65_535, vec![])));
        assert_eq!(unwrap(&mut unwrapper, &bytes, 99), Some((0, 100, vec![])));
        assert_eq!(unwrap(&mut unwrapper, &bytes, u64::MAX).unwrap().0, u64::MAX - 0xffff);
    }

    proptest! {
        #[test]
        fn what_arrived_comes_out_whatever_wraps(
            first in 0u64..1 << 40,
            after in 0u64..30_000,
            references in prop::collection::vec(-(1i64 << 23) + 1..1 << 23, 1..20),
            statuses in prop::collection::vec(prop::option::of(any::<i16>()), 1..60),
        ) {
            let mut unwrapper = FeedbackUnwrapper::new();
            let last_sent = first + statuses.len() as u64 - 1 + after;
            let (mut truth, mut zero) = (0i64, None);
            for step in references {
                truth += step;
                let bytes = feedback(
                    (first & 0xffff) as u16,
                    (truth & 0xff_ffff) as u32,
                    &statuses,
                );
                let (from, count, arrivals) = unwrap(&mut unwrapper, &bytes, last_sent).unwrap();
                prop_assert_eq!((from, usize::from(count)), (first, statuses.len()));
                // The zero of the clock is where the first feedback put it.
                let zero = *zero.get_or_insert((truth & 0xff_ffff) - truth);
                let mut ticks = (truth + zero) * 256;
                let mut expected = Vec::new();
                for (sequence, status) in (first..).zip(&statuses) {
                    if let Some(delta) = status {
                        ticks += i64::from(*delta);
                        expected.push((sequence, ticks));
                    }
                }
                prop_assert_eq!(arrivals, expected);
            }
        }

        #[test]
        fn lies_stay_within_what_was_sent(
            base in any::<u16>(),
            references in prop::collection::vec(0u32..1 << 24, 1..20),
            statuses in prop::collection::vec(prop::option::of(any::<i16>()), 1..60),
            last_sent in prop_oneof![any::<u64>(), 0u64..70_000, u64::MAX - 70_000..=u64::MAX],
        ) {
            let mut unwrapper = FeedbackUnwrapper::new();
            for reference in references {
                let bytes = feedback(base, reference, &statuses);
                let Some((first, count, arrivals)) = unwrap(&mut unwrapper, &bytes, last_sent) else {
                    prop_assert!(last_sent < 0xffff);
                    continue;
                };
                prop_assert!(count > 0 && last_sent - first >= u64::from(count) - 1);
                prop_assert!(last_sent - first < 1 << 16 && first & 0xffff == u64::from(base));
                let within = arrivals.iter().all(|&(n, _)| (first..=last_sent).contains(&n));
                prop_assert!(within && arrivals.is_sorted_by(|a, b| a.0 < b.0));
            }
        }
    }
}
