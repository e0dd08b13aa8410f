//! From a stream to its subscribers, and the requests for key frames that go the other way.

use super::Core;
use crate::batch::Outbox;
use crate::moment::Moment;
use crate::subscription::selection::Scene;
use crate::timers::{Owner, Timer};
use rtp::extension::AbsSendTime;
use sdp::Kind;
use std::time::Instant;

impl Core {
    /// Forwards what came and need not wait for the rest of its frame.
    pub(super) fn forward(&mut self, moment: Moment, out: &mut Outbox<'_>) {
        self.held_until = None;
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.retain(|&index| {
            let Some(stream) = self.streams.get(index) else { return false };
            let until = stream.held_until(moment.now, self.config.coalesce);
            if let Some(until) = until {
                self.held_until = Some(self.held_until.map_or(until, |earlier| earlier.min(until)));
            } else {
                self.forward_stream(moment, index, out);
            }
            until.is_some()
        });
        self.dirty = dirty;
    }

    /// Subscriber by subscriber, so that the packets of a frame for one destination lie side by side.
    fn forward_stream(&mut self, moment: Moment, index: usize, out: &mut Outbox<'_>) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        let time = AbsSendTime::at(moment.wall);
        stream.even_out();
        // The other routers begin while this one works.
        self.copy_fresh(index, out);
        let Some(stream) = self.streams.get_mut(index) else { return };
        out.forward(stream.fresh_since());
        let theirs = stream.clock.theirs(moment.now);
        let scene = Scene { now: moment.now, tracks: &stream.tracks, theirs };
        for &subscriber in &stream.subscribers {
            let Some(subscription) = self.subscriptions.get_mut(subscriber) else { continue };
            let index = subscription.network;
            let Some(network) = self.networks.get_mut(index) else { continue };
            if subscription.forward(subscriber, &scene, &stream.fresh, time, network, out) {
                let at = network.pacer.next(moment.now).unwrap_or(moment.now);
                self.timers.set_earlier(moment.now, Owner::Network(index), Timer::Pace, at);
            }
        }
        stream.tape_fresh(moment.now, &mut self.tape);
        out.forward(None);
        stream.forwarded();
        let owner = Owner::Stream(index);
        match stream.key_frame_timeout() {
            Some(at) => self.timers.set(moment.now, owner, Timer::KeyFrame, at),
            None => self.timers.clear(owner, Timer::KeyFrame),
        }
    }

    /// A subscriber begins to receive: its video needs a key frame.
    pub(super) fn want_key_frames_for(&mut self, now: Instant, subscriber: usize, out: &mut Outbox<'_>) {
        let Some(subscription) = self.subscriptions.get(subscriber) else { return };
        let stream_index = subscription.stream;
        let Some(stream) = self.streams.get_mut(stream_index) else { return };
        for (source, track) in stream.tracks.iter_mut().enumerate() {
            if subscription.waits_for_key_frame(source) {
                track.key_frames.want(now);
            }
        }
        self.ask_for_key_frames(now, stream_index, out);
    }

    pub(super) fn want_key_frame(&mut self, now: Instant, stream: usize, source: usize) {
        let track = self.streams.get_mut(stream).and_then(|stream| stream.tracks.get_mut(source));
        if let Some(track) = track.filter(|track| track.line.kind == Kind::Video) {
            track.key_frames.want(now);
        }
    }

    /// Asks the publisher for the key frames that are wanted and due, and remembers when to ask next.
    pub(super) fn ask_for_key_frames(&mut self, now: Instant, index: usize, out: &mut Outbox<'_>) {
        self.wish_for_key_frames(now, index);
        let Some(stream) = self.streams.get_mut(index) else { return };
        stream.send_key_frame_requests(now, out);
        // Before the publisher's first packet there is nothing to ask with: its arrival leads back here.
        if let Some(at) = stream.key_frame_timeout().filter(|_| stream.is_live()) {
            // What is still due could not be sent, because the publisher is away.
            let at = if at <= now { now + self.config.limits.key_frame_interval } else { at };
            self.timers.set(now, Owner::Stream(index), Timer::KeyFrame, at);
        }
    }
}
