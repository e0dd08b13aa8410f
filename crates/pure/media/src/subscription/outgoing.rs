//! One track on its way to one subscriber: the header that it gets there.

pub(crate) mod again;

use super::header::{Content, OutgoingHeader, Shape, Stamps};
use super::meter::Meter;
use super::repair::{Loss, RepairBudget};
use super::segments::{Place, Shift};
use super::selection::Selection;
use crate::batch::Outbox;
use crate::stream::cache::{Entry, PacketCache};
use crate::transport::ice::Path;
use again::Rtx;
use rtp::extension::AbsSendTime;
use rtp::srtp::Sender;
use rtp::{Fields, RtpPacket, Written, vp8, vp9};
use sdp::Codec;
use std::ops::Range;
use std::time::Duration;

/// Where packets of a subscriber go, how they are encrypted, and what is stamped on them where agreed.
pub(crate) struct Departure<'a> {
    pub(crate) path: Path,
    pub(crate) sender: &'a Sender,
    pub(crate) time: AbsSendTime,
    /// The subscriber's transport-wide sequence numbers.
    pub(crate) meter: Meter<'a>,
}

/// What a track needs besides the negotiated line.
pub(crate) struct Origin<'a> {
    /// The tracks of the stream that it may come from, the lowest layer first.
    pub(crate) layers: Range<usize>,
    /// The publisher's ids of header extensions.
    pub(crate) extensions: &'a sdp::ExtensionIds,
    /// Unpredictable starting points for the numbers.
    pub(crate) random: [u64; 2],
    /// What may be sent again, in percent of what is sent.
    pub(crate) retransmissions: u8,
}

/// One track of a subscription.
#[derive(Debug)]
pub(crate) struct OutgoingTrack {
    pub(crate) ssrc: u32,
    payload_type: u8,
    /// For sound with earlier sound (RED).
    red_payload_type: Option<u8>,
    rtx: Option<Rtx>,
    /// Whether lost packets are sent again.
    repairs: bool,
    video: bool,
    codec: Codec,
    header: OutgoingHeader,
    pub(crate) selection: Selection,
    budget: RepairBudget,
    pub(crate) loss: Loss,
    /// As sender reports count: modulo 2^32, payload only.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// How many packets the last report said.
    pub(crate) reported_packets: Option<u32>,
    /// Sequence number of the latest FIR that was obeyed.
    pub(crate) last_fir: Option<u8>,
    /// The highest number of lost packets that the subscriber reported.
    reported_lost: i32,
    clock_rate: u32,
}

impl OutgoingTrack {
    pub(crate) fn new(track: &sdp::SendTrack, origin: &Origin<'_>) -> Self {
        let line = &track.line;
        let mut ids = line.extensions;
        let rtx = line.rtx_payload_type.zip(track.offered.rtx_ssrc);
        let [first, rtx_first] = origin.random;
        if line.feedback.nack && rtx.is_none() {
            // A lost packet is sent again under the same SRTP index, so it must be the same to the last bit: no
            // stamps that change (RFC 3711 section 9.1; with GCM a second tag would give away the key of the hash).
            ids.abs_send_time = None;
            ids.transport_cc = None;
        }
        let mid = line.mid.as_ref().map(|mid| mid.as_str().as_bytes()).unwrap_or_default();
        let (video, clock_rate) = (line.kind == sdp::Kind::Video, line.codec.clock_rate());
        Self {
            reported_lost: 0,
            clock_rate,
            ssrc: track.offered.ssrc,
            payload_type: line.payload_type,
            red_payload_type: line.red_payload_type,
            rtx: rtx.map(|(payload_type, ssrc)| Rtx { ssrc, payload_type, next_index: rtx_first & 0x7fff }),
            repairs: line.feedback.nack,
            video,
            codec: line.codec,
            header: OutgoingHeader::new(mid, ids, origin.extensions, line.two_byte_extensions),
            selection: Selection::new(origin.layers.clone(), video, clock_rate, first),
            budget: RepairBudget::new(origin.retransmissions),
            loss: Loss::default(),
            packets: 0,
            octets: 0,
            reported_packets: None,
            last_fir: None,
        }
    }

    /// The subscriber reports so many losses in all: answers how many are new.
    pub(crate) fn note_losses(&mut self, total: i32) -> u64 {
        let more = total.saturating_sub(self.reported_lost);
        self.reported_lost = self.reported_lost.max(total);
        u64::try_from(more).unwrap_or(0)
    }

