//! Subscribers' networks: who belongs to which, what each subscription gets of it, and what waits for its turn.

mod offers;

pub(super) use offers::Offers;

use super::Core;
use crate::Event;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::network::{Budget, Network};
use crate::preference::{NetworkId, Preference};
use crate::subscription::Subscription;
use crate::subscription::selection::{Scene, Selection};
use crate::timers::{Owner, Timer};
use bwe::Bitrate;
use bwe::pacer::Release;
use model::ids::SubscriptionId;
use rtp::extension::AbsSendTime;
use slab::Slab;
use std::time::{Duration, Instant};

/// Bursts that leave in one call. The rest is due at once: a call must not starve the sockets.
const MAX_BURSTS: usize = 64;

/// What still waits, or a probe that is not over, is looked at again no sooner than this.
const PACE_AGAIN: Duration = Duration::from_millis(1);

impl Core {
    /// The network of this name, or a new one.
    pub(super) fn network(&mut self, now: Instant, id: Option<NetworkId>) -> usize {
        if let Some(index) = id.and_then(|id| self.by_network.get(&id)) {
            return *index;
        }
        let estimation = self.config.estimation.unwrap_or_default();
        let index = self.networks.insert(Network::new(now, id, estimation));
        if let Some(id) = id {
            self.by_network.insert(id, index);
        }
        index
    }

    /// A subscription joins its network.
    pub(super) fn join_network(&mut self, now: Instant, subscriber: usize) {
        let Some(subscription) = self.subscriptions.get_mut(subscriber) else { return };
        let index = subscription.network;
        let Some(network) = self.networks.get_mut(index) else { return };
        network.members.push(subscriber);
        subscription.listened_to = self.config.estimation.is_some();
        network.join(now, subscription);
    }

    /// A subscription that was removed leaves its network, which ends with its last one.
    pub(super) fn leave_network(&mut self, now: Instant, subscriber: usize, left: &Subscription) {
        let index = left.network;
        let Some(network) = self.networks.get_mut(index) else { return };
        network.members.retain(|&member| member != subscriber);
        network.leave(left);
        if network.members.is_empty() {
            if let Some(id) = network.id {
                self.by_network.remove(&id);
            }
            self.networks.remove(index);
            self.timers.forget(Owner::Network(index));
        } else {
            // The others may have what it took.
            self.timers.set_earlier(now, Owner::Network(index), Timer::Look, now);
        }
    }

    pub(super) fn prefer(&mut self, now: Instant, sid: &SubscriptionId, preference: Preference) -> bool {
        let index = self.by_sid.get(sid).copied();
        let Some(subscription) = index.and_then(|index| self.subscriptions.get_mut(index)) else {
            return false;
        };
        subscription.preference = preference;
        self.timers.set(now, Owner::Network(subscription.network), Timer::Look, now);
        true
    }

    /// Looks at what a network carries and what its subscriptions are offered, and lets each have its part.
    pub(super) fn look(&mut self, moment: Moment, index: usize, out: &mut Outbox<'_>) {
        let now = moment.now;
        let Some(network) = self.networks.get_mut(index) else { return };
        if !network.is_estimated() && !leaves_a_choice(&network.members, &self.subscriptions) {
            return network.look_for_nothing();
        }
        network.estimator.handle_timeout(now);
        let mut offers = std::mem::take(&mut self.offers);
        offers.read(now, &network.members, &self.subscriptions, &mut self.streams);
        // Who is sent nothing that is answered would never be heard again: without padding, some video stays.
        let able = |member: &usize| self.subscriptions.get(*member).is_some_and(Subscription::can_pad);
        let padded = network.members.iter().any(able);
        let budget = network.budget(now, offers.least());
        let budget = budget.map(|budget| Budget { generous: budget.generous || !padded, ..budget });
        let wanted = offers.wanted();
        if budget.is_none() {
            network.look_for_nothing();
        } else if wanted > Bitrate::ZERO || network.is_heard() {
            // Before the first packets nobody knows how much it will be.
            network.estimator.want(wanted);
        }
        let target = budget.map_or(Bitrate::MAX, |budget| budget.target);
        network.pacer.set_target(network.estimator.target());
        let mut choices = std::mem::take(&mut offers.choices);
        choices.clear();
        choices.extend_from_slice(network.allocator.allocate(now, target, offers.as_offers()));
        let again = network.look(now);
        for (at, choice) in choices.iter().enumerate() {
            if let Some((stream, changed)) = self.apply(now, &offers, at, choice.layer, budget) {
                out.count(|stats| stats.layer_changes += u64::from(changed));
                self.look_at_demand(now, stream);
                self.ask_for_key_frames(now, stream, out);
            }
        }
        self.tell_pauses(&offers, out);
        offers.choices = choices;
        self.offers = offers;
        self.timers.set(now, Owner::Network(index), Timer::Look, again);
        self.pace(moment, index, true, out);
    }

