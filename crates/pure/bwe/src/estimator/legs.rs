//! All connections to one network, and what they say together.
//!
//! A bottleneck that is shared holds up the packets of all of them; but one that carries little waits behind the bursts of
//! the others, and its delays are theirs. So only those speak for the network that carry a fair part of it.

use super::leg::{Leg, LegId};
use super::terms::Usage;
use super::window::window;
use crate::Bitrate;

/// A fair part is at least this much of an even one.
const FAIR: f64 = 0.5;

/// Longer than this, and the noise up to a bound, is a queue (microseconds) that takes no trend to be believed.
const LONG_QUEUE: i64 = 40_000;
const LONG_QUEUE_NOISE: i64 = 40_000;
/// Who is not heard of for so long, in microseconds, does not keep others waiting.
const UNSPOKEN: i64 = 1_000_000;
/// Shorter than this is none.
const NO_QUEUE: i64 = 8_000;

/// The owner adds and removes them: it bounds their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Legs {
    places: Vec<Option<Leg>>,
}

impl Legs {
    pub(super) fn add(&mut self) -> LegId {
        let free = self.places.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(Leg::new());
        }
        LegId(at as u32)
    }

    pub(super) fn remove(&mut self, id: LegId) {
        if let Some(place) = self.places.get_mut(id.0 as usize) {
            *place = None;
        }
    }

    pub(super) fn get(&self, id: LegId) -> Option<&Leg> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.places.get_mut(id.0 as usize)?.as_mut()
    }

    fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.places.iter().flatten()
    }

    /// Who carries a fair part of what was carried of late.
    fn fair(&self) -> impl Iterator<Item = &Leg> {
        self.iter().filter(|leg| leg.fair)
    }

    /// Feedback has come: weighs anew who that is.
    pub(super) fn weigh(&mut self) {
        let heard = || self.iter().filter(|leg| leg.heard);
        let at = heard().map(Leg::heard_at).max().unwrap_or(0);
        let (count, all) = heard().fold((0.0, 0.0), |(count, all), leg| (count + 1.0, all + leg.carried(at)));
        for leg in self.places.iter_mut().flatten() {
            leg.fair = leg.heard && leg.carried(at) * count >= all * FAIR;
        }
    }

    /// Packets are under way to somebody who has spoken before.
    pub(super) fn are_waiting(&self) -> bool {
        self.iter().any(|leg| leg.heard && leg.history.is_waiting())
    }

    /// How many more bytes may be under way, of what the network carries. What a leg has sent that nobody speaks of any
    /// more is not under way.
    pub(super) fn room(&self, at: i64, target: Bitrate) -> u64 {
        let spoken = self.iter().filter(|leg| leg.heard && at - leg.heard_at() < UNSPOKEN);
        let flight: u64 = spoken.map(|leg| leg.history.flight()).sum();
        let way = self.fair().map(|leg| leg.window.way()).max().unwrap_or(0);
        window(target, way).saturating_sub(flight)
    }

    /// Until when all arrivals are known, in our clock.
    pub(super) fn known_until(&self) -> i64 {
        self.fair().map(Leg::known_until).min().unwrap_or(0)
    }

    /// How long the fastest of the last packets wait, where they wait longest; in microseconds.
    pub(super) fn latest(&self) -> i64 {
        self.fair().map(|leg| leg.queue.latest()).max().unwrap_or(0)
    }

    /// How long even the fastest packets wait, where they wait longest; in microseconds.
    pub(super) fn queue(&self) -> i64 {
        self.fair().map(|leg| leg.queue.queue()).max().unwrap_or(0)
    }

    /// How much longer packets usually take than the fastest, and by how much that differs; the largest of each.
    pub(super) fn noise(&self) -> (i64, i64) {
        let noises = self.fair().map(|leg| (leg.queue.spread(), leg.queue.wander()));
        noises.fold((0, 0), |most, noise| (most.0.max(noise.0), most.1.max(noise.1)))
    }

    /// What all delays say: the worst.
    pub(super) fn usage(&self) -> Usage {
        let usages = || self.fair().map(Leg::usage);
        [Usage::Over, Usage::Under]
            .into_iter()
            .find(|&said| usages().any(|usage| usage == said))
            .unwrap_or(Usage::Normal)
    }

    /// What they say at the feedback of one leg: its own over-use, if it carries a fair part, is news; that of another
    /// was, and only nothing grows. Packets that now wait long are over-use whatever the trend says, which takes long to see a
    /// fall.
    pub(super) fn news(&self, id: LegId, latest: i64) -> Usage {
        let own = self.get(id).filter(|own| own.fair).map_or(Usage::Normal, Leg::usage);
        if latest > LONG_QUEUE {
            let (spread, wander) = self.noise();
            if latest > LONG_QUEUE + (spread + 2 * wander).min(LONG_QUEUE_NOISE) {
                return Usage::Over;
            }
        }
        match own {
            // Growth is for those who find no queue, although one has just emptied.
            Usage::Under if self.queue() < NO_QUEUE => Usage::Normal,
            Usage::Normal if self.are_full() => Usage::Under,
            usage => usage,
        }
    }

    /// Whether something queues, or is about to.
    pub(super) fn are_full(&self) -> bool {
        self.fair().any(|leg| leg.usage() == Usage::Over || leg.waits_long())
    }

    /// What receivers allow that say so themselves: each says it of its own leg. `None` where one that carries something
    /// has not.
    pub(super) fn remb(&self) -> Option<Bitrate> {
        let all = self.iter().all(|leg| leg.remb.is_some() || !leg.history.is_used());
        if all { self.remb_so_far() } else { None }
    }

    /// What those allow that have said something.
    pub(super) fn remb_so_far(&self) -> Option<Bitrate> {
        self.iter().filter_map(|leg| leg.remb).reduce(Bitrate::saturating_add)
    }
}
