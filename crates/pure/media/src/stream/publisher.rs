//! The one who sends a stream: its transport, and which of its SSRCs is what.

use super::feedback::FeedbackIdentity;
use super::sources::{Role, Sources};
use super::track::Track;
use crate::transport::Transport;
use crate::transport::ice::Path;
use rtp::Header;
use rtp::twcc::ArrivalLog;
use sdp::ReceiveTrack;
use std::time::Instant;

/// A publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) transport: Transport,
    sources: Sources,
    pub(super) arrivals: ArrivalLog,
    transport_cc: Option<u8>,
    pub(super) identity: FeedbackIdentity,
    /// Numbers to ask for, kept for its memory.
    pub(super) missing: Vec<u16>,
}

/// A packet that is authentic, and of one of the tracks.
pub(super) struct Authentic<'a> {
    pub(super) header: Header,
    /// The 48-bit SRTP index.
    pub(super) index: u64,
    pub(super) role: Role,
    /// Decrypted.
    pub(super) packet: &'a mut [u8],
}

impl Publisher {
    pub(super) fn new(transport: Transport, tracks: &[&ReceiveTrack], random: [u8; 16]) -> Self {
        let transport_cc = tracks
            .iter()
            .find(|track| track.line.feedback.transport_cc && track.line.extensions.transport_cc.is_some())
            .and_then(|track| track.line.extensions.transport_cc);
        Self {
            transport,
            sources: Sources::new(tracks),
            arrivals: ArrivalLog::new(),
            transport_cc,
            identity: FeedbackIdentity::new(tracks, random),
            missing: Vec::new(),
        }
    }

    /// Decrypts an RTP packet in place. `None`: dropped.
    pub(super) fn open<'a>(
        &mut self,
        now: Instant,
        path: Path,
        data: &'a mut [u8],
        tracks: &[Track],
    ) -> Option<Authentic<'a>> {
        let header = Header::parse(data).ok()?;
        let opened = self.transport.open_rtp(path, &header, data)?;
        let packet = data.get_mut(..opened.len)?;
        self.note_arrival(now, &header, packet);
        let role = self.sources.role(&header, packet, tracks)?;
        Some(Authentic { header, index: opened.index, role, packet })
    }

    /// A retransmission under this SSRC has repaired that source.
    pub(super) fn repaired(&mut self, rtx_ssrc: u32, source: Option<u32>) {
        self.sources.repaired(rtx_ssrc, source);
    }

    fn note_arrival(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        let sequence = self
            .transport_cc
            .and_then(|id| header.extensions(packet).find(id))
            .and_then(rtp::extension::transport_sequence);
        if let Some(sequence) = sequence {
            self.arrivals.received(now, sequence);
        }
    }

    /// When it is next to hear how its packets arrived.
    pub(super) fn feedback_timeout(&self, now: Instant) -> Option<Instant> {
        if self.arrivals.is_due(now) { Some(now) } else { self.arrivals.poll_timeout() }
    }
}