    /// What the subscriber says it has lost.
    pub(crate) fn reported_lost(&self) -> u64 {
        u64::try_from(self.reported_lost).unwrap_or(0)
    }

    /// So many units of its timestamps.
    pub(crate) fn duration_of(&self, ticks: u32) -> Duration {
        Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(self.clock_rate.max(1)))
    }

    /// Whether it is video.
    pub(crate) fn is_video(&self) -> bool {
        self.video
    }

    /// Whether its packets carry transport-wide numbers.
    pub(crate) fn counts(&self) -> bool {
        self.header.counts()
    }

    /// Whether it can be padded with packets that mean nothing to whoever gets them.
    pub(crate) fn can_pad(&self) -> bool {
        self.rtx.is_some() && self.header.counts()
    }

    /// The bytes of a packet on the wire, about: the header that it gets, its seal, and what is around datagrams.
    #[inline]
    pub(crate) fn size_of(&self, entry: &Entry) -> u32 {
        (entry.payload_len() + usize::from(entry.padding) + AROUND_PAYLOAD) as u32
    }

    /// Sends a packet at its place.
    #[inline]
    pub(crate) fn send(
        &mut self,
        cache: &PacketCache,
        entry: &Entry,
        place: &Place,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) {
        let Some(packet) = cache.packet(entry) else { return };
        let Some((payload_type, payload)) = self.form(entry, &packet) else { return };
        let fields = self.fields(entry, place, self.ssrc, payload_type, place.index);
        let shape = Shape::Padded(entry.padding);
        let content = Content { packet: &packet, payload, shape, shift: place.shift };
        let sent = self.write(&content, &fields, place.index, departure, out);
        if sent > 0 {
            let payload = payload.len();
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload as u32);
            self.budget.earn(sent);
            out.count(|stats| stats.media_out += 1);
        }
    }

    #[inline]
    fn fields(&self, entry: &Entry, place: &Place, ssrc: u32, payload_type: u8, index: u64) -> Fields {
        Fields {
            marker: entry.header.marker || (entry.frame.ends && entry.frame.spatial == place.shift.top),
            payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: entry.header.timestamp.wrapping_add(place.shift.timestamp),
            ssrc,
        }
    }

    /// The payload type and the payload of a packet: earlier sound goes along to those who agreed to it.
    #[inline]
    fn form<'a>(&self, entry: &Entry, packet: &RtpPacket<'a>) -> Option<(u8, &'a [u8])> {
        match self.red_payload_type.filter(|_| entry.frame.redundant) {
            Some(red) => Some((red, packet.payload())),
            None => Some((self.payload_type, entry.frame.sound(packet.payload())?)),
        }
    }

    /// Writes and encrypts one packet. Returns its length, 0 where it does not fit into a datagram.
    #[inline]
    fn write(
        &self,
        content: &Content<'_>,
        fields: &Fields,
        index: u64,
        departure: &mut Departure<'_>,
        out: &mut Outbox<'_>,
    ) -> usize {
        let stamps = Stamps { time: departure.time, sequence: departure.meter.next() };
        let (sender, shift) = (departure.sender, content.shift);
        let sent = out.write(departure.path, |buffer| {
            let written = self.header.write(content, fields, stamps, buffer)?;
            if (shift.pictures, shift.base_layers) != (0, 0) {
                self.shift_pictures(content.shape, written, shift, buffer);
            }
            let rollover = u32::try_from(index >> 16).ok()?;
            sender.seal_rtp(buffer, written, rollover).ok()
        });
        if sent > 0 && self.header.counts() {
            departure.meter.sent(departure.path, sent);
        }
        sent
    }

    /// Adds to the picture ids of a packet that was written.
    fn shift_pictures(&self, shape: Shape, written: Written, shift: Shift, buffer: &mut [u8]) {
        let start = written.header_len + shape.original_len();
        let Some(payload) = buffer.get_mut(start..written.len) else { return };
        match self.codec {
            Codec::Vp8 => {
                if let Ok(descriptor) = vp8::Descriptor::parse(payload) {
                    descriptor.shift(payload, shift.pictures, shift.base_layers);
                }
            }
            Codec::Vp9 => {
                if let Ok(descriptor) = vp9::Descriptor::parse(payload) {
                    descriptor.shift(payload, shift.pictures, shift.base_layers);
                }
            }
            Codec::Opus | Codec::H264 | Codec::Av1 => {}
        }
    }
}

/// RTP header with its extensions (32), the seal (16), UDP and IPv4 (28).
pub(crate) const AROUND_PAYLOAD: usize = 76;

#[cfg(test)]
mod tests;
