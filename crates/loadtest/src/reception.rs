//! What one subscriber counts.

use crate::client::{Arrival, Client, Kind};
use crate::emitter::StreamCounters;
use crate::sequence_log::{Place, SequenceLog};
use crate::stamp::Stamp;
use crate::totals::{Totals, TrackTotals};
use rtp::Header;
use std::sync::Arc;
use std::time::Instant;

/// One track.
#[derive(Debug)]
struct Track {
    kind: Kind,
    log: SequenceLog,
    /// Sequence number of the first packet that was opened, and the publisher's number of it.
    anchor: Option<(u64, u64)>,
}

/// The tracks of one subscription.
#[derive(Debug)]
pub(crate) struct Reception {
    tracks: Vec<Track>,
    counters: Arc<StreamCounters>,
    epoch: Instant,
    /// When the server was asked for it; `None` once media has come.
    requested: Option<Instant>,
    open_every: u64,
    count: u64,
    loss: Loss,
}

/// A bad network, the same one each time.
#[derive(Debug)]
struct Loss {
    /// Of 2^32.
    part: u64,
    state: u64,
}

impl Loss {
    fn takes(&mut self) -> bool {
        if self.part == 0 {
            return false;
        }
        // Marsaglia's xorshift: random enough for a network, and nothing to depend on.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 32) < self.part
    }
}

impl Reception {
    /// Of a client that receives, whose subscription was asked for at `requested`.
    pub(crate) fn new(
        client: &Client,
        counters: Arc<StreamCounters>,
        epoch: Instant,
        requested: Instant,
        open_every: u64,
        loss: (f64, u64),
    ) -> Self {
        let track = |kind| Track { kind, log: SequenceLog::default(), anchor: None };
        let (part, seed) = loss;
        Self {
            tracks: client.receiving().map(track).collect(),
            counters,
            epoch,
            requested: Some(requested),
            open_every,
            count: 0,
            loss: Loss {
                part: (part * 2f64.powi(32)) as u64,
                state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            },
        }
    }

    /// Takes an RTP packet.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        client: &mut Client,
        header: &Header,
        packet: &mut [u8],
        totals: &mut Totals,
    ) {
        if self.loss.takes() {
            if let Some(kind) = client.media_kind(header.ssrc) {
                let totals = totals.of(kind);
                (totals.arrived, totals.thrown) = (totals.arrived + 1, totals.thrown + 1);
            }
            return;
        }
        self.count += 1;
        let open = self.count.is_multiple_of(self.open_every) || self.begins();
        let Some(received) = client.receive(now, header, packet, open) else { return };
        let Some(track) = self.tracks.get_mut(received.track) else { return };
        track.count(received.sequence, received.arrival, totals);
        if received.arrival == Arrival::Repair {
            return;
        }
        if let Some(stamp) = received.payload.and_then(Stamp::read) {
            track.anchor.get_or_insert((received.sequence, stamp.sequence));
            totals.delay.record(now.saturating_duration_since(self.epoch).saturating_sub(stamp.sent));
            if let Some(requested) = self.requested.take() {
                totals.first_media.record(now.saturating_duration_since(requested));
            }
        }
    }

    /// Whether a track still waits for its first packet.
    fn begins(&self) -> bool {
        self.tracks.iter().any(|track| track.anchor.is_none())
    }

    /// Adds what is not counted packet by packet: what should have come, and what is missing.
    pub(crate) fn add_expected(&self, totals: &mut Totals) {
        for track in &self.tracks {
            let TrackTotals { expected, missing, .. } = totals.of(track.kind);
            *expected += track.expected(&self.counters);
            *missing += track.log.missing();
        }
    }

    /// The same of one that leaves: what is on its way to it is not expected any more.
    pub(crate) fn add_departed(&self, totals: &mut Totals) {
        for track in &self.tracks {
            let TrackTotals { expected, missing, .. } = totals.of(track.kind);
            *expected += track.log.unique() + track.log.missing();
            *missing += track.log.missing();
        }
    }
}

impl Track {
    fn count(&mut self, sequence: u64, arrival: Arrival, totals: &mut Totals) {
        let totals = totals.of(self.kind);
        totals.arrived += 1;
        let place = self.log.record(sequence);
        totals.received += u64::from(place != Place::Duplicate);
        match (place, arrival) {
            (Place::Duplicate, _) => totals.duplicates += 1,
            (_, Arrival::Repair) => totals.repairs += 1,
            (Place::Late, Arrival::Media) => totals.reordered += 1,
            (Place::Newest, Arrival::Media) => {}
        }
    }

    /// What the publisher has sent since this track's first packet, that one included.
    fn expected(&self, counters: &StreamCounters) -> u64 {
        let Some(((sequence, published), first)) = self.anchor.zip(self.log.first()) else { return 0 };
        let before = published.saturating_sub(sequence.saturating_sub(first));
        counters.sent(self.kind).saturating_sub(before)
    }
}
