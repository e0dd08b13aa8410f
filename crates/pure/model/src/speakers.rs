//! Who of a room is heard to speak: the loudest few, in an order that does not flap.
//!
//! Levels come from everywhere in the room, many times a second, and the loudest of two who talk to each other
//! changes with each syllable. So whoever is among the loudest keeps the place until somebody is clearly louder, or
//! louder for a while.

use std::collections::BTreeMap;

use crate::{NodeId, StreamId};

/// How many are told.
pub const PLACES: usize = 3;

/// How long a level counts that is not repeated, in milliseconds.
pub const LIFETIME_MS: u64 = 2000;

/// Who is louder by so much takes the other's place at once, in dB: twice the power.
const CLEARLY: i16 = 3;

/// Who is louder for so long takes the other's place, in milliseconds.
const FOR_A_WHILE_MS: u64 = 500;

/// While the order stays, levels are told again after this time at the earliest, in milliseconds, and where one has
/// changed [`CLEARLY`].
const LEVELS_AGAIN_MS: u64 = 1000;

/// Streams whose level is kept. Overflow: further ones are not heard until one of these is silent. A room in which so
/// many speak at once has other problems.
const MAX_HEARD: usize = 1024;

/// A stream in which somebody speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The stream.
    pub mid: StreamId,
    /// How loud, in dBov: -127 to 0.
    pub level: i8,
}

/// Who of one signalling node's clients speaks in a room: all that the node has to say of it, in place of what it said
/// before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakersOfNode {
    /// The node.
    pub node: NodeId,
    /// Its loudest, loudest first; none: silence.
    pub speakers: Vec<Speaker>,
}

impl SpeakersOfNode {
    /// How many a node names. More than [`PLACES`]: who keeps a place elsewhere may not be among the loudest here.
    pub const MOST: usize = 2 * PLACES;
}

/// The levels of a room, and who is told of them. Times are milliseconds since any moment.
#[derive(Debug, Default)]
pub struct Speakers {
    heard: BTreeMap<StreamId, Heard>,
    /// Who has the places, loudest first.
    shown: Vec<StreamId>,
    /// Another order that the levels would have, and since when.
    challenge: Option<(Vec<StreamId>, u64)>,
    told: Vec<Speaker>,
    told_at: u64,
}

#[derive(Debug)]
struct Heard {
    node: NodeId,
    level: i8,
    until: u64,
}

impl Speakers {
    /// Somebody speaks in a stream that a node's client publishes, or (`None`) no longer does.
    pub fn hear(&mut self, now: u64, node: &NodeId, mid: &StreamId, level: Option<i8>) {
        let Some(level) = level else {
            self.heard.remove(mid);
            return;
        };
        if self.heard.len() < MAX_HEARD || self.heard.contains_key(mid) {
            let heard = Heard { node: node.clone(), level, until: now.saturating_add(LIFETIME_MS) };
            self.heard.insert(mid.clone(), heard);
        }
    }

    /// All that a node has to say: whom it does not name is silent.
    pub fn hear_all(&mut self, now: u64, said: &SpeakersOfNode) {
        let named = |mid: &StreamId| said.speakers.iter().any(|speaker| speaker.mid == *mid);
        self.heard.retain(|mid, heard| heard.node != said.node || named(mid));
        for Speaker { mid, level } in said.speakers.iter().take(SpeakersOfNode::MOST) {
            self.hear(now, &said.node, mid, Some(*level));
        }
    }

    /// What a node has to say to the others.
    #[must_use]
    pub fn of(&self, now: u64, node: &NodeId) -> SpeakersOfNode {
        let own = self.heard.iter().filter(|(_, heard)| heard.node == *node && heard.until > now);
        let mut speakers = loudest(own);
        speakers.truncate(SpeakersOfNode::MOST);
        SpeakersOfNode { node: node.clone(), speakers }
    }

