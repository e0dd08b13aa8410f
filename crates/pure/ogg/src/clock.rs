//! The sender's clock against the call's: which place in the call a timestamp stands for.
//!
//! A clock holds as long as the timestamps go with the times of arrival. When they part, by more than the network can
//! explain, the sender has started again, and a new clock begins from the time of arrival. Packets of the old clock may
//! still be on their way, so some clocks are kept.

use crate::envelope::Envelope;
use std::collections::VecDeque;

/// How many clocks are kept: the one that runs and those before it. The packets of older ones go by their arrival.
const MAX_CLOCKS: usize = 4;

/// How much earlier than the fastest so far a packet may come: 150 ms, for a stream whose first packets were slow.
const EARLY: i64 = 7_200;

/// How much later than the fastest a packet in its order may come: 200 ms. After that its place has been written, and
/// it is as good as a new start.
const LATE: i64 = 9_600;

/// The same for a packet that others have overtaken: 1 s.
const OVERTAKEN: i64 = 48_000;

/// One run of timestamps. Times in samples since the recording's start.
#[derive(Clone, Debug)]
struct Clock {
    id: u64,
    started: i64,
    /// The newest packet: its number, its timestamp, and the same without wraps. That begins with the arrival of the
    /// clock's first packet.
    newest: u64,
    timestamp: u32,
    media: i64,
    /// Of arrival minus media.
    envelope: Envelope,
}

/// A packet's time by its sender: comparable within one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    clock: u64,
    media: i64,
}

impl Moment {
    /// So many samples later.
    pub(crate) fn after(self, samples: i64) -> Self {
        Self { media: self.media + samples, ..self }
    }
}

/// The clocks of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    /// The one that was used last in front.
    clocks: VecDeque<Clock>,
    started: u64,
}

impl Clocks {
    /// A packet came: its number and timestamp, and when. Time does not run backwards.
    pub(crate) fn observe(&mut self, number: u64, timestamp: u32, at: i64) -> Moment {
        let found = self.clocks.iter().position(|clock| clock.explains(number, timestamp, at));
        let mut clock = match found.and_then(|found| self.clocks.remove(found)) {
            Some(clock) => clock,
            None => self.start(number, timestamp, at),
        };
        let moment = clock.observe(number, timestamp, at);
        self.clocks.push_front(clock);
        self.clocks.truncate(MAX_CLOCKS);
        moment
    }

    /// The place of a moment in the call, by all that is known now; `None` when its clock has been forgotten. Never
    /// later than the packet's arrival.
    pub(crate) fn place(&self, moment: Moment) -> Option<i64> {
        Some(moment.media + self.find(moment)?.envelope.estimate())
    }

    /// When the first packet of its clock came; `None` when that has been forgotten.
    pub(crate) fn started(&self, moment: Moment) -> Option<i64> {
        Some(self.find(moment)?.started)
    }

    fn find(&self, moment: Moment) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.id == moment.clock)
    }

    /// How often the timestamps started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.started.saturating_sub(1)
    }

    fn start(&mut self, number: u64, timestamp: u32, at: i64) -> Clock {
        self.started += 1;
        let envelope = self.clocks.front().map(|clock| clock.envelope.afresh()).unwrap_or_default();
        Clock { id: self.started, started: at, newest: number, timestamp, media: at, envelope }
    }
}

impl Clock {
    fn media(&self, timestamp: u32) -> i64 {
        self.media + i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed())
    }

    fn explains(&self, number: u64, timestamp: u32, at: i64) -> bool {
        let media = self.media(timestamp);
        let in_order = (number > self.newest) == (media >= self.media) || media == self.media;
        let late = at - media - self.envelope.lowest();
        let bound = if number > self.newest { LATE } else { OVERTAKEN };
        in_order && (-EARLY..=bound).contains(&late)
    }

    fn observe(&mut self, number: u64, timestamp: u32, at: i64) -> Moment {
        let media = self.media(timestamp);
        self.envelope.observe(at, at - media);
        if number > self.newest {
            (self.newest, self.timestamp, self.media) = (number, timestamp, media);
        }
        Moment { clock: self.id, media }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = 960;

    #[test]
    fn places_keep_the_distance_of_the_timestamps_through_the_wrap() {
        let mut clocks = Clocks::default();
        let first = clocks.observe(1, u32::MAX - 959, 5000);
        let second = clocks.observe(2, 0, 5000 + FRAME + 700);
        let third = clocks.observe(3, 960, 5000 + 2 * FRAME - 300);
        assert_eq!(first.after(FRAME), second);
        let places = [first, second, third].map(|moment| clocks.place(moment).unwrap());
        assert_eq!(places.map(|place| place - places[0]), [0, FRAME, 2 * FRAME]);
        assert!((4690..=4700).contains(&places[0]), "by the fastest: {places:?}");
        assert_eq!(clocks.restarts(), 0);
    }

    #[test]
    fn a_jump_starts_a_new_clock_and_the_overtaken_still_have_the_old() {
        let mut clocks = Clocks::default();
        clocks.observe(1, 0, 0);
        let jumped = clocks.observe(3, 1_000_000, 2 * FRAME);
        let overtaken = clocks.observe(2, 960, 2 * FRAME + 10);
        let next = clocks.observe(4, 1_000_960, 3 * FRAME);
        for (moment, place) in [(jumped, 2 * FRAME), (overtaken, FRAME), (next, 3 * FRAME)] {
            let off = clocks.place(moment).unwrap() - place;
            assert!((-20..=0).contains(&off), "{off}");
        }
        assert_eq!(clocks.restarts(), 1);
    }

    #[test]
    fn a_small_step_back_is_a_new_clock_too() {
        let mut clocks = Clocks::default();
        clocks.observe(1, 10_000, 0);
        let second = clocks.observe(2, 9_000, FRAME);
        assert_eq!((clocks.place(second), clocks.restarts()), (Some(FRAME), 1));
    }

    #[test]
    fn a_pause_with_running_timestamps_is_none_and_one_without_is() {
        let mut clocks = Clocks::default();
        clocks.observe(1, 0, 0);
        clocks.observe(2, 480_000, 480_100);
        assert_eq!(clocks.restarts(), 0);
        let after = clocks.observe(3, 480_960, 960_000);
        assert_eq!((clocks.place(after), clocks.restarts()), (Some(960_000), 1));
    }

    #[test]
    fn clocks_are_bounded() {
        let mut clocks = Clocks::default();
        let first = clocks.observe(0, 0, 0);
        for number in 1..100 {
            clocks.observe(number, number as u32 * 100_000_000, number as i64);
        }
        assert_eq!((clocks.clocks.len(), clocks.place(first)), (MAX_CLOCKS, None));
    }
}
