//! What a subscriber has received so far.

use std::collections::BTreeMap;
use std::time::Instant;

use super::content::Content;
use super::tally::{Header, Tally};
use super::{Delays, Flow, TrackKind};

/// Complaints kept; the first ones say what is wrong.
const MAX_WRONG: usize = 10;

/// A subscriber's counters.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    /// When ICE and DTLS were through.
    pub connected_at: Option<Instant>,
    /// The server has ended the connection, or it was lost.
    pub ended: bool,
    /// RTP datagrams that came, repeated ones included.
    pub datagrams: u64,
    /// Bytes of UDP payload in them.
    pub wire_bytes: u64,
    /// When packets came.
    pub flow: Flow,
    /// The tracks, by their number in the publisher.
    pub tracks: BTreeMap<u8, Tally>,
    /// What cannot be: wrong content, sequence or time. Empty when all is well.
    pub wrong: Vec<String>,
}

impl Reception {
    /// Whether the connection stands.
    pub fn connected(&self) -> bool {
        self.connected_at.is_some()
    }

    /// The first audio track.
    pub fn audio(&self) -> Option<&Tally> {
        self.tracks.values().find(|tally| tally.kind == TrackKind::Audio)
    }

    /// The first video track.
    pub fn video(&self) -> Option<&Tally> {
        self.tracks.values().find(|tally| tally.kind == TrackKind::Video)
    }

    /// Packets of all tracks.
    pub fn packets(&self) -> u64 {
        self.tracks.values().map(|tally| tally.packets).sum()
    }

    /// Whether there are at least so many whole frames of both kinds.
    pub fn has_frames(&self, audio: u64, video: u64) -> bool {
        let frames = |tally: Option<&Tally>| tally.map_or(0, |tally| tally.frames);
        frames(self.audio()) >= audio && frames(self.video()) >= video
    }

    /// The delays of all tracks.
    pub fn delays(&self) -> Delays {
        let mut all = Delays::default();
        for tally in self.tracks.values() {
            all.merge(&tally.delays);
        }
        all
    }

    pub(super) fn add(&mut self, kind: TrackKind, header: Header, payload: &[u8], now: Instant) {
        self.flow.add(now);
        let counted = Content::read(kind, payload).and_then(|content| {
            let tally = self.tracks.entry(content.track).or_insert_with(|| Tally::new(kind));
            tally.add(header, content, payload.len(), now)
        });
        if let Err(error) = counted {
            self.complain(error);
        }
    }

    pub(super) fn complain(&mut self, error: String) {
        if self.wrong.len() < MAX_WRONG {
            self.wrong.push(error);
        }
    }
}
