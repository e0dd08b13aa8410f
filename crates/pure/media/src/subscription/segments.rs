//! The numbers that a subscriber sees: numbers of a stream's tracks mapped to the 48-bit SRTP index of the subscriber's
//! own stream. The low 16 bits are the sequence number, the rest is the rollover counter.
//!
//! What a subscriber gets under one SSRC may come from several tracks, one after the other (simulcast layers), and with
//! packets left out (temporal layers). So the mapping is made of segments: runs of one track's numbers, each with what
//! is added to its timestamps and picture ids. Segments that have ended are remembered, because packets come late and
//! are asked for again; whatever was sent under an index is sent the same again.

use std::collections::VecDeque;

/// Where the index may begin: RFC 3711 section 3.3.1 wants it below 2^15, so that a packet which overtakes the first
/// does not look like one before zero.
const FIRST_INDEX_MASK: u64 = 0x7fff;

/// Segments that are remembered after their end: two seconds where every second one of 60 frames per second is left
/// out. What was sent before those is not sent again.
const MAX_ENDED: usize = 64;

/// What is added to what a packet says of itself, each modulo its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    /// To the RTP timestamp.
    pub(crate) timestamp: u32,
    /// To the picture id.
    pub(crate) pictures: u16,
    /// To the number of the base layer's frame (TL0PICIDX).
    pub(crate) base_layers: u8,
    /// The highest spatial layer, whose end is the picture's: the marker tells (RFC 9628 section 4.1).
    pub(crate) top: u8,
}

impl Default for Shift {
    /// Nothing, and all spatial layers.
    fn default() -> Self {
        Self { timestamp: 0, pictures: 0, base_layers: 0, top: u8::MAX }
    }
}

/// A packet's place at the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the track in the stream.
    pub(crate) source: usize,
    /// The track's number of the packet.
    pub(crate) number: u64,
    /// The SRTP index.
    pub(crate) index: u64,
    pub(crate) shift: Shift,
}

/// Numbers of one track, from `first` to before `end`.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source: usize,
    first: u64,
    end: u64,
    /// The index of `first`.
    index: u64,
    shift: Shift,
}

impl Segment {
    fn place(&self, number: u64) -> Place {
        let index = self.index + (number - self.first);
        Place { source: self.source, number, index, shift: self.shift }
    }
}

/// The mapping for one track of one subscriber.
#[derive(Debug)]
pub(crate) struct Segments {
    /// The one that has no end yet; `None` while the subscriber waits for a first packet.
    open: Option<Segment>,
    ended: VecDeque<Segment>,
    /// The index after the highest one that was used.
    next_index: u64,
}

impl Segments {
    /// Waits for a first packet. `random` makes the first sequence number unpredictable (RFC 3550 section 5.1).
    pub(crate) fn new(random: u64) -> Self {
        Self { open: None, ended: VecDeque::new(), next_index: random & FIRST_INDEX_MASK }
    }

    /// The track whose packets go on.
    #[inline]
    pub(crate) fn source(&self) -> Option<usize> {
        Some(self.open.as_ref()?.source)
    }

    /// Goes on with this number of this track; the index runs on.
    pub(crate) fn begin(&mut self, source: usize, number: u64, shift: Shift) {
        if let Some(open) = self.open {
            let used = self.next_index.saturating_sub(open.index);
            self.close(Segment { end: open.first + used, ..open });
        }
        self.open = Some(Segment { source, first: number, end: u64::MAX, index: self.next_index, shift });
    }

    /// Waits for a new beginning, for example after the subscriber was away: what was before is forgotten.
    pub(crate) fn wait(&mut self) {
        self.open = None;
        self.ended.clear();
    }

    fn close(&mut self, segment: Segment) {
        if segment.first >= segment.end {
            return;
        }
        if self.ended.len() >= MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(segment);
    }

