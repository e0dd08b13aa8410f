//! One track that is sent: packets from payloads, retransmissions, sender reports.

use super::agreement::{Agreed, ExtensionIds};
use super::history::History;
use rtp::extension::AbsSendTime;
use rtp::rtcp::{SenderInfo, Writer};
use rtp::srtp::Sender;
use rtp::write::write_packet;
use rtp::{ExtensionValue, Fields, NoRoom, NtpTime, sequence};
use sdp::Kind;
use std::time::Instant;

/// What a track is made of when it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: Option<u32>,
    pub(super) sequence: u64,
    pub(super) rtx_sequence: u64,
}

/// A payload and what its header says.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The last packet of a frame.
    pub marker: bool,
    /// In units of the codec's clock.
    pub timestamp: u32,
    /// The payload, with the codec's descriptor.
    pub payload: &'a [u8],
}

#[derive(Debug)]
pub(super) struct Sending {
    pub(super) kind: Kind,
    pub(super) ssrc: u32,
    mid: String,
    ids: ExtensionIds,
    payload_type: u8,
    rtx: Option<(u8, u32)>,
    next: u64,
    next_rtx: u64,
    history: Option<History>,
    packets: u32,
    bytes: u32,
    /// Of the latest packet: when, and its timestamp.
    latest: Option<(Instant, u32)>,
}

/// What stamps a packet: the time, and the number that the transport gives to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) now: Instant,
    pub(super) ntp: NtpTime,
    pub(super) transport_sequence: u16,
}

impl Sending {
    pub(super) fn new(agreed: &Agreed, beginning: Beginning) -> Self {
        let rtx = agreed.rtx_payload_type.zip(beginning.rtx_ssrc);
        Self {
            kind: agreed.kind,
            ssrc: beginning.ssrc,
            mid: agreed.mid.clone(),
            ids: agreed.ids,
            payload_type: agreed.payload_type,
            rtx,
            next: beginning.sequence,
            next_rtx: beginning.rtx_sequence,
            history: rtx.filter(|_| agreed.nack).map(|_| History::default()),
            packets: 0,
            bytes: 0,
            latest: None,
        }
    }

    /// The sequence number of the next packet, extended.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Writes and seals the next packet into `out`; returns its length on the wire.
    pub(super) fn send(
        &mut self,
        packet: &Outgoing<'_>,
        stamp: Stamp,
        sender: &Sender,
        out: &mut [u8],
    ) -> Option<usize> {
        let fields = Fields {
            marker: packet.marker,
            payload_type: self.payload_type,
            sequence: (self.next & 0xffff) as u16,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
        };
        let len = self.seal(&fields, self.next, packet.payload, stamp, sender, out)?;
        if let Some(history) = &mut self.history {
            history.keep(self.next, packet.timestamp, packet.marker, packet.payload);
        }
        self.next += 1;
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(packet.payload.len() as u32);
        self.latest = Some((stamp.now, packet.timestamp));
        Some(len)
    }

    /// Writes and seals a retransmission of the packet with this number.
    pub(super) fn send_again(
        &mut self,
        lost: u16,
        stamp: Stamp,
        sender: &Sender,
        out: &mut [u8],
    ) -> Option<usize> {
        let (payload_type, ssrc) = self.rtx?;
        let sequence = sequence::extend_near(self.next, lost)?;
        let sent = self.history.as_ref()?.find(sequence)?;
        let fields = Fields {
            marker: sent.marker,
            payload_type,
            sequence: (self.next_rtx & 0xffff) as u16,
            timestamp: sent.timestamp,
            ssrc,
        };
        let len = self.seal(&fields, self.next_rtx, &sent.payload, stamp, sender, out)?;
        self.next_rtx += 1;
        Some(len)
    }

    fn seal(
        &self,
        fields: &Fields,
        index: u64,
        payload: &[u8],
        stamp: Stamp,
        sender: &Sender,
        out: &mut [u8],
    ) -> Option<usize> {
        let time = AbsSendTime::at(stamp.ntp).bytes();
        let number = stamp.transport_sequence.to_be_bytes();
        let extensions = [
            ExtensionValue { id: self.ids.abs_send_time, value: &time },
            ExtensionValue { id: self.ids.transport_cc, value: &number },
            ExtensionValue { id: self.ids.mid, value: self.mid.as_bytes() },
        ];
        let written = write_packet(fields, &extensions, payload, out).ok()?;
        sender.seal_rtp(out, written, u32::try_from(index >> 16).ok()?).ok()
    }

    /// Writes a sender report, if anything was sent.
    pub(super) fn report(&self, now: Instant, ntp: NtpTime, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let Some((at, timestamp)) = self.latest else { return Ok(()) };
        let rate = if self.kind == Kind::Audio { 48_000 } else { 90_000 };
        let since = now.saturating_duration_since(at).as_micros() * rate / 1_000_000;
        let rtp = timestamp.wrapping_add(since as u32);
        let info = SenderInfo { ntp, rtp, packets: self.packets, bytes: self.bytes };
        writer.sender_report(self.ssrc, &info, &[])
    }
}