    /// Whether there is nothing to be heard and nothing to be told.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.heard.is_empty() && self.told.is_empty()
    }

    /// Who is told now.
    #[must_use]
    pub fn told(&self) -> &[Speaker] {
        &self.told
    }

    /// Looks who has the places now, among the streams that count. Answers the list, loudest first, where it is to be
    /// told. To be called several times a second while it [is not quiet](Self::is_quiet).
    pub fn look(&mut self, now: u64, counts: impl Fn(&StreamId) -> bool) -> Option<Vec<Speaker>> {
        self.heard.retain(|mid, heard| heard.until > now && counts(mid));
        let mut ranking = loudest(self.heard.iter());
        ranking.truncate(PLACES);
        let loudest: Vec<StreamId> = ranking.into_iter().map(|speaker| speaker.mid).collect();
        self.keep_places(&loudest);
        self.yield_places(now, &loudest);

        let list: Vec<Speaker> = self.shown.iter().filter_map(|mid| self.speaker(mid)).collect();
        let is_due = !same_order(&list, &self.told)
            || (now.saturating_sub(self.told_at) >= LEVELS_AGAIN_MS && changed(&list, &self.told));
        is_due.then(|| {
            self.told.clone_from(&list);
            self.told_at = now;
            list
        })
    }

    /// Whoever still speaks stays, unless somebody is clearly louder.
    fn keep_places(&mut self, loudest: &[StreamId]) {
        let Self { heard, shown, .. } = self;
        let level = |mid: &StreamId| heard.get(mid).map_or(i16::MIN, |heard| i16::from(heard.level));
        shown.retain(|mid| heard.contains_key(mid));
        for mid in loudest {
            if shown.contains(mid) {
                continue;
            }
            if shown.len() < PLACES {
                shown.push(mid.clone());
            } else if let Some(quietest) = shown.iter_mut().min_by_key(|mid| level(mid))
                && level(mid) >= level(quietest) + CLEARLY
            {
                *quietest = mid.clone();
            }
        }
        // Each swap takes the clearly louder one up, so that a round for each place is enough.
        for _ in 0..shown.len() {
            for lower in 1..shown.len() {
                let [Some(above), Some(below)] = [shown.get(lower - 1), shown.get(lower)] else { continue };
                if level(below) >= level(above) + CLEARLY {
                    shown.swap(lower - 1, lower);
                }
            }
        }
    }

    /// Whoever has been louder for a while gets the place.
    fn yield_places(&mut self, now: u64, loudest: &[StreamId]) {
        if self.shown == loudest {
            self.challenge = None;
            return;
        }
        match &self.challenge {
            Some((order, since)) if order == loudest => {
                if now.saturating_sub(*since) >= FOR_A_WHILE_MS {
                    self.shown = loudest.to_vec();
                    self.challenge = None;
                }
            }
            _ => self.challenge = Some((loudest.to_vec(), now)),
        }
    }

    fn speaker(&self, mid: &StreamId) -> Option<Speaker> {
        self.heard.get(mid).map(|heard| Speaker { mid: mid.clone(), level: heard.level })
    }
}

fn loudest<'a>(heard: impl Iterator<Item = (&'a StreamId, &'a Heard)>) -> Vec<Speaker> {
    let speaker = |(mid, heard): (&StreamId, &Heard)| Speaker { mid: mid.clone(), level: heard.level };
    let mut speakers: Vec<Speaker> = heard.map(speaker).collect();
    // Stable: of two who are equally loud the one with the lower id.
    speakers.sort_by_key(|speaker| std::cmp::Reverse(speaker.level));
    speakers
}

fn same_order(one: &[Speaker], other: &[Speaker]) -> bool {
    one.iter().map(|speaker| &speaker.mid).eq(other.iter().map(|speaker| &speaker.mid))
}

fn changed(now: &[Speaker], told: &[Speaker]) -> bool {
    let far = |(now, told): (&Speaker, &Speaker)| {
        i16::from(now.level).abs_diff(i16::from(told.level)) >= CLEARLY.unsigned_abs()
    };
    now.iter().zip(told).any(far)
}

#[cfg(test)]
mod tests;