    /// Leaves out a packet of the present track, so that the next number follows the one before it; `pictures` more are
    /// taken off the picture ids behind it. False: its index is behind others that were used, and must be sent.
    pub(crate) fn leave_out(&mut self, number: u64, pictures: u16) -> bool {
        let Some(open) = self.open else { return true };
        let Some(ahead) = number.checked_sub(open.first) else { return false };
        if open.index + ahead < self.next_index {
            return false;
        }
        self.next_index = open.index + ahead;
        self.close(Segment { end: number, ..open });
        let shift = Shift { pictures: open.shift.pictures.wrapping_sub(pictures), ..open.shift };
        self.open = Some(Segment { first: number + 1, index: self.next_index, shift, ..open });
        true
    }

    /// Whether nothing behind this packet of the present track was sent or left out.
    pub(crate) fn is_newest(&self, number: u64) -> bool {
        self.index_of_newest(number).is_some()
    }

    fn index_of_newest(&self, number: u64) -> Option<u64> {
        let open = self.open?;
        let index = open.index + number.checked_sub(open.first)?;
        (index >= self.next_index).then_some(index)
    }

    /// From this packet of the present track on, something else is added. Nothing happens where it is not the newest.
    pub(crate) fn turn(&mut self, number: u64, shift: Shift) {
        let Some((open, index)) = self.open.zip(self.index_of_newest(number)) else { return };
        self.next_index = index;
        self.close(Segment { end: number, ..open });
        self.open = Some(Segment { first: number, index, shift, ..open });
    }

    /// The place of a packet that came; `None` where it has none: it was left out, or is from before the beginning.
    #[inline]
    pub(crate) fn place(&mut self, source: usize, number: u64) -> Option<Place> {
        if let Some(open) = self.open.as_ref().filter(|open| open.source == source && open.first <= number) {
            let place = open.place(number);
            self.next_index = self.next_index.max(place.index + 1);
            return Some(place);
        }
        let holds =
            |segment: &&Segment| segment.source == source && (segment.first..segment.end).contains(&number);
        self.ended.iter().rev().find(holds).map(|segment| segment.place(number))
    }

    /// The packet that was sent with this sequence number, by what was sent last.
    pub(crate) fn find(&self, sequence: u16) -> Option<Place> {
        let open = self.open.as_ref()?;
        let sent = rtp::sequence::extend_near(self.next_index.checked_sub(1)?, sequence)?;
        if sent >= self.next_index {
            return None;
        }
        if let Some(ahead) = sent.checked_sub(open.index) {
            return Some(open.place(open.first + ahead));
        }
        let segment = self.ended.iter().rev().find(|segment| segment.index <= sent)?;
        let number = segment.first + (sent - segment.index);
        (number < segment.end).then(|| segment.place(number))
    }

