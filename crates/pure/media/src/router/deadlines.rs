//! What happens by itself, when its time has come.

use super::Core;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::stream::{FIRST_REPORT, REPORT_INTERVAL};
use crate::timers::{Owner, Timer};
use std::time::Instant;

/// Timers that one call handles. The rest is due at once: a call must not starve the sockets.
const MAX_PER_CALL: usize = 4096;

impl Core {
    pub(super) fn handle_timeout(&mut self, moment: Moment, out: &mut Outbox<'_>) {
        if self.held_until.is_some_and(|until| until <= moment.now) {
            self.forward(moment, out);
        }
        for _ in 0..MAX_PER_CALL {
            let Some((owner, timer)) = self.timers.pop_due(moment.now) else { break };
            self.fire(moment, owner, timer, out);
        }
    }

    fn fire(&mut self, moment: Moment, owner: Owner, timer: Timer, out: &mut Outbox<'_>) {
        let now = moment.now;
        match (timer, owner) {
            (Timer::Connect, _) => self.handle_connect_timeout(now, owner, out),
            (Timer::Consent, _) => self.handle_consent_timeout(now, owner, out),
            (Timer::Restart, _) => self.handle_restart_timeout(owner),
            (Timer::Dtls, _) => self.handle_dtls_timeout(now, owner, out),
            (Timer::Report, Owner::Stream(index)) => self.report_to_publisher(now, index, out),
            (Timer::Report, Owner::Subscription(index)) => self.report_to_subscriber(moment, index, out),
            (Timer::Feedback, Owner::Stream(index)) => self.feed_back(now, index, out),
            (Timer::Nack, Owner::Stream(index)) => self.ask_for_lost_packets(now, index, out),
            (Timer::KeyFrame, Owner::Stream(index)) => self.ask_for_key_frames(now, index, out),
            (Timer::Layers, Owner::Stream(index)) => self.look_at_demand(now, index),
            (Timer::Look, Owner::Network(index)) => self.look(moment, index, out),
            (Timer::Pace, Owner::Network(index)) => self.pace(moment, index, false, out),
            // Nobody else has these.
            (
                Timer::Report | Timer::Feedback | Timer::Nack | Timer::KeyFrame | Timer::Layers,
                Owner::Subscription(_) | Owner::Network(_),
            )
            | (Timer::Look | Timer::Pace, Owner::Stream(_) | Owner::Subscription(_)) => {}
        }
    }

    fn report_to_publisher(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        stream.send_reports(now, out);
        self.timers.set(now, Owner::Stream(index), Timer::Report, now + REPORT_INTERVAL);
    }

    fn report_to_subscriber(&mut self, moment: Moment, index: usize, out: &mut Outbox<'_>) {
        let Some(subscription) = self.subscriptions.get_mut(index) else { return };
        let Some(stream) = self.streams.get(subscription.stream) else { return };
        let complete = subscription.send_reports(moment, stream, out);
        let next = moment.now + if complete { REPORT_INTERVAL } else { FIRST_REPORT };
        self.timers.set(moment.now, Owner::Subscription(index), Timer::Report, next);
    }

    fn feed_back(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        stream.send_transport_feedback(out);
        if let Some(at) = stream.feedback_timeout(now) {
            // What is still due could not be sent, because the publisher is away.
            let at = if at <= now { now + rtp::twcc::INTERVAL } else { at };
            self.timers.set(now, Owner::Stream(index), Timer::Feedback, at);
        }
    }

    fn ask_for_lost_packets(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        let given_up = stream.send_nacks(now, out);
        if let Some(at) = stream.nack_timeout() {
            self.timers.set(now, Owner::Stream(index), Timer::Nack, at);
        }
        if given_up {
            // Its subscribers would ask for a key frame a little later, one by one.
            self.ask_for_key_frames(now, index, out);
        }
    }
}