    /// A subscription's track gets this of the layers that it was offered. Returns its stream where a key frame may be
    /// wanted or not be wanted any more, and whether that is because of another layer than before.
    fn apply(
        &mut self,
        now: Instant,
        offers: &Offers,
        at: usize,
        layer: Option<usize>,
        budget: Option<Budget>,
    ) -> Option<(usize, bool)> {
        let offered = offers.get(at).filter(|offered| offered.video)?;
        let subscription = self.subscriptions.get_mut(offered.subscriber)?;
        let stream = subscription.stream;
        let outgoing = subscription.tracks.get_mut(offered.track)?;
        let flows = outgoing.selection.wanted().is_some();
        let keeps = flows && budget.is_none_or(|budget| budget.generous);
        let chosen = match layer {
            Some(layer) => offered.target(layer),
            // Nothing is sent of it now, or nobody knows yet: whatever comes first is let through.
            None if offered.is_empty() || keeps => Some(offered.first()),
            None => None,
        };
        let changed = outgoing.selection.choose(now, chosen);
        let awaits = changed || outgoing.selection.take_missed();
        let awaited = outgoing.selection.awaits_key_frame_of();
        if let Some(source) = awaited.filter(|_| awaits) {
            self.want_key_frame(now, stream, source);
        }
        awaits.then_some((stream, changed))
    }

    /// Tells whose video has stopped for want of bandwidth, and whose goes on.
    fn tell_pauses(&mut self, offers: &Offers, out: &mut Outbox<'_>) {
        for subscriber in offers.subscribers() {
            let Some(subscription) = self.subscriptions.get_mut(subscriber) else { continue };
            let mut video = subscription.tracks.iter().filter(|track| track.is_video()).peekable();
            let paused = video.peek().is_some() && video.all(|track| track.selection.wanted().is_none());
            if std::mem::replace(&mut subscription.paused, paused) != paused {
                out.count(|stats| stats.pauses += u64::from(paused));
                let sid = subscription.sid.clone();
                self.events.push_back(match paused {
                    true => Event::SubscriptionPaused { sid },
                    false => Event::SubscriptionResumed { sid },
                });
            }
        }
    }

    /// Something was held back, or a probe is due. `news`: more is known of the network than before, or more is wanted, so
    /// that there may be a probe.
    pub(super) fn pace(&mut self, moment: Moment, index: usize, news: bool, out: &mut Outbox<'_>) {
        let (now, mut ask) = (moment.now, news);
        for _ in 0..MAX_BURSTS {
            let Some(network) = self.networks.get_mut(index).filter(|network| network.is_heard()) else {
                return;
            };
            if ask
                && !network.pacer.is_probing()
                && let Some(cluster) = network.estimator.poll_probe(now)
            {
                network.pacer.probe(cluster);
            }
            // The next one may follow once this one was sent.
            ask = network.pacer.is_probing();
            if network.pacer.is_idle() {
                // Whatever waited has left, and no timer runs for it.
                return;
            }
            network.make_room(now);
            let release = network.pacer.poll(now);
            self.release(moment, index, &release, out);
            match release.again {
                None => return self.timers.clear(Owner::Network(index), Timer::Pace),
                Some(at) if at > now => {
                    let at = at.max(now + PACE_AGAIN);
                    return self.timers.set(now, Owner::Network(index), Timer::Pace, at);
                }
                Some(_) => {}
            }
        }
        self.timers.set(now, Owner::Network(index), Timer::Pace, now + PACE_AGAIN);
    }

    /// One burst leaves.
    fn release(&mut self, moment: Moment, index: usize, release: &Release, out: &mut Outbox<'_>) {
        let time = AbsSendTime::at(moment.wall);
        let Some(network) = self.networks.get_mut(index) else { return };
        while let Some(packet) = network.pacer.pop() {
            let waiting =
                usize::try_from(packet.reference).ok().and_then(|at| network.waiting.try_remove(at));
            let Some(waiting) = waiting else { continue };
            let subscription = self.subscriptions.get_mut(waiting.subscription);
            let Some(subscription) = subscription.filter(|one| one.serial == waiting.serial) else {
                continue;
            };
            let Some(stream) = self.streams.get(subscription.stream) else { continue };
            let scene = Scene { now: moment.now, tracks: &stream.tracks, theirs: None };
            subscription.release(&scene, &waiting, release.kind, time, network, out);
        }
        if release.padding > 0 {
            let Core { networks, subscriptions, .. } = self;
            let Some(network) = networks.get_mut(index) else { return };
            let able = |member: &usize| subscriptions.get(*member).is_some_and(Subscription::can_pad);
            let Some(member) = network.members.iter().copied().find(able) else { return };
            let Some(subscription) = subscriptions.get_mut(member) else { return };
            let (packets, bytes) =
                subscription.pad(moment.now, release.padding, release.kind, time, network, out);
            network.pacer.padded(packets, bytes);
            out.count(|stats| stats.padding_out += u64::from(packets));
        }
    }
}

/// Whether there is anything to choose where nothing is estimated: layers, or what somebody prefers, or has preferred
/// until now.
fn leaves_a_choice(members: &[usize], subscriptions: &Slab<Subscription>) -> bool {
    members.iter().filter_map(|&member| subscriptions.get(member)).any(|subscription| {
        let any = |is_it: fn(&Selection) -> bool| subscription.tracks.iter().any(|one| is_it(&one.selection));
        let layered = || any(|selection| selection.layers().len() > 1);
        let held_back = || any(|selection| !selection.is_whole());
        subscription.preference != Preference::default() || layered() || held_back()
    })
}
