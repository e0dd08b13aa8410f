//! The path of a datagram that came in.

use super::Core;
use crate::batch::Outbox;
use crate::demux::{Class, classify};
use crate::moment::Moment;
use crate::stream::MAX_FRESH;
use crate::subscription::feedback::{Around, Asked};
use crate::subscription::selection::Scene;
use crate::timers::{Owner, Timer};
use crate::transport::ice::Path;
use crate::{Event, Incoming};
use rtp::packet::is_rtcp;
use std::time::Instant;

impl Core {
    /// Handles a batch: each datagram in order, then all media is forwarded at once.
    pub(super) fn receive(&mut self, moment: Moment, batch: &mut [Incoming<'_>], out: &mut Outbox<'_>) {
        for incoming in batch {
            let bytes = incoming.data.len() as u64;
            out.count(|stats| {
                stats.datagrams_in += 1;
                stats.bytes_in += bytes;
            });
            if !self.receive_one(moment, incoming, out) {
                out.count(|stats| stats.drops += 1);
            }
        }
        self.forward(moment, out);
    }

    /// False: dropped.
    fn receive_one(&mut self, moment: Moment, incoming: &mut Incoming<'_>, out: &mut Outbox<'_>) -> bool {
        let path = Path { remote: incoming.source, local: incoming.local, protocol: incoming.protocol };
        let data = &mut *incoming.data;
        match classify(data) {
            Class::Media => match self.demux.by_path(path) {
                Some(Owner::Stream(index)) if is_rtcp(data) => {
                    self.receive_publisher_rtcp(moment.now, index, path, data)
                }
                Some(Owner::Stream(index)) => self.receive_rtp(moment, index, path, data, out),
                Some(Owner::Subscription(index)) if is_rtcp(data) => {
                    self.receive_subscriber_rtcp(moment, index, path, data, out)
                }
                // A subscriber only receives.
                Some(Owner::Subscription(_) | Owner::Network(_)) | None => false,
            },
            Class::Stun => self.receive_stun(moment.now, path, data, out),
            Class::Dtls => self.receive_dtls(moment.now, path, data, out),
            Class::Other => false,
        }
    }

    fn receive_rtp(
        &mut self,
        moment: Moment,
        index: usize,
        path: Path,
        data: &mut [u8],
        out: &mut Outbox<'_>,
    ) -> bool {
        let now = moment.now;
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let had_none = stream.fresh.is_empty();
        let arrived = stream.receive_rtp(&mut self.chunks, now, path, data);
        if !arrived.taken {
            return false;
        }
        out.count(|stats| stats.media_in += 1);
        if let Some(wait) = arrived.key_frame_wait {
            out.count(|stats| stats.key_frame_waits.record(wait));
        }
        if had_none && !stream.fresh.is_empty() {
            self.dirty.push(index);
        }
        if let Some(heard) = arrived.heard {
            self.events.push_back(heard.event(&stream.mid));
        }
        let owner = Owner::Stream(index);
        if let Some(at) = stream.nack_timeout() {
            self.timers.set_earlier(now, owner, Timer::Nack, at);
        }
        if let Some(at) = stream.feedback_timeout(now) {
            self.timers.set_earlier(now, owner, Timer::Feedback, at);
        }
        if let Some(at) = stream.key_frame_timeout() {
            self.timers.set_earlier(now, owner, Timer::KeyFrame, at);
        }
        let full = stream.fresh.len() >= MAX_FRESH;
        if arrived.first {
            self.events.push_back(Event::StreamLive { mid: stream.mid.clone() });
            self.ask_for_key_frames(now, index, out);
        }
        if full {
            self.forward(moment, out);
        }
        true
    }

    fn receive_publisher_rtcp(&mut self, now: Instant, index: usize, path: Path, data: &mut [u8]) -> bool {
        self.streams.get_mut(index).is_some_and(|stream| stream.receive_rtcp(now, path, data))
    }

    fn receive_subscriber_rtcp(
        &mut self,
        moment: Moment,
        index: usize,
        path: Path,
        data: &mut [u8],
        out: &mut Outbox<'_>,
    ) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(index) else { return false };
        let stream_index = subscription.stream;
        let Some(stream) = self.streams.get_mut(stream_index) else { return false };
        let network_index = subscription.network;
        let Some(network) = self.networks.get_mut(network_index) else { return false };
        let mut asked = Asked::default();
        let scene = Scene { now: moment.now, tracks: &stream.tracks, theirs: None };
        let mut around = Around { index, scene: &scene, network };
        if !subscription.receive_rtcp(moment, path, data, &mut around, &mut asked, out) {
            return false;
        }
        if asked.estimated && network.wants_look(moment.now) {
            self.look(moment, network_index, out);
        } else if asked.estimated || asked.held {
            self.pace(moment, network_index, asked.estimated, out);
        }
        self.miss(stream_index, &asked.missing);
        if !asked.key_frames.is_empty() {
            for source in asked.key_frames {
                self.want_key_frame(moment.now, stream_index, source);
            }
            self.ask_for_key_frames(moment.now, stream_index, out);
        }
        true
    }
}
