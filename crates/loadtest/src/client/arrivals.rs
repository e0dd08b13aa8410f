//! When packets arrived, by the numbers that their sender gives to all packets of the transport
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01): the server estimates by that what this client's network carries.

use super::receiving::Receiving;
use rtp::rtcp::Writer;
use rtp::twcc::ArrivalLog;
use rtp::{Header, NoRoom, extension};
use std::time::Instant;

/// Where feedback is agreed on.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// The header extension that the number is in; all m-lines are one transport, and have one id.
    id: u8,
    /// One of the tracks. Feedback is about the whole transport, but its format asks for one.
    media: u32,
    log: ArrivalLog,
}

impl Arrivals {
    /// `None`: none of the tracks is sent with numbers and to be told about.
    pub(super) fn of(tracks: &[Receiving]) -> Option<Self> {
        let (id, media) = tracks.iter().find_map(|track| Some((track.counted?, track.ssrc)))?;
        Some(Self { id, media, log: ArrivalLog::new() })
    }

    /// The number of a packet, encrypted or not.
    pub(super) fn number(&self, header: &Header, packet: &[u8]) -> Option<u16> {
        header.extensions(packet).find(self.id).and_then(extension::transport_sequence)
    }

    pub(super) fn note(&mut self, now: Instant, number: u16) {
        self.log.received(now, number);
    }

    /// When to give feedback: [`rtp::twcc::INTERVAL`] after the first packet that it is about.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.log.poll_timeout()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.log.is_due(now)
    }

    /// Writes feedback. True: there is more.
    pub(super) fn write(&mut self, sender: u32, writer: &mut Writer<'_>) -> Result<bool, NoRoom> {
        self.log.write(sender, self.media, writer)
    }
}
