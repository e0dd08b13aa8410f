//! One bitrate for all that one subscriber is sent: which layer of each stream, or none.
//!
//! Audio is sent whatever happens. Then the lowest layer of every video stream, by priority: to pause somebody is the
//! last step, so nobody gets a second layer before everybody has a first. Then, priority by priority, all upward side by
//! side, height by height. A step that does not fit is left out, and what is smaller and comes later may still fit.
//!
//! Down is at once, up has to be worth it: what is new must fit with a margin and for a time. Each change for the better
//! moves forward in the order of these steps, and nothing but a budget that fell moves back; so that a budget that
//! wavers by less than the margin makes nothing flap. One that wavers by more makes it try again ever more rarely.

mod steps;

use crate::Bitrate;
use std::time::{Duration, Instant};
use steps::{Order, Plan};

/// By how much what is new has to be below the budget.
pub const UP_MARGIN: f64 = 1.15;
/// How much more than its bitrate a lowest layer needs that was paused, beside that.
pub const RESUME_MARGIN: f64 = 1.05;
/// For how long. Where what was new had to be taken back, twice as long the next time, and so on; but who is paused waits
/// no longer for that.
pub const UP_AFTER: Duration = Duration::from_secs(1);
/// And no longer than this.
pub const UP_AFTER_AT_MOST: Duration = Duration::from_secs(16);
/// What has lasted for so long was no mistake.
const PROVEN_AFTER: Duration = Duration::from_secs(10);

/// A layer that can be forwarded: spatial and temporal, with all that it needs below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it takes with everything below it and all overhead, as measured. Nothing is no layer: it is not sent now.
    pub bitrate: Bitrate,
    /// Of its picture.
    pub height: u16,
    /// From 0.
    pub spatial: u8,
    /// From 0.
    pub temporal: u8,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media<'a> {
    /// Kept, whatever happens.
    Audio(Bitrate),
    /// The layers, from the worst to the best.
    Video(&'a [Layer]),
}

/// One subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// What the owner calls it; each once.
    pub id: u64,
    /// Higher before lower.
    pub priority: u8,
    /// No layer above this height, but the lowest of the layers.
    pub max_height: Option<u16>,
    /// No layer that takes more, but the lowest.
    pub max_bitrate: Option<Bitrate>,
    /// What is offered.
    pub media: Media<'a>,
}

/// What a subscription gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As offered.
    pub id: u64,
    /// Which of the offered layers, from 0; `None` for video is paused, and for audio nothing is to be chosen.
    pub layer: Option<usize>,
}

/// What a stream has: known by its spatial and temporal layer, because offers change.
#[derive(Clone, Copy, Debug)]
struct Held {
    id: u64,
    layer: Option<(u8, u8)>,
}

/// The choices of one subscriber, as they were last made.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    /// One for each video stream of the last call.
    held: Vec<Held>,
    better_since: Option<Instant>,
    /// The last change for the better, and how long the next one has to fit.
    improved: Option<Instant>,
    patience: Option<Duration>,
    order: Order,
    now: Plan,
    plan: Plan,
    choices: Vec<Choice>,
}

impl Allocator {
    /// With nothing chosen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses anew: call it when the budget, the offers or the layers' bitrates change, and at
    /// [`Allocator::poll_timeout`]. The choices are in the order of the offers. Together they take no more than the
    /// budget, but for audio, which is kept even where that alone takes more.
    pub fn allocate<'a>(
        &mut self,
        now: Instant,
        budget: Bitrate,
        offers: impl Iterator<Item = Offer<'a>> + Clone,
    ) -> &[Choice] {
        self.order.arrange(offers.clone());
        let newcomers = self.recall(offers.clone());
        let audio = offers.clone().fold(Bitrate::ZERO, |sum, offer| match offer.media {
            Media::Audio(bitrate) => sum.saturating_add(bitrate),
            Media::Video(_) => sum,
        });
        let video = budget.saturating_sub(audio);
        if newcomers || self.now.bitrate(&self.order) > video {
            // Who was there goes down at the most; who has just come gets what there is.
            self.plan.fill(&self.order, video, |step| match self.now.level(step.slot) {
                Some(level) if step.level > level => None,
                _ => Some(step.cost),
            });
            std::mem::swap(&mut self.now, &mut self.plan);
            if !newcomers {
                self.regret(now);
            }
        }
        self.improve(now, video);
        self.settle(offers)
    }

    /// When to choose anew although nothing has changed: something better has fit for a while.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.better_since.map(|since| since + self.patience())
    }

    fn patience(&self) -> Duration {
        if self.now.pauses(&self.order) { UP_AFTER } else { self.patience.unwrap_or(UP_AFTER) }
    }

    /// Something had to be taken back. If it is what has just been given, the next one has to fit for longer.
    fn regret(&mut self, now: Instant) {
        let Some(improved) = self.improved.take() else { return };
        let lasted = now.saturating_duration_since(improved);
        let longer = (2 * self.patience.unwrap_or(UP_AFTER)).min(UP_AFTER_AT_MOST);
        self.patience = (lasted < PROVEN_AFTER).then_some(longer);
    }

    /// Finds in the offers what each stream has. Says whether somebody is new.
    fn recall<'a>(&mut self, offers: impl Iterator<Item = Offer<'a>>) -> bool {
        self.now.clear();
        let mut newcomers = false;
        for (slot, offer) in offers.enumerate() {
            let Media::Video(layers) = offer.media else {
                self.now.put(Some(0));
                continue;
            };
            let Some(held) = self.held.iter().find(|held| held.id == offer.id) else {
                newcomers = true;
                self.now.put(None);
                continue;
            };
            let level = held.layer.map_or(0, |held| {
                let below = |layer: &Layer| (layer.spatial, layer.temporal) <= held;
                layers.iter().rposition(below).map_or(0, |at| at + 1)
            });
            self.now.put(Some(self.order.nearest(slot, level)));
        }
        newcomers
    }

    fn improve(&mut self, now: Instant, video: Bitrate) {
        let held = &self.now;
        self.plan.fill(&self.order, video.scale(1.0 / UP_MARGIN), |step| {
            let level = held.level(step.slot).unwrap_or(0);
            let up = step.level > level;
            if up && step.capped.is_some_and(|cap| step.bitrate.scale(UP_MARGIN) > cap) {
                return None;
            }
            Some(if up && level == 0 && step.first { step.cost.scale(RESUME_MARGIN) } else { step.cost })
        });
        if !self.plan.is_before(&self.now, &self.order) {
            self.better_since = None;
        } else if now.saturating_duration_since(*self.better_since.get_or_insert(now)) >= self.patience() {
            self.better_since = None;
            self.improved = Some(now);
            std::mem::swap(&mut self.now, &mut self.plan);
        }
    }

    fn settle<'a>(&mut self, offers: impl Iterator<Item = Offer<'a>>) -> &[Choice] {
        self.held.clear();
        self.choices.clear();
        for (slot, offer) in offers.enumerate() {
            let level = self.now.level(slot).unwrap_or(0);
            let layer = level.checked_sub(1);
            self.choices.push(Choice { id: offer.id, layer });
            // Who sends nothing now is new when he does: a camera that is switched on again does not wait.
            if let Media::Video(layers) = offer.media
                && layers.iter().any(|layer| layer.bitrate > Bitrate::ZERO)
            {
                let layer = layer.and_then(|at| layers.get(at)).map(|layer| (layer.spatial, layer.temporal));
                self.held.push(Held { id: offer.id, layer });
            }
        }
        &self.choices
    }
}

#[cfg(test)]
mod tests;
