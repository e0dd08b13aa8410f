//! The receiving side of NACK (RFC 4585 section 6.2.1): which packets of a stream are missing, and when to ask for
//! them. Virtual time; one generator per stream.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many missing packets are remembered. Where more are missing, the older ones are given up, which the caller
/// hears from [`NackGenerator::take_given_up`] and asks for a key frame.
pub const MAX_MISSING: usize = 512;

/// A gap of more packets than this is not asked for: the sender started again, or was away for long. All that is
/// missing is given up.
pub const MAX_GAP: u64 = 1000;

/// How many numbers one poll gives; what is left is due at once. As pairs with nothing in common they make a NACK of
/// 1036 bytes, which fits a datagram.
pub const MAX_REQUESTS: usize = 256;

/// How long a gap is left alone, in case that it is reordering.
pub const REORDER_WAIT: Duration = Duration::from_millis(5);

/// How often a packet is asked for before it is given up.
pub const MAX_TRIES: u8 = 10;

/// How long a packet is asked for before it is given up: longer than any player waits.
pub const MAX_AGE: Duration = Duration::from_secs(1);

/// The shortest and longest time between two requests for one packet.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

/// What a packet is to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The newest one so far.
    Newest,
    /// One that was missing.
    Recovered,
    /// Neither: a duplicate, or one that was given up.
    Late,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u64,
    noticed: Instant,
    due: Instant,
    tries: u8,
}

/// Keeps what is missing of one stream.
#[derive(Clone, Debug, Default)]
pub struct NackGenerator {
    highest: Option<u64>,
    /// In ascending order.
    missing: VecDeque<Missing>,
    /// Not later than the earliest `due`.
    next_due: Option<Instant>,
    given_up: u64,
}

impl NackGenerator {
    /// Before the first packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet came, by its extended sequence number; a recovered one by the number of the original.
    #[inline]
    pub fn received(&mut self, now: Instant, sequence: u64) -> Received {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return Received::Newest;
        };
        if sequence <= highest {
            return self.recovered(sequence);
        }
        self.highest = Some(sequence);
        if sequence - highest > 1 {
            self.gap(now, highest + 1, sequence);
        }
        Received::Newest
    }

    fn recovered(&mut self, sequence: u64) -> Received {
        match self.missing.binary_search_by_key(&sequence, |missing| missing.sequence) {
            Ok(at) => {
                self.missing.remove(at);
                Received::Recovered
            }
            Err(_) => Received::Late,
        }
    }

    fn gap(&mut self, now: Instant, from: u64, to: u64) {
        if to - from > MAX_GAP {
            self.given_up += self.missing.len() as u64 + (to - from);
            self.missing.clear();
            return;
        }
        let due = now + REORDER_WAIT;
        for sequence in from..to {
            if self.missing.len() >= MAX_MISSING {
                self.missing.pop_front();
                self.given_up += 1;
            }
            self.missing.push_back(Missing { sequence, noticed: now, due, tries: 0 });
        }
        self.next_due = Some(self.next_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Appends to `out` the numbers (their low 16 bits, ascending) to ask for now, at most [`MAX_REQUESTS`].
    /// `round_trip` is that to the sender, where it is known.
    pub fn poll(&mut self, now: Instant, round_trip: Option<Duration>, out: &mut Vec<u16>) {
        if self.next_due.is_none_or(|due| now < due) {
            return;
        }
        let before = self.missing.len();
        self.missing
            .retain(|missing| missing.tries < MAX_TRIES && now.duration_since(missing.noticed) < MAX_AGE);
        self.given_up += (before - self.missing.len()) as u64;
        let mut left = MAX_REQUESTS;
        for missing in &mut self.missing {
            if missing.due <= now && left > 0 {
                left -= 1;
                out.push((missing.sequence & 0xffff) as u16);
                missing.due = now + retry_after(round_trip, missing.tries);
                missing.tries += 1;
            }
        }
        self.next_due = self.missing.iter().map(|missing| missing.due).min();
    }

    /// When to poll next; `None` while nothing is missing. May be early.
    #[inline]
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_due.filter(|_| !self.missing.is_empty())
    }

    /// Forgets what is missing before `sequence`, because nobody needs it any more: the first packet of a key frame.
    pub fn forget_before(&mut self, sequence: u64) {
        let at = self.missing.partition_point(|missing| missing.sequence < sequence);
        self.missing.drain(..at);
    }

    /// How many packets were given up since the last call.
    pub fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    /// How many packets are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing.len()
    }
}

