//! What a subscriber has lost is sent again; and padding, which goes over the retransmission stream as well.

use super::{AROUND_PAYLOAD, Content, Departure, OutgoingTrack};
use crate::batch::Outbox;
use crate::subscription::header::{Shape, Stamps};
use crate::subscription::selection::Scene;
use rtp::Fields;
use std::time::Duration;

/// The retransmission stream of a track (RFC 4588).
#[derive(Debug)]
pub(super) struct Rtx {
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    /// The 48-bit index of its next packet.
    pub(super) next_index: u64,
}

/// Whether a packet is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// So many times, each of so many bytes on the wire, about.
    Yes { bytes: u32, copies: u8 },
    /// Nobody lost it, or too much is asked for.
    No,
    /// It is not in the cache.
    NotHere { source: usize, number: u64 },
}

impl OutgoingTrack {
    /// Whether what was sent with this sequence number is sent again. If so, it counts as sent, of the budget. `doubly`: it
    /// may be lost as well.
    pub(crate) fn grant(
        &mut self,
        scene: &Scene<'_>,
        sequence: u16,
        round_trip: Option<Duration>,
        doubly: bool,
    ) -> Grant {
        let place = self.selection.segments.find(sequence).filter(|_| self.repairs);
        let Some((place, track)) = place.and_then(|place| Some((place, scene.tracks.get(place.source)?)))
        else {
            return Grant::No;
        };
        let Some(entry) = track.cache.find(place.number) else {
            return Grant::NotHere { source: place.source, number: place.number };
        };
        let bytes = self.size_of(&entry);
        let granted = track.cache.was_forwarded(&entry)
            && self.budget.spend(scene.now, place.index, bytes as usize, round_trip);
        if !granted {
            return Grant::No;
        }
        let copies = if doubly && self.budget.spend_again(bytes as usize) { 2 } else { 1 };
        Grant::Yes { bytes, copies }
    }

    /// Sends again what was sent with this sequence number, which was granted.
    pub(crate) fn repair(
        &mut self,
        scene: &Scene<'_>,
        sequence: u16,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        let Some(place) = self.selection.segments.find(sequence) else { return };
        let cache = scene.tracks.get(place.source).map(|track| &track.cache);
        let found = cache.and_then(|cache| {
            let entry = cache.find(place.number)?;
            Some((entry, cache.packet(&entry)?))
        });
        let Some((entry, packet)) = found else { return };
        let Some((payload_type, payload)) = self.form(&entry, &packet) else { return };
        let content = |shape| Content { packet: &packet, payload, shape, shift: place.shift };
        let sent = match &mut self.rtx {
            Some(rtx) => {
                let (index, ssrc, payload_type) = (rtx.next_index, rtx.ssrc, rtx.payload_type);
                rtx.next_index += 1;
                let fields = self.fields(&entry, &place, ssrc, payload_type, index);
                self.write(&content(Shape::Repair(sequence)), &fields, index, departure, out)
            }
            None => {
                let fields = self.fields(&entry, &place, self.ssrc, payload_type, place.index);
                self.write(&content(Shape::Padded(entry.padding)), &fields, place.index, departure, out)
            }
        };
        out.count(|stats| stats.retransmissions += u64::from(sent > 0));
    }

    /// Sends padding in one packet of the retransmission stream: so many bytes on the wire, about, or as many as one
    /// packet of padding can have. A receiver counts it and drops it (RFC 4588 section 4: a packet without an original
    /// number is none). Returns the bytes on the wire.
    pub(crate) fn pad(&mut self, bytes: u32, departure: &mut Departure<'_>, out: &mut Outbox<'_>) -> u32 {
        let Some(rtx) = &mut self.rtx else { return 0 };
        let index = rtx.next_index;
        rtx.next_index += 1;
        let fields = Fields {
            marker: false,
            payload_type: rtx.payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: 0,
            ssrc: rtx.ssrc,
        };
        let padding = bytes.saturating_sub(AROUND_PAYLOAD as u32).clamp(1, u32::from(u8::MAX)) as u8;
        let (header, sender) = (&self.header, departure.sender);
        let stamps = Stamps { time: departure.time, sequence: departure.meter.next() };
        let sent = out.write(departure.path, |buffer| {
            let written = header.write_padding(&fields, padding, stamps, buffer)?;
            sender.seal_rtp(buffer, written, u32::try_from(index >> 16).ok()?).ok()
        });
        if sent > 0 { departure.meter.sent(departure.path, sent) } else { 0 }
    }
}
