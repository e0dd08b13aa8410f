//! What one subscriber's network carries, and what of it each of its subscriptions gets. A user has a peer connection
//! for each subscription, and all of them go through one network: they share one estimate, one pacer and one
//! allocation.
//!
//! Audio leaves at once. Video and what is sent again do, too, as long as what has left is no more than the pacer lets
//! go in 5 ms; what is more waits here, as places in the streams' caches, and leaves in bursts.

mod burst;
mod waiting;

use crate::preference::NetworkId;
use crate::subscription::Subscription;
pub(crate) use burst::Burst;
use bwe::pacer::{Packet, Priority};
use bwe::{Allocator, Bitrate, Departures, Estimator, LegId, Pacer, PeerTime};
use slab::Slab;
use std::time::{Duration, Instant};
pub(crate) use waiting::{Waiting, What};

/// What estimation begins with, and what it never leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimation {
    /// In bits per second, before anything is known of a network.
    pub start: u64,
    /// Whatever the network says: audio.
    pub min: u64,
    /// However much it carries.
    pub max: u64,
}

impl Default for Estimation {
    fn default() -> Self {
        Self { start: 300_000, min: 80_000, max: 100_000_000 }
    }
}

/// A receiver that has agreed to feedback and gives none in this time gives none at all: it gets everything.
const DEAF_AFTER: Duration = Duration::from_secs(3);

/// Until the first probes are answered, no video is paused for want of bandwidth.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Nor later, unless the network carries less than this part of what all the smallest layers and the audio take, and
/// has done so for that long: an estimate wavers, and after over-use it is a little below what is sent, whatever that
/// is.
const PRESSED: f64 = 0.6;
const PRESSED_FOR: Duration = Duration::from_secs(3);

/// The allocation is looked at again at least so often, and sooner where the network carries this much less or more.
const LOOK: Duration = Duration::from_secs(1);
const LESS: f64 = 0.95;
const MORE: f64 = 1.1;
/// But not sooner than this, unless something fell.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) target: Bitrate,
    /// Nobody's video is paused yet.
    pub(crate) generous: bool,
}

/// One network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) id: Option<NetworkId>,
    /// Indices of its subscriptions.
    pub(crate) members: Vec<usize>,
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer,
    pub(crate) allocator: Allocator,
    /// What the pacer will let go.
    pub(crate) waiting: Slab<Waiting>,
    /// Subscriptions whose receivers say what it carries, and those with video whose receivers do not.
    legs: usize,
    untold: usize,
    /// When media first left, and when a receiver was first heard.
    began: Option<Instant>,
    heard: Option<Instant>,
    /// Since when it carries too little for all the smallest layers.
    pressed: Option<Instant>,
    /// When it was looked at, and what it carried then.
    looked: Option<(Instant, Bitrate)>,
}

impl Network {
    pub(crate) fn new(now: Instant, id: Option<NetworkId>, estimation: Estimation) -> Self {
        let bps = Bitrate::bps;
        let config =
            bwe::Config { start: bps(estimation.start), min: bps(estimation.min), max: bps(estimation.max) };
        Self {
            id,
            members: Vec::new(),
            estimator: Estimator::new(now, config),
            pacer: Pacer::new(now, config.start),
            allocator: Allocator::new(),
            waiting: Slab::new(),
            legs: 0,
            untold: 0,
            began: None,
            heard: None,
            pressed: None,
            looked: None,
        }
    }

    /// One more subscription.
    pub(crate) fn join(&mut self, now: Instant, subscription: &mut Subscription) {
        self.untold += usize::from(subscription.has_video());
        self.told_of(now, subscription);
    }

    /// Its receiver may say what the network carries, from now on.
    pub(crate) fn told_of(&mut self, now: Instant, subscription: &mut Subscription) {
        if subscription.leg.is_none() && subscription.is_told_of() {
            subscription.leg = Some(self.estimator.add_leg(now));
            self.legs += 1;
            self.untold = self.untold.saturating_sub(usize::from(subscription.has_video()));
        }
    }

    /// One subscription less.
    pub(crate) fn leave(&mut self, subscription: &Subscription) {
        if let Some(leg) = subscription.leg {
            self.legs = self.legs.saturating_sub(1);
            self.estimator.remove_leg(leg);
        } else {
            self.untold = self.untold.saturating_sub(usize::from(subscription.has_video()));
        }
    }

    /// Whether anything is to be known of it: somebody says what it carries, and nobody gets video of which nothing is
    /// said. What is said of a part of the packets is not what it carries, and nobody is slowed down by that.
    pub(crate) fn is_estimated(&self) -> bool {
        self.legs > 0 && self.untold == 0
    }

    /// Nothing is known of it: nothing is tried out either.
    pub(crate) fn look_for_nothing(&mut self) {
        self.estimator.want(Bitrate::ZERO);
    }

