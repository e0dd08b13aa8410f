//! What a packet looks like at one subscriber: header, extensions, padding.

use super::segments::Shift;
use rtp::extension::AbsSendTime;
use rtp::rewrite::copy_with;
use rtp::template::HeaderTemplate;
use rtp::write::{pad, write_packet};
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

impl Shape {
    /// Bytes between header and payload.
    pub(super) fn original_len(self) -> usize {
        match self {
            Self::Padded(_) => 0,
            Self::Repair(_) => 2,
        }
    }
}

/// What goes behind a header, and what of the header comes from the publisher.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    /// As it came.
    pub(super) packet: &'a RtpPacket<'a>,
    /// All of its payload, or what of it goes along.
    pub(super) payload: &'a [u8],
    pub(super) shape: Shape,
    pub(super) shift: Shift,
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
    described: Option<Described>,
}

/// How the dependency descriptor goes along, where both sides agreed on it: it is of any length.
#[derive(Debug)]
struct Described {
    /// The publisher's id of it, and the subscriber's.
    from: u8,
    to: u8,
    /// For descriptors that the one-byte form has no room for.
    two_byte: HeaderTemplate<4>,
}

impl OutgoingHeader {
    /// `ids` are the subscriber's, `theirs` the publisher's.
    pub(super) fn new(
        mid: &[u8],
        ids: sdp::ExtensionIds,
        theirs: &sdp::ExtensionIds,
        two_byte: bool,
    ) -> Self {
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
        let both = theirs.dependency_descriptor.zip(ids.dependency_descriptor).filter(|_| two_byte);
        let described = both.map(|(from, to)| {
            let two_byte = HeaderTemplate::two_byte(&elements(mid)).unwrap_or_default();
            Described { from, to, two_byte }
        });
        Self { mid: mid.into(), ids, level, template, described }
    }

    /// Whether packets carry a transport-wide sequence number.
    pub(super) fn counts(&self) -> bool {
        self.ids.transport_cc.is_some()
    }

    /// Writes a packet. `None`: it does not fit.
    #[inline]
    pub(super) fn write(
        &self,
        content: &Content<'_>,
        fields: &Fields,
        stamps: Stamps,
        out: &mut [u8],
    ) -> Option<Written> {
        let Content { packet, payload, shape, .. } = *content;
        let Shape::Padded(padding) = shape else {
            return self.write_slowly(content, fields, stamps, out);
        };
        let level = self.level.and_then(|id| packet.extensions().find(id)).filter(|level| level.len() == 1);
        if self.level.is_some() && level.is_none() {
            // The template has a place for it.
            return self.write_slowly(content, fields, stamps, out);
        }
        let (template, header_len) = match self.description(packet) {
            None => (&self.template, self.template.write(fields, payload, out).ok()?),
            Some((described, value)) => {
                let one_byte = self.template.fits(&value);
                let template = if one_byte { &self.template } else { &described.two_byte };
                (template, template.write_with(fields, &value, payload, out).ok()?)
            }
        };
        template.put(LEVEL, level.unwrap_or_default(), out);
        template.put(TIME, &stamps.time.bytes(), out);
        template.put(SEQUENCE, &stamps.sequence.to_be_bytes(), out);
        pad(Written { header_len, len: header_len + payload.len() }, padding, out).ok()
    }

    /// The dependency descriptor of a packet, as it goes along.
    #[inline]
    fn description<'a>(&self, packet: &RtpPacket<'a>) -> Option<(&Described, ExtensionValue<'a>)> {
        let described = self.described.as_ref()?;
        let value = packet.extensions().find(described.from)?;
        Some((described, ExtensionValue { id: described.to, value }))
    }

    /// Writes a packet of nothing but padding: at least one byte of it.
    pub(super) fn write_padding(
        &self,
        fields: &Fields,
        padding: u8,
        stamps: Stamps,
        out: &mut [u8],
    ) -> Option<Written> {
        let (time, sequence) = (stamps.time.bytes(), stamps.sequence.to_be_bytes());
        let set = [
            ExtensionValue { id: self.ids.mid.unwrap_or(0), value: &self.mid },
            ExtensionValue { id: self.ids.abs_send_time.unwrap_or(0), value: &time },
            ExtensionValue { id: self.ids.transport_cc.unwrap_or(0), value: &sequence },
        ];
        let written = write_packet(fields, &set, &[], out).ok()?;
        pad(written, padding.max(1), out).ok()
    }

    /// Writes any packet, if more slowly than [`write`](Self::write) writes the usual ones.
    fn write_slowly(
        &self,
        content: &Content<'_>,
        fields: &Fields,
        stamps: Stamps,
        out: &mut [u8],
    ) -> Option<Written> {
        let packet = content.packet;
        // One-byte elements only, which everybody reads, unless more was agreed on: a mid of more than 16 bytes is left
        // out, and the SSRC tells.
        let mut passed = ExtensionMap::new(self.described.is_some());
        if let Some(described) = &self.described {
            passed.pass(described.from, described.to);
        }
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
        let packet = &packet.with_payload(content.payload);
        match content.shape {
            Shape::Padded(padding) => {
                let written = copy_with(packet, fields, &passed, &set, None, out).ok()?;
                pad(written, padding, out).ok()
            }
            Shape::Repair(original) => copy_with(packet, fields, &passed, &set, Some(original), out).ok(),
        }
    }
}
