//! What a packet looks like at one subscriber: header, extensions, padding.

use rtp::extension::AbsSendTime;
use rtp::rewrite::copy_with;
use rtp::template::HeaderTemplate;
use rtp::write::pad;
use rtp::{ExtensionMap, ExtensionValue, Fields, RtpPacket, Written};

/// The extensions in the template, in this order.
const LEVEL: usize = 0;
const TIME: usize = 2;
const SEQUENCE: usize = 3;

/// What a packet looks like behind its header.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// As it came, and so many bytes of padding.
    Padded(u8),
    /// With the number under which it was lost in front (RFC 4588).
    Repair(u16),
}

/// What is stamped on a packet where that was agreed on.
#[derive(Clone, Copy)]
pub(super) struct Stamps {
    pub(super) time: AbsSendTime,
    /// The transport-wide sequence number.
    pub(super) sequence: u16,
}

/// The headers of one track.
#[derive(Debug)]
pub(super) struct OutgoingHeader {
    mid: Box<[u8]>,
    ids: sdp::ExtensionIds,
    /// The publisher's id of the audio level, where it goes along.
    level: Option<u8>,
    template: HeaderTemplate<4>,
}

impl OutgoingHeader {
    /// `ids` are the subscriber's, `theirs` the publisher's.
    pub(super) fn new(mid: &[u8], ids: sdp::ExtensionIds, theirs: &sdp::ExtensionIds) -> Self {
        let level = theirs.audio_level.filter(|_| ids.audio_level.is_some());
        let element = |id: Option<u8>, value| ExtensionValue { id: id.unwrap_or(0), value };
        let elements = |mid| {
            let level = level.and(ids.audio_level);
            let (time, sequence) =
                (element(ids.abs_send_time, &[0; 3][..]), element(ids.transport_cc, &[0; 2][..]));
            [element(level, &[0][..]), element(ids.mid, mid), time, sequence]
        };
        // A mid of more than 16 bytes is left out, so that there is always room.
        let template = HeaderTemplate::new(&elements(mid))
            .or_else(|_| HeaderTemplate::new(&elements(&[])))
            .unwrap_or_default();
        Self { mid: mid.into(), ids, level, template }
    }

    /// Whether packets carry a transport-wide sequence number.
    pub(super) fn counts(&self) -> bool {
        self.ids.transport_cc.is_some()
    }

    /// Writes a packet. `None`: it does not fit.
    #[inline]
    pub(super) fn write(
        &self,
        packet: &RtpPacket<'_>,
        fields: &Fields,
        shape: Shape,
        stamps: Stamps,
        out: &mut [u8],
    ) -> Option<Written> {
        let Shape::Padded(padding) = shape else {
            return self.write_slowly(packet, fields, shape, stamps, out);
        };
        let level = self.level.and_then(|id| packet.extensions().find(id)).filter(|level| level.len() == 1);
        if self.level.is_some() && level.is_none() {
            // The template has a place for it.
            return self.write_slowly(packet, fields, shape, stamps, out);
        }
        let payload = packet.payload();
        let header_len = self.template.write(fields, payload, out).ok()?;
        self.template.put(LEVEL, level.unwrap_or_default(), out);
        self.template.put(TIME, &stamps.time.bytes(), out);
        self.template.put(SEQUENCE, &stamps.sequence.to_be_bytes(), out);
        pad(Written { header_len, len: header_len + payload.len() }, padding, out).ok()
    }

    /// The same for any packet.
    fn write_slowly(
        &self,
        packet: &RtpPacket<'_>,
        fields: &Fields,
        shape: Shape,
        stamps: Stamps,
        out: &mut [u8],
    ) -> Option<Written> {
        // One-byte elements only, which everybody reads: a mid of more than 16 bytes is left out, and the SSRC tells.
        let mut passed = ExtensionMap::new(false);
        if let (Some(from), Some(to)) = (self.level, self.ids.audio_level) {
            passed.pass(from, to);
        }
        let (time, sequence) = (stamps.time.bytes(), stamps.sequence.to_be_bytes());
        // An id of 0 puts nothing.
        let set = [
            ExtensionValue { id: self.ids.mid.unwrap_or(0), value: &self.mid },
            ExtensionValue { id: self.ids.abs_send_time.unwrap_or(0), value: &time },
            ExtensionValue { id: self.ids.transport_cc.unwrap_or(0), value: &sequence },
        ];
        match shape {
            Shape::Padded(padding) => {
                let written = copy_with(packet, fields, &passed, &set, None, out).ok()?;
                pad(written, padding, out).ok()
            }
            Shape::Repair(original) => copy_with(packet, fields, &passed, &set, Some(original), out).ok(),
        }
    }
}
