//! A subscriber: which tracks of a stream it gets, under which numbers.

pub(crate) mod feedback;
mod header;
mod leaving;
pub(crate) mod meter;
pub(crate) mod outgoing;
pub(crate) mod repair;
pub(crate) mod reports;
pub(crate) mod segments;
pub(crate) mod selection;

use crate::batch::Outbox;
use crate::network::{Network, Waiting, What};
use crate::preference::Preference;
use crate::transport::Transport;
use bwe::{LegId, PacketKind};
use leaving::Leaving;
use meter::Meter;
use model::ids::SubscriptionId;
use outgoing::{Departure, OutgoingTrack};
use rtp::extension::AbsSendTime;
use rtp::rtcp::FeedbackUnwrapper;
use selection::Scene;
use std::time::Duration;

/// One subscription and its transport.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) sid: SubscriptionId,
    /// No other subscription of the router ever has this number.
    pub(crate) serial: u64,
    /// Index of the stream in the router.
    pub(crate) stream: usize,
    pub(crate) transport: Transport,
    pub(crate) tracks: Vec<OutgoingTrack>,
    /// By track of the stream: which of `tracks` carries it.
    by_source: Vec<Option<usize>>,
    /// Index of its network in the router.
    pub(crate) network: usize,
    /// Its connection there, where what arrives of its video, or may be sent, is told of: see [`Self::is_told_of`].
    pub(crate) leg: Option<LegId>,
    /// What its receiver says of the network counts.
    pub(crate) listened_to: bool,
    /// Its receiver has said itself what it may be sent (REMB).
    pub(crate) remb: bool,
    pub(crate) preference: Preference,
    /// Nothing of its video is sent, for want of bandwidth.
    pub(crate) paused: bool,
    /// The next transport-wide sequence number.
    pub(crate) transport_sequence: u64,
    pub(crate) feedback: FeedbackUnwrapper,
    /// The latest round trip that a receiver report gave.
    pub(crate) round_trip: Option<Duration>,
}

/// A packet of a stream that has to go to its subscribers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fresh {
    /// Index of the track in the stream.
    pub(crate) track: usize,
    /// Its entry in the track's cache.
    pub(crate) entry: crate::stream::cache::Entry,
}

/// What a subscription is made of, beside its transport and its tracks.
pub(crate) struct Place {
    pub(crate) sid: SubscriptionId,
    pub(crate) serial: u64,
    pub(crate) stream: usize,
    pub(crate) network: usize,
    pub(crate) preference: Preference,
}

impl Subscription {
    /// `sources`: how many tracks the stream has.
    pub(crate) fn new(
        place: Place,
        transport: Transport,
        tracks: Vec<OutgoingTrack>,
        sources: usize,
    ) -> Self {
        let carries = |source| tracks.iter().position(|track| track.selection.layers().contains(&source));
        let by_source = (0..sources).map(carries).collect();
        Self {
            sid: place.sid,
            serial: place.serial,
            stream: place.stream,
            transport,
            tracks,
            by_source,
            network: place.network,
            leg: None,
            listened_to: false,
            remb: false,
            preference: place.preference,
            paused: false,
            // Feedback about numbers before the first is not about us.
            transport_sequence: 1 << 16,
            feedback: FeedbackUnwrapper::new(),
            round_trip: None,
        }
    }

    /// Whether what becomes of its packets can be told of by their transport-wide numbers: whether all of its video has
    /// such. What becomes of the audio alone says nothing of what the network carries.
    pub(crate) fn counts(&self) -> bool {
        self.tracks.iter().any(OutgoingTrack::counts) && self.video().all(OutgoingTrack::counts)
    }

    /// Whether its receiver says what its network carries: of each packet what became of it, or all in one number
    /// (REMB).
    pub(crate) fn is_told_of(&self) -> bool {
        self.listened_to && (self.remb || self.counts())
    }

    /// Whether what is said of the network is said of the packets of this track, too.
    pub(crate) fn covers(&self, track: &OutgoingTrack) -> bool {
        self.leg.is_some() && (track.counts() || !self.counts())
    }

    /// Whether it has video.
    pub(crate) fn has_video(&self) -> bool {
        self.video().next().is_some()
    }

    fn video(&self) -> impl Iterator<Item = &OutgoingTrack> {
        self.tracks.iter().filter(|track| track.is_video())
    }

    /// Whether it can be sent padding.
    pub(crate) fn can_pad(&self) -> bool {
        self.transport.is_connected() && self.tracks.iter().any(OutgoingTrack::can_pad)
    }

