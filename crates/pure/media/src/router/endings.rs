//! How streams and subscriptions end: with a BYE, the end of DTLS, and nothing left behind.

use super::Core;
use crate::batch::Outbox;
use crate::subscription::Subscription;
use crate::timers::Owner;
use crate::{EndReason, Event};
use model::ids::{StreamId, SubscriptionId};
use std::time::Instant;

impl Core {
    pub(super) fn unpublish(&mut self, now: Instant, mid: &StreamId, out: &mut Outbox<'_>) -> bool {
        let Some(index) = self.by_mid.get(mid).copied() else { return false };
        self.remove_stream(now, index, out)
    }

    pub(super) fn unsubscribe(&mut self, now: Instant, sid: &SubscriptionId, out: &mut Outbox<'_>) -> bool {
        let Some(index) = self.by_sid.get(sid).copied() else { return false };
        self.remove_subscription(now, index, out).is_some()
    }

    pub(super) fn shut_down(&mut self, now: Instant, out: &mut Outbox<'_>) {
        let streams: Vec<usize> = self.streams.iter().map(|(index, _)| index).collect();
        for index in streams {
            self.remove_stream(now, index, out);
        }
        self.events.clear();
    }

    /// Ends what a peer ended, or what it let end, and reports it.
    pub(super) fn end(&mut self, now: Instant, owner: Owner, reason: EndReason, out: &mut Outbox<'_>) {
        match owner {
            Owner::Stream(index) => {
                // Reported first: its subscriptions follow.
                if let Some(stream) = self.streams.get(index) {
                    self.events.push_back(Event::StreamEnded { mid: stream.mid.clone(), reason });
                }
                self.remove_stream(now, index, out);
            }
            Owner::Subscription(index) => {
                if let Some(subscription) = self.remove_subscription(now, index, out) {
                    self.events.push_back(Event::SubscriptionEnded { sid: subscription.sid, reason });
                }
            }
            // It has no peer.
            Owner::Network(_) => {}
        }
    }

    /// False: there is none.
    pub(super) fn remove_stream(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) -> bool {
        let Some(mut stream) = self.streams.try_remove(index) else { return false };
        let owner = Owner::Stream(index);
        self.by_mid.remove(&stream.mid);
        self.dirty.retain(|&dirty| dirty != index);
        self.timers.forget(owner);
        self.half_open.done(owner);
        for subscriber in std::mem::take(&mut stream.subscribers) {
            if let Some(subscription) = self.remove_subscription(now, subscriber, out) {
                let (sid, reason) = (subscription.sid, EndReason::StreamGone);
                self.events.push_back(Event::SubscriptionEnded { sid, reason });
            }
        }
        if let Some(transport) = stream.transport_mut() {
            let ice = transport.ice();
            self.demux.remove(ice.ufrags(), ice.paths(), owner);
            transport.close(now, out);
            tracing::info!(mid = %stream.mid, "stream ended");
        }
        stream.end(&mut self.chunks);
        true
    }

    fn remove_subscription(
        &mut self,
        now: Instant,
        index: usize,
        out: &mut Outbox<'_>,
    ) -> Option<Subscription> {
        let mut subscription = self.subscriptions.try_remove(index)?;
        let owner = Owner::Subscription(index);
        self.by_sid.remove(&subscription.sid);
        if let Some(stream) = self.streams.get_mut(subscription.stream) {
            stream.subscribers.retain(|&subscriber| subscriber != index);
        }
        self.leave_network(now, index, &subscription);
        self.note_idle_branch(now, subscription.stream);
        self.look_at_demand(now, subscription.stream);
        self.timers.forget(owner);
        self.half_open.done(owner);
        let ice = subscription.transport.ice();
        self.demux.remove(ice.ufrags(), ice.paths(), owner);
        subscription.say_goodbye(out);
        subscription.transport.close(now, out);
        tracing::info!(sid = %subscription.sid, "subscription ended");
        Some(subscription)
    }
}
