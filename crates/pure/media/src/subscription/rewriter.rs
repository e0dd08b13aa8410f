//! The numbers that a subscriber sees: a track's numbers mapped to the 48-bit SRTP index of the subscriber's own
//! stream. The low 16 bits are the sequence number, the rest is the rollover counter.

/// Where the index may begin: RFC 3711 section 3.3.1 wants it below 2^15, so that a packet which overtakes the first
/// does not look like one before zero.
const FIRST_INDEX_MASK: u64 = 0x7fff;

/// The mapping for one track of one subscriber.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// The number of the first packet that counts, and its index; `None` while the subscriber waits for one.
    origin: Option<(u64, u64)>,
    /// The index after the highest one that was used.
    next_index: u64,
}

impl Rewriter {
    /// Waits for a first packet. `random` makes the first sequence number unpredictable (RFC 3550 section 5.1).
    pub(crate) fn new(random: u64) -> Self {
        Self { origin: None, next_index: random & FIRST_INDEX_MASK }
    }

    /// Whether it waits for a first packet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.origin.is_none()
    }

    /// Begins with this number; the index runs on.
    pub(crate) fn begin(&mut self, number: u64) {
        self.origin = Some((number, self.next_index));
    }

    /// Waits for a new beginning, for example after the subscriber was away.
    pub(crate) fn wait(&mut self) {
        self.origin = None;
    }

    /// The index of the packet with this number; `None` for one from before the beginning.
    #[inline]
    pub(crate) fn index(&mut self, number: u64) -> Option<u64> {
        let (first, index) = self.origin?;
        let index = index + number.checked_sub(first)?;
        self.next_index = self.next_index.max(index + 1);
        Some(index)
    }

    /// The number of the packet that was sent with this sequence number, by what was sent last.
    pub(crate) fn number(&self, sequence: u16) -> Option<u64> {
        let (first, index) = self.origin?;
        let sent = rtp::sequence::extend_near(self.next_index.checked_sub(1)?, sequence)?;
        if sent >= self.next_index {
            return None;
        }
        Some(first + sent.checked_sub(index)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_on_over_a_new_beginning() {
        let mut rewriter = Rewriter::new(0xffff_7ff0);
        assert!(rewriter.is_waiting());
        assert_eq!(rewriter.index(500), None);
        rewriter.begin(500);
        assert_eq!(rewriter.index(500), Some(0x7ff0));
        assert_eq!(rewriter.index(502), Some(0x7ff2));
        assert_eq!(rewriter.index(499), None, "from before the beginning");
        rewriter.wait();
        assert_eq!(rewriter.index(503), None);
        rewriter.begin(900);
        assert_eq!(rewriter.index(900), Some(0x7ff3));
    }

    #[test]
    fn the_rollover_counts_from_the_subscribers_own_beginning() {
        let mut rewriter = Rewriter::new(0x7fff);
        rewriter.begin(1_000_000);
        assert_eq!(rewriter.index(1_000_000 + 0x8000).unwrap() >> 16, 0);
        assert_eq!(rewriter.index(1_000_000 + 0x8001).unwrap() >> 16, 1);
        assert_eq!(rewriter.number(0), Some(1_000_000 + 0x8001));
    }

    proptest! {
        #[test]
        fn a_sequence_number_leads_back_to_its_packet(
            random in any::<u64>(), first in 0u64..1 << 40, sent in 1u64..200_000, back in 0u64..30_000,
        ) {
            let mut rewriter = Rewriter::new(random);
            rewriter.begin(first);
            rewriter.index(first + sent).unwrap();
            let number = first + sent - back.min(sent);
            let index = rewriter.index(number).unwrap();
            prop_assert_eq!(rewriter.number(index as u16), Some(number));
            // What was not sent yet is unknown.
            prop_assert_eq!(rewriter.number((rewriter.next_index) as u16), None);
        }
    }
}