    /// Sends the packets that just came, or as many of them as this subscriber is to get. True: some wait.
    pub(crate) fn forward(
        &mut self,
        index: usize,
        scene: &Scene<'_>,
        fresh: &[Fresh],
        time: AbsSendTime,
        network: &mut Network,
        out: &mut Outbox<'_>,
    ) -> bool {
        let Self { transport, tracks, by_source, transport_sequence, leg, serial, .. } = self;
        let Some((path, sender)) = transport.sending() else { return false };
        network.begin(scene.now);
        let (burst, departures) = network.burst(scene.now, *leg);
        let meter = Meter { sequence: transport_sequence, departures, kind: PacketKind::Media };
        let departure = Departure { path, sender, time, meter };
        let mut leaving = Leaving { index, serial: *serial, departure, burst, held: false };
        for Fresh { track: source, entry } in fresh {
            let Some(&Some(carrier)) = by_source.get(*source) else { continue };
            let (Some(track), Some(cache)) = (tracks.get_mut(carrier), scene.cache(*source)) else {
                continue;
            };
            let Some((place, begins)) = track.selection.admit(scene, *source, entry) else { continue };
            leaving.packet((carrier, &mut *track), cache, entry, &place, out);
            if !begins {
                continue;
            }
            // The beginning of a key frame may come after other packets of that frame. What came before its own
            // beginning goes now; what came after it is still to be forwarded.
            let mut number = entry.number + 1;
            while let Some(earlier) = cache.find(number).filter(|earlier| earlier.arrival < entry.arrival)
                && let Some(place) = track.selection.segments.place(*source, number)
            {
                leaving.packet((carrier, &mut *track), cache, &earlier, &place, out);
                number += 1;
            }
        }
        leaving.burst.end();
        leaving.held
    }

    /// Sends what has waited.
    pub(crate) fn release(
        &mut self,
        scene: &Scene<'_>,
        waiting: &Waiting,
        kind: PacketKind,
        time: AbsSendTime,
        network: &mut Network,
        out: &mut Outbox<'_>,
    ) {
        let Some((path, sender)) = self.transport.sending() else { return };
        let Some(outgoing) = self.tracks.get_mut(waiting.track) else { return };
        let meter = Meter {
            sequence: &mut self.transport_sequence,
            departures: self.leg.and_then(|leg| network.estimator.departures(scene.now, leg)),
            kind,
        };
        let mut departure = Departure { path, sender, time, meter };
        match waiting.what {
            What::Media(place) => {
                let cache =
                    scene.tracks.get(place.source).filter(|track| !track.is_muted()).map(|t| &t.cache);
                let found = cache.and_then(|cache| Some((cache, cache.find(place.number)?)));
                if let Some((cache, entry)) = found {
                    outgoing.send(cache, &entry, &place, &mut departure, out);
                }
            }
            What::Repair(sequence) => {
                outgoing.repair(scene, sequence, &mut departure, out);
            }
        }
    }

    /// Sends padding of so many bytes on the wire in all. Returns how many packets with how many bytes left.
    pub(crate) fn pad(
        &mut self,
        now: std::time::Instant,
        bytes: u32,
        kind: PacketKind,
        time: AbsSendTime,
        network: &mut Network,
        out: &mut Outbox<'_>,
    ) -> (u32, u32) {
        let (mut packets, mut sent) = (0, 0);
        let Some((path, sender)) = self.transport.sending() else { return (0, 0) };
        let Some(outgoing) = self.tracks.iter_mut().find(|track| track.can_pad()) else { return (0, 0) };
        let departures = self.leg.and_then(|leg| network.estimator.departures(now, leg));
        let meter = Meter { sequence: &mut self.transport_sequence, departures, kind };
        let mut departure = Departure { path, sender, time, meter };
        while sent < bytes {
            let more = outgoing.pad(bytes - sent, &mut departure, out);
            if more == 0 {
                break;
            }
            packets += 1;
            sent += more;
        }
        (packets, sent)
    }

    /// Whether a video track waits for a key frame of this track of the stream.
    pub(crate) fn waits_for_key_frame(&self, source: usize) -> bool {
        self.tracks.iter().any(|track| track.selection.awaits_key_frame_of() == Some(source))
    }

    /// The subscriber was away and missed packets: every track begins anew.
    pub(crate) fn resume(&mut self) {
        self.tracks.iter_mut().for_each(|track| track.selection.wait());
    }
}
