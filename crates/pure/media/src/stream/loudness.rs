//! Whether somebody speaks, and how loud: from the level that audio packets carry (RFC 6464), without opening the
//! sound.
//!
//! One packet says little: a cough is loud, and between two words it is quiet. So what counts is how much of a third of
//! a second was loud, and how loud that was on average; and a pause is one only after twice that time.

use crate::Event;
use model::ids::StreamId;
use std::time::{Duration, Instant};

/// How long is listened before something is said.
const WINDOW: Duration = Duration::from_millis(300);
/// Louder than this is loud, in dBov below the loudest: speech is 15 to 40, a quiet room 60 and more.
const LOUD: u8 = 45;
/// So many of ten packets must be loud.
const PART: u32 = 4;
/// Quiet windows before it counts as silence.
const PATIENCE: u8 = 2;

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Somebody speaks, so loud: in dBov, -127 to 0.
    Speaks(i8),
    /// Nobody any more.
    Silent,
}

impl Heard {
    pub(crate) fn event(self, mid: &StreamId) -> Event {
        let level = match self {
            Self::Speaks(level) => Some(level),
            Self::Silent => None,
        };
        Event::Speaking { mid: mid.clone(), level }
    }
}

/// The ear of one stream.
#[derive(Debug, Default)]
pub(crate) struct Loudness {
    since: Option<Instant>,
    packets: u32,
    loud: u32,
    /// Sum of the levels of the loud ones, below the loudest.
    sum: u32,
    /// What was told last, if it was not silence.
    level: Option<u8>,
    quiet: u8,
}

impl Loudness {
    /// A packet of this level came: 0 is the loudest, 127 is silence.
    #[inline]
    pub(crate) fn heard(&mut self, now: Instant, level: u8) -> Option<Heard> {
        let since = *self.since.get_or_insert(now);
        let told = if now.saturating_duration_since(since) >= WINDOW { self.judge(now) } else { None };
        self.packets += 1;
        if level < LOUD {
            self.loud += 1;
            self.sum += u32::from(level);
        }
        told
    }

    /// What the window says that has passed.
    fn judge(&mut self, now: Instant) -> Option<Heard> {
        let speaks = self.loud > 0 && self.loud * 10 >= self.packets * PART;
        let average = (self.sum / self.loud.max(1)).min(127) as u8;
        (self.since, self.packets, self.loud, self.sum) = (Some(now), 0, 0, 0);
        if speaks {
            self.quiet = 0;
            let level = self.level.map_or(average, |before| (before + average).div_ceil(2));
            self.level = Some(level);
            return Some(Heard::Speaks(-(level as i8)));
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet < PATIENCE { None } else { self.silence() }
    }

    /// Nothing of it is heard any more. Whether that is news.
    pub(crate) fn silence(&mut self) -> Option<Heard> {
        self.level.take().map(|_| Heard::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    /// A second of packets of these levels, one after the other and again. Answers what was told.
    fn second(ear: &mut Loudness, now: &mut Instant, levels: &[u8]) -> Vec<Heard> {
        let levels = levels.iter().cycle().take(50);
        let told = levels.filter_map(|level| {
            *now += Duration::from_millis(20);
            ear.heard(*now, *level)
        });
        told.collect()
    }

    #[test]
    fn words_are_speech_and_what_is_between_them_is_not_silence() {
        let (mut ear, mut now) = (Loudness::default(), epoch());
        assert_eq!(second(&mut ear, &mut now, &[127, 60, 50]), []);
        let told = second(&mut ear, &mut now, &[20, 22, 127]);
        let about = |heard: &Heard| matches!(heard, Heard::Speaks(-22..=-20));
        assert!(told.len() >= 2 && told.iter().all(about), "{told:?}");
        // A cough is no speech.
        let told = second(&mut ear, &mut now, &[127, 127, 127, 127, 5]);
        assert_eq!(told.last(), Some(&Heard::Silent));
        assert_eq!(second(&mut ear, &mut now, &[127]), []);
    }

    #[test]
    fn it_follows_the_level_smoothly() {
        let (mut ear, mut now) = (Loudness::default(), epoch());
        second(&mut ear, &mut now, &[40]);
        let told = second(&mut ear, &mut now, &[20]);
        let levels: Vec<i8> = told
            .into_iter()
            .map(|heard| match heard {
                Heard::Speaks(level) => level,
                Heard::Silent => panic!("it is loud"),
            })
            .collect();
        assert!(levels.is_sorted() && levels[0] < -25 && levels[levels.len() - 1] > -35, "{levels:?}");
        assert_eq!((ear.silence(), ear.silence()), (Some(Heard::Silent), None));
    }

    #[test]
    fn the_loudest_and_the_quietest_are_levels_too() {
        let (mut ear, mut now) = (Loudness::default(), epoch());
        assert!(second(&mut ear, &mut now, &[0]).contains(&Heard::Speaks(0)));
        assert!(second(&mut ear, &mut now, &[127, 255]).contains(&Heard::Silent));
    }
}
