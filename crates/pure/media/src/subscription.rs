//! A subscriber: which tracks of a stream it gets, under which numbers.

pub(crate) mod feedback;
mod header;
pub(crate) mod outgoing;
pub(crate) mod repair;
pub(crate) mod reports;
pub(crate) mod rewriter;

use crate::batch::Outbox;
use crate::stream::track::Track;
use crate::transport::Transport;
use model::ids::SubscriptionId;
use outgoing::{Departure, OutgoingTrack};
use rtp::extension::AbsSendTime;
use std::time::Duration;

/// One subscription and its transport.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) sid: SubscriptionId,
    /// Index of the stream in the router.
    pub(crate) stream: usize,
    pub(crate) transport: Transport,
    pub(crate) tracks: Vec<OutgoingTrack>,
    /// By track of the stream: which of `tracks` carries it.
    by_source: Vec<Option<usize>>,
    /// The next transport-wide sequence number.
    transport_sequence: u16,
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

impl Subscription {
    pub(crate) fn new(
        sid: SubscriptionId,
        stream: usize,
        transport: Transport,
        tracks: Vec<OutgoingTrack>,
        sources: usize,
    ) -> Self {
        let by_source =
            (0..sources).map(|source| tracks.iter().position(|track| track.source() == source)).collect();
        Self { sid, stream, transport, tracks, by_source, transport_sequence: 0, round_trip: None }
    }

    /// Sends the packets that just came, or as many of them as this subscriber is to get.
    pub(crate) fn forward(
        &mut self,
        tracks: &[Track],
        fresh: &[Fresh],
        time: AbsSendTime,
        out: &mut Outbox<'_>,
    ) {
        let Some((path, sender)) = self.transport.sending() else { return };
        let mut departure = Departure { path, sender, time, next_sequence: &mut self.transport_sequence };
        for Fresh { track, entry } in fresh {
            let Some(Some(index)) = self.by_source.get(*track) else { continue };
            if let (Some(outgoing), Some(track)) = (self.tracks.get_mut(*index), tracks.get(*track)) {
                outgoing.forward(&track.cache, entry, &mut departure, out);
            }
        }
    }

    /// Whether a video track waits for a key frame of this track of the stream.
    pub(crate) fn waits_for_key_frame(&self, source: usize) -> bool {
        self.tracks.iter().any(|track| track.source() == source && track.is_waiting())
    }

    /// The subscriber was away and missed packets: every track begins anew.
    pub(crate) fn resume(&mut self) {
        self.tracks.iter_mut().for_each(OutgoingTrack::wait);
    }
}