    /// What is added behind the present packet; nothing while it waits.
    pub(crate) fn shift(&self) -> Option<Shift> {
        Some(self.open.as_ref()?.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn begin(segments: &mut Segments, number: u64) {
        segments.begin(0, number, Shift::default());
    }

    fn index(segments: &mut Segments, number: u64) -> Option<u64> {
        segments.place(0, number).map(|place| place.index)
    }

    #[test]
    fn runs_on_over_a_new_beginning() {
        let mut segments = Segments::new(0xffff_7ff0);
        assert_eq!(segments.source(), None);
        assert_eq!(index(&mut segments, 500), None);
        begin(&mut segments, 500);
        assert_eq!(index(&mut segments, 500), Some(0x7ff0));
        assert_eq!(index(&mut segments, 502), Some(0x7ff2));
        assert_eq!(index(&mut segments, 499), None, "from before the beginning");
        segments.wait();
        assert_eq!(index(&mut segments, 503), None);
        begin(&mut segments, 900);
        assert_eq!(index(&mut segments, 900), Some(0x7ff3));
    }

    #[test]
    fn the_rollover_counts_from_the_subscribers_own_beginning() {
        let mut segments = Segments::new(0x7fff);
        begin(&mut segments, 1_000_000);
        assert_eq!(index(&mut segments, 1_000_000 + 0x8000).unwrap() >> 16, 0);
        assert_eq!(index(&mut segments, 1_000_000 + 0x8001).unwrap() >> 16, 1);
        assert_eq!(segments.find(0).unwrap().number, 1_000_000 + 0x8001);
    }

    #[test]
    fn another_track_goes_on_where_the_first_one_stopped() {
        let mut segments = Segments::new(100);
        begin(&mut segments, 10);
        assert_eq!(index(&mut segments, 12), Some(102));
        let shift = Shift { timestamp: 5, pictures: 6, base_layers: 7, top: 1 };
        segments.begin(1, 500, shift);
        assert_eq!(segments.place(1, 500).unwrap(), Place { source: 1, number: 500, index: 103, shift });
        assert_eq!(index(&mut segments, 11), Some(101), "a late one has its place");
        assert_eq!(index(&mut segments, 13), None, "what came after the change has none");
        assert_eq!(segments.place(1, 499), None);
        assert_eq!(segments.find(101).map(|place| (place.source, place.number)), Some((0, 11)));
        assert_eq!(segments.find(103).map(|place| (place.source, place.number)), Some((1, 500)));
        assert_eq!(segments.find(104), None, "not sent yet");
    }

    #[test]
    fn what_is_left_out_leaves_no_gap_and_what_is_missing_does() {
        let mut segments = Segments::new(100);
        begin(&mut segments, 10);
        assert_eq!(index(&mut segments, 11), Some(101));
        // 12 is late, 13 and 14 are left out.
        assert!(segments.leave_out(13, 1) && segments.leave_out(14, 0));
        assert_eq!(index(&mut segments, 15), Some(103));
        assert_eq!(index(&mut segments, 12), Some(102));
        assert_eq!((index(&mut segments, 13), index(&mut segments, 14)), (None, None));
        assert!(!segments.leave_out(12, 0), "others have been sent behind it");
        assert_eq!(segments.place(0, 15).unwrap().shift.pictures, u16::MAX);
        assert_eq!(segments.place(0, 11).unwrap().shift.pictures, 0);
        assert_eq!(index(&mut segments, 16), Some(104));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Send(u64),
        LeaveOut,
        Switch,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0u64..4).prop_map(Step::Send),
            3 => Just(Step::LeaveOut),
            1 => Just(Step::Switch),
        ];
        prop::collection::vec(step, 1..400)
    }

    proptest! {
        #[test]
        fn an_index_is_of_one_packet_and_leads_back_to_it(random in any::<u64>(), steps in steps()) {
            let mut segments = Segments::new(random);
            let (mut source, mut next) = (0, [1000u64, 5000]);
            segments.begin(0, 1000, Shift::default());
            let mut sent = BTreeMap::new();
            for step in steps {
                let number = next[source];
                match step {
                    Step::Send(ahead) => {
                        next[source] = number + ahead + 1;
                        let place = segments.place(source, number + ahead).unwrap();
                        prop_assert!(sent.insert(place.index, (source, number + ahead)).is_none());
                        prop_assert_eq!(segments.find(place.index as u16), Some(place));
                    }
                    Step::LeaveOut => {
                        prop_assert!(segments.leave_out(number, 0));
                        next[source] = number + 1;
                        prop_assert_eq!(segments.place(source, number), None);
                    }
                    Step::Switch => {
                        source = 1 - source;
                        segments.begin(source, next[source], Shift::default());
                    }
                }
            }
            // What is remembered is remembered rightly.
            for (&index, &(source, number)) in sent.iter().rev().take(100) {
                if let Some(place) = segments.find(index as u16) {
                    prop_assert_eq!((place.index, place.source, place.number), (index, source, number));
                    prop_assert_eq!(segments.place(source, number), Some(place));
                }
            }
        }

        #[test]
        fn a_sequence_number_leads_back_to_its_packet(
            random in any::<u64>(), first in 0u64..1 << 40, sent in 1u64..200_000, back in 0u64..30_000,
        ) {
            let mut segments = Segments::new(random);
            begin(&mut segments, first);
            index(&mut segments, first + sent).unwrap();
            let number = first + sent - back.min(sent);
            let index = index(&mut segments, number).unwrap();
            prop_assert_eq!(segments.find(index as u16).map(|place| place.number), Some(number));
            // What was not sent yet is unknown.
            prop_assert_eq!(segments.find(segments.next_index as u16), None);
        }
    }
}
