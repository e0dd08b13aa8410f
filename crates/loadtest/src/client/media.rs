//! Packets of media, in and out.

use super::Outgoing;
use super::connection::Client;
use super::sending::Stamp;
use rtp::{Header, RtpPacket, rtx, srtp};
use sdp::Kind;
use std::time::Instant;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A packet of the track.
    Media,
    /// One that was sent again, on the stream for retransmissions.
    Repair,
}

/// A packet of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    /// Which of the tracks that are received.
    pub track: usize,
    /// Its number, extended beyond 16 bits; a repair has that of the original.
    pub sequence: u64,
    /// Its own, or again.
    pub arrival: Arrival,
    /// The payload, if the packet was opened.
    pub payload: Option<&'a [u8]>,
}

impl Client {
    /// What a received SSRC carries; `None`: retransmissions, or nothing known.
    #[must_use]
    pub fn media_kind(&self, ssrc: u32) -> Option<Kind> {
        self.receiving.iter().find(|track| track.ssrc == ssrc).map(|track| track.kind)
    }

    /// Takes an RTP packet. It is counted by its plain header; `open` says whether to decrypt it as well, which is what
    /// most of the time goes into (a repair always is: its number is inside). `None`: not authentic, no repair but a
    /// probe, or of no track. Where that was agreed on, the sender will hear when it arrived; of what is lost before, and
    /// is not authentic, it will not.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        header: &Header,
        packet: &'a mut [u8],
        open: bool,
    ) -> Option<Received<'a>> {
        let ssrc = header.ssrc;
        let of_track =
            |track: &super::receiving::Receiving| track.ssrc == ssrc || track.rtx_ssrc == Some(ssrc);
        let track = self.receiving.iter().position(of_track)?;
        let repair = self.receiving.get(track)?.ssrc != ssrc;
        let wire = packet.len();
        let number = self.arrivals.as_ref().and_then(|arrivals| arrivals.number(header, packet));
        let plain = if open || repair { Some(self.open(header, packet)?) } else { None };
        if let (Some(number), Some(arrivals), true) = (number, &mut self.arrivals, self.keys.is_some()) {
            arrivals.note(now, number);
        }
        let receiving = self.receiving.get_mut(track)?;
        if !repair {
            let sequence = receiving.media(now, header, wire);
            return Some(Received {
                track,
                sequence,
                arrival: Arrival::Media,
                payload: plain.map(|p| p.payload()),
            });
        }
        let original = rtx::unwrap(&plain?)?;
        let sequence = receiving.repair(now, original.sequence)?;
        Some(Received { track, sequence, arrival: Arrival::Repair, payload: Some(original.payload) })
    }

    fn open<'a>(&mut self, header: &Header, packet: &'a mut [u8]) -> Option<RtpPacket<'a>> {
        let (_, receiver) = self.keys.as_mut()?;
        let Ok(opened) = receiver.open_rtp(header, packet) else {
            self.unauthentic += 1;
            return None;
        };
        RtpPacket::new(*header, packet.get(..opened.len)?).ok()
    }

    /// Writes and seals the next packet of a track into `out`, which needs room for headers and tag (100 bytes).
    /// Returns its length; `None`: not connected, or no room.
    pub fn send(
        &mut self,
        now: Instant,
        track: usize,
        packet: &Outgoing<'_>,
        out: &mut [u8],
    ) -> Option<usize> {
        let stamp = self.stamp(now);
        let (sender, _) = self.keys.as_ref()?;
        self.sending.get_mut(track)?.send(packet, stamp, sender, out)
    }

    /// The keys of what goes out, for who sends what no honest client would; `None`: not connected.
    pub fn sealing(&mut self) -> Option<&mut srtp::Sender> {
        self.keys.as_mut().map(|(sender, _)| sender)
    }

    /// The extended sequence number that the next packet of a track will have.
    #[must_use]
    pub fn next_sequence(&self, track: usize) -> Option<u64> {
        self.sending.get(track).map(super::sending::Sending::next)
    }

    pub(super) fn stamp(&mut self, now: Instant) -> Stamp {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        Stamp { now, ntp: self.clock.ntp(now), transport_sequence: self.transport_sequence }
    }
}
