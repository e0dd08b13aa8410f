//! The order in which streams go up, whatever the budget, and how far along it one gets.

use super::{Media, Offer};
use crate::Bitrate;
use std::cmp::Reverse;

/// One stream goes up by one layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The stream's place among the offers.
    pub(super) slot: usize,
    /// The layer it gets to, counted from 1, and the one it comes from: 0 is paused.
    pub(super) level: usize,
    from: usize,
    /// From paused.
    pub(super) first: bool,
    /// What the layer takes, and how much more that is than the one before.
    pub(super) bitrate: Bitrate,
    pub(super) cost: Bitrate,
    /// The stream's own limit, where it has one and this is not its lowest layer.
    pub(super) capped: Option<Bitrate>,
    priority: u8,
    height: u16,
    id: u64,
}

/// All steps, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    steps: Vec<Step>,
}

impl Order {
    pub(super) fn arrange<'a>(&mut self, offers: impl Iterator<Item = Offer<'a>>) {
        self.steps.clear();
        for (slot, offer) in offers.enumerate() {
            self.climb(slot, &offer);
        }
        self.steps.sort_unstable_by_key(|step| {
            let height = if step.first { 0 } else { step.height };
            (!step.first, Reverse(step.priority), height, step.level, step.id, step.slot)
        });
    }

    fn climb(&mut self, slot: usize, offer: &Offer<'_>) {
        let Media::Video(layers) = offer.media else { return };
        let (mut from, mut before, mut height) = (0, Bitrate::ZERO, 0);
        for (layer, level) in layers.iter().zip(1..).filter(|(layer, _)| layer.bitrate > Bitrate::ZERO) {
            let first = from == 0;
            let above = offer.max_height.is_some_and(|max| layer.height > max)
                || offer.max_bitrate.is_some_and(|max| layer.bitrate > max);
            if above && !first {
                continue;
            }
            height = layer.height.max(height);
            self.steps.push(Step {
                slot,
                level,
                from,
                first,
                bitrate: layer.bitrate,
                cost: layer.bitrate.saturating_sub(before),
                capped: offer.max_bitrate.filter(|_| !first),
                priority: offer.priority,
                height,
                id: offer.id,
            });
            (from, before) = (level, layer.bitrate.max(before));
        }
    }

    /// The highest step of a stream that is not above a level; 0 if there is none.
    pub(super) fn nearest(&self, slot: usize, level: usize) -> usize {
        let own = self.steps.iter().filter(|step| step.slot == slot && step.level <= level);
        own.map(|step| step.level).max().unwrap_or(0)
    }
}

/// The level of each stream; `None` is one of which nothing is known yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    levels: Vec<Option<usize>>,
}

impl Plan {
    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    pub(super) fn put(&mut self, level: Option<usize>) {
        self.levels.push(level);
    }

    pub(super) fn level(&self, slot: usize) -> Option<usize> {
        self.levels.get(slot).copied().flatten()
    }

    fn takes(&self, step: &Step) -> bool {
        self.level(step.slot).unwrap_or(0) >= step.level
    }

    /// Whether somebody has no layer who could have one.
    pub(super) fn pauses(&self, order: &Order) -> bool {
        order.steps.iter().any(|step| step.first && !self.takes(step))
    }

    pub(super) fn bitrate(&self, order: &Order) -> Bitrate {
        let taken = order.steps.iter().filter(|step| self.takes(step));
        taken.fold(Bitrate::ZERO, |sum, step| sum.saturating_add(step.cost))
    }

    /// Takes each step that fits, at the cost that is asked for it; `None` is not to be had.
    pub(super) fn fill(&mut self, order: &Order, budget: Bitrate, cost: impl Fn(&Step) -> Option<Bitrate>) {
        let slots = order.steps.iter().map(|step| step.slot + 1).max().unwrap_or(0);
        self.levels.clear();
        self.levels.resize(slots, Some(0));
        let mut left = budget;
        for step in &order.steps {
            if self.level(step.slot) != Some(step.from) {
                continue;
            }
            if let Some(cost) = cost(step).filter(|&cost| cost <= left)
                && let Some(level) = self.levels.get_mut(step.slot)
            {
                left = left.saturating_sub(cost);
                *level = Some(step.level);
            }
        }
    }

    /// Whether at the first step where they part, this one takes it.
    pub(super) fn is_before(&self, other: &Self, order: &Order) -> bool {
        let parted = order.steps.iter().find(|step| self.takes(step) != other.takes(step));
        parted.is_some_and(|step| self.takes(step))
    }
}