/// A round trip and a quarter, longer with every try: whoever does not answer is not helped by more requests.
fn retry_after(round_trip: Option<Duration>, tries: u8) -> Duration {
    let base = round_trip.map_or(Duration::from_millis(100), |round_trip| round_trip + round_trip / 4);
    let base = base.clamp(RETRY.0, RETRY.1);
    (base + base * u32::from(tries) / 2).min(RETRY.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MS: Duration = Duration::from_millis(1);

    fn asked(nacks: &mut NackGenerator, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        nacks.poll(now, Some(20 * MS), &mut out);
        out
    }

    #[test]
    fn asks_after_the_wait_and_again_until_it_comes() {
        let start = crate::test_time::start();
        let mut nacks = NackGenerator::new();
        assert_eq!(nacks.received(start, 0x1_fffe), Received::Newest);
        assert_eq!(nacks.poll_timeout(), None);
        assert_eq!(nacks.received(start, 0x2_0001), Received::Newest);
        assert_eq!(nacks.poll_timeout(), Some(start + REORDER_WAIT));
        assert_eq!(asked(&mut nacks, start), []);
        let first = start + REORDER_WAIT;
        assert_eq!(asked(&mut nacks, first), [0xffff, 0]);
        assert_eq!(asked(&mut nacks, first + 24 * MS), []);
        assert_eq!(nacks.received(first + 24 * MS, 0x2_0000), Received::Recovered);
        assert_eq!(asked(&mut nacks, first + 25 * MS), [0xffff]);
        assert_eq!(nacks.received(first + 26 * MS, 0x1_ffff), Received::Recovered);
        assert_eq!(nacks.received(first + 26 * MS, 0x1_ffff), Received::Late);
        assert_eq!(nacks.poll_timeout(), None);
        assert_eq!(nacks.take_given_up(), 0);
    }

    #[test]
    fn reordering_is_not_asked_for() {
        let start = crate::test_time::start();
        let mut nacks = NackGenerator::new();
        nacks.received(start, 10);
        nacks.received(start, 12);
        assert_eq!(nacks.received(start + MS, 11), Received::Recovered);
        assert_eq!(asked(&mut nacks, start + 10 * MS), []);
    }

    #[test]
    fn gives_up_after_the_last_try_and_says_so() {
        let mut now = crate::test_time::start();
        let mut nacks = NackGenerator::new();
        nacks.received(now, 1);
        nacks.received(now, 3);
        let mut tries = 0;
        while let Some(due) = nacks.poll_timeout() {
            now = now.max(due);
            tries += asked(&mut nacks, now).len();
        }
        assert!((5..=usize::from(MAX_TRIES)).contains(&tries), "{tries}");
        assert_eq!(nacks.take_given_up(), 1);
        assert_eq!(nacks.take_given_up(), 0);
    }

    #[test]
    fn a_jump_is_no_gap_and_a_storm_is_bounded() {
        let now = crate::test_time::start();
        let mut nacks = NackGenerator::new();
        nacks.received(now, 1);
        nacks.received(now, 1 + MAX_GAP + 2);
        assert_eq!((nacks.missing(), nacks.take_given_up()), (0, MAX_GAP + 1));
        for n in 1..2000 {
            nacks.received(now, 5000 + 2 * n);
        }
        assert_eq!(nacks.missing(), MAX_MISSING);
        assert!(nacks.take_given_up() > 0);
        let later = now + REORDER_WAIT;
        assert_eq!(asked(&mut nacks, later).len(), MAX_REQUESTS);
        assert!(nacks.poll_timeout().unwrap() <= later, "the rest is due at once");
        assert_eq!(asked(&mut nacks, later).len(), MAX_MISSING - MAX_REQUESTS);
        assert_eq!(asked(&mut nacks, later), []);
    }

    #[test]
    fn a_key_frame_makes_what_was_before_needless() {
        let now = crate::test_time::start();
        let mut nacks = NackGenerator::new();
        nacks.received(now, 1);
        nacks.received(now, 5);
        nacks.received(now, 8);
        nacks.forget_before(5);
        assert_eq!(asked(&mut nacks, now + 10 * MS), [6, 7]);
    }

    proptest! {
        #[test]
        fn what_is_missing_is_what_did_not_come(steps in prop::collection::vec((1u64..6, any::<bool>(), 0u64..40), 1..200)) {
            let now = crate::test_time::start();
            let mut nacks = NackGenerator::new();
            let (mut highest, mut came) = (100, BTreeSet::from([100]));
            nacks.received(now, highest);
            for (ahead, back, behind) in steps {
                let sequence = if back { highest.saturating_sub(behind).max(100) } else { highest + ahead };
                let got = nacks.received(now, sequence);
                let expected = match (came.insert(sequence), sequence > highest) {
                    (true, true) => Received::Newest,
                    (true, false) => Received::Recovered,
                    (false, _) => Received::Late,
                };
                prop_assert_eq!(got, expected);
                highest = highest.max(sequence);
            }
            let mut missing: Vec<u16> = (100..highest).filter(|n| !came.contains(n)).map(|n| n as u16).collect();
            missing.truncate(MAX_REQUESTS);
            if highest - 100 - (came.len() as u64) < MAX_MISSING as u64 {
                prop_assert_eq!(asked(&mut nacks, now + REORDER_WAIT), missing);
            }
        }
    }
}