    /// Media leaves: time counts from here on.
    #[inline]
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began.get_or_insert(now);
        self.make_room(now);
    }

    /// As much may be under way as the network carries on its way to and fro: what has come meanwhile makes room.
    #[inline]
    pub(crate) fn make_room(&mut self, now: Instant) {
        if self.is_heard() {
            self.pacer.set_room(self.estimator.room(now));
        }
    }

    /// Whether its receiver says what arrives.
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Whether packets wait for what it carries.
    #[inline]
    pub(crate) fn is_paced(&self) -> bool {
        self.is_heard() && self.is_estimated()
    }

    /// What a receiver says of the packets of one connection.
    pub(crate) fn feedback(
        &mut self,
        now: Instant,
        leg: LegId,
        reports: impl IntoIterator<Item = (u64, Option<PeerTime>)>,
    ) {
        self.heard.get_or_insert(now);
        self.estimator.feedback(now, leg, reports);
        self.pacer.set_target(self.estimator.target());
    }

    /// What an older receiver says that one connection carries.
    pub(crate) fn remb(&mut self, now: Instant, leg: LegId, bitrate: Bitrate) {
        self.heard.get_or_insert(now);
        self.estimator.remb(now, leg, bitrate);
        self.pacer.set_target(self.estimator.target());
    }

    /// What it carries, in bits per second, as far as is known.
    pub(crate) fn estimate(&self) -> Option<u64> {
        self.is_paced().then(|| self.estimator.target().as_bps())
    }

    /// What may be sent now, where at least `least` is to be; `None`: nothing is known, and nothing will be.
    pub(crate) fn budget(&mut self, now: Instant, least: Bitrate) -> Option<Budget> {
        if !self.is_estimated() {
            return None;
        }
        let target = self.estimator.target();
        let Some(heard) = self.heard else {
            let deaf = self.began.is_some_and(|began| now >= began + DEAF_AFTER);
            return (!deaf).then_some(Budget { target, generous: true });
        };
        let pressed = target < least.scale(PRESSED);
        self.pressed = if pressed { self.pressed.or(Some(now)) } else { None };
        let bears = self.pressed.is_none_or(|since| now < since + PRESSED_FOR);
        Some(Budget { target, generous: bears || now < heard + SETTLED_AFTER })
    }

    /// Whether the allocation is due to be looked at.
    pub(crate) fn wants_look(&self, now: Instant) -> bool {
        let Some((at, before)) = self.looked else { return true };
        let target = self.estimator.target();
        let better = self.allocator.poll_timeout().is_some_and(|due| now >= due);
        target < before.scale(LESS) || (now >= at + LOOK_AGAIN && (better || target > before.scale(MORE)))
    }

    /// It is looked at. Returns when to look again, if nothing happens before.
    pub(crate) fn look(&mut self, now: Instant) -> Instant {
        self.looked = Some((now, self.estimator.target()));
        let soon = now + LOOK_AGAIN;
        let others = [self.allocator.poll_timeout(), self.estimator.poll_timeout()];
        // What was due before waits for feedback, not for time.
        others.into_iter().flatten().filter(|at| *at > now).fold(now + LOOK, Instant::min).max(soon)
    }

    /// Whether a packet of so many bytes may leave now, and counts it if so. What waits goes first.
    #[inline]
    pub(crate) fn passes(&mut self, now: Instant, bytes: u32) -> bool {
        !self.is_paced() || self.pacer.pass(now, bytes)
    }

    /// Holds a packet back. False: too much waits already, and it is lost.
    pub(crate) fn hold(&mut self, now: Instant, waiting: Waiting, bytes: u32, priority: Priority) -> bool {
        hold(&mut self.pacer, &mut self.waiting, now, waiting, bytes, priority)
    }

    /// Packets of one subscription are about to leave, all at this time.
    #[inline]
    pub(crate) fn burst(&mut self, now: Instant, leg: Option<LegId>) -> (Burst<'_>, Option<Departures<'_>>) {
        let paced = self.is_paced();
        let departures = leg.and_then(|leg| self.estimator.departures(now, leg));
        let (pacer, waiting) = (&mut self.pacer, &mut self.waiting);
        (Burst { pacer, waiting, now, paced, allowance: None, passed: 0 }, departures)
    }
}

fn hold(
    pacer: &mut Pacer,
    places: &mut Slab<Waiting>,
    now: Instant,
    waiting: Waiting,
    bytes: u32,
    priority: Priority,
) -> bool {
    let entry = places.vacant_entry();
    let reference = entry.key() as u64;
    let held = pacer.push(now, Packet { reference, bytes, priority }).is_ok();
    if held {
        entry.insert(waiting);
    }
    held
}
