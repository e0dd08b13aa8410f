//! Agrees on codec, feedback and extensions of one m-line.

use crate::codec::{Codec, Kind};
use crate::error::Rejection;
use crate::extension::{Extension, ExtensionIds};
use crate::feedback::Feedback;
use crate::fmtp::Fmtp;
use crate::limits::MAX_EXTENSION_MID_BYTES;
use crate::negotiate::Capabilities;
use crate::offer::{Direction, MediaSection, PayloadType};
use crate::session::{Line, Red, RejectedLine, Section};

/// An m-line with the payload type that will be used.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    section: &'a MediaSection,
    payload: &'a PayloadType,
    kind: Kind,
    codec: Codec,
}

/// RFC 8829, section 5.1.2: all of these mean RTP over DTLS-SRTP where there is a fingerprint.
const PROTOCOLS: [&str; 6] = [
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
];

/// Chooses the first payload type, in the offerer's order, whose codec is wanted; VP8 before all others, because every
/// browser decodes it: whoever wants to send another one does not offer it.
pub(super) fn choose(
    section: &MediaSection,
    bundled: bool,
    wanted: impl Fn(Codec, &Fmtp) -> bool,
) -> Result<Choice<'_>, Rejection> {
    let kind = section.kind.ok_or(Rejection::Kind)?;
    if section.port == 0 && !(section.bundle_only && bundled) {
        return Err(Rejection::Disabled);
    }
    if !PROTOCOLS.contains(&section.protocol.as_str()) {
        return Err(Rejection::Protocol);
    }
    // RFC 5761, section 5.1.1: not offered must not be answered, and there is only one port.
    if !section.rtcp_mux {
        return Err(Rejection::NoRtcpMux);
    }
    let usable = |payload: &PayloadType| {
        payload.codec().filter(|codec| codec.kind() == kind && wanted(*codec, &payload.fmtp))
    };
    let mut usable = section.payloads.iter().filter_map(|payload| Some((payload, usable(payload)?)));
    let first = usable.next().ok_or(Rejection::NoSharedCodec)?;
    let vp8 = std::iter::once(first).chain(usable).find(|(_, codec)| *codec == Codec::Vp8);
    let (payload, codec) = vp8.unwrap_or(first);
    Ok(Choice { section, payload, kind, codec })
}

impl Choice<'_> {
    /// What is agreed on, `peer` telling which directions of an extension serve it.
    pub(super) fn agree(&self, peer: fn(Direction) -> bool, capabilities: &Capabilities) -> Line {
        let mut extensions = extension_ids(self.section, peer);
        let offered = self.payload.feedback.and(capabilities.feedback(self.kind));
        // Feedback is about the numbers in the extension: one is nothing without the other.
        let transport_cc = offered.transport_cc && extensions.transport_cc.is_some();
        if !transport_cc {
            extensions.set(Extension::TransportCc, None);
        }
        let feedback = Feedback { transport_cc, remb: offered.remb && !transport_cc, ..offered };
        let (red_payload_type, red) = capabilities.red.then(|| self.red()).flatten().unzip();
        Line {
            index: self.section.index,
            mid: self.section.mid.clone(),
            kind: self.kind,
            codec: self.codec,
            payload_type: self.payload.number,
            rtx_payload_type: (capabilities.rtx && feedback.nack).then(|| self.rtx()).flatten(),
            red_payload_type,
            fmtp: kept_parameters(self.codec, &self.payload.fmtp),
            feedback,
            extensions,
            two_byte_extensions: self.section.extmap_allow_mixed,
            rtcp_rsize: self.section.rtcp_rsize,
            protocol: self.section.protocol.clone(),
            red,
        }
    }

    /// Of sound only: RED of video is there for ULPFEC (RFC 5109), which the server does not do.
    fn red(&self) -> Option<(u8, Red)> {
        let (chosen, clock_rate) = (self.payload.number, self.codec.clock_rate());
        let is_red = |payload: &PayloadType| {
            payload.repeats() == Some(chosen)
                && payload.map.as_ref().is_some_and(|map| {
                    map.clock_rate == clock_rate && map.channels == self.codec.channels().unwrap_or(1)
                })
        };
        if self.kind != Kind::Audio {
            return None;
        }
        let mut payloads = self.section.payloads.iter();
        let red = payloads.find(|payload| is_red(payload))?;
        // The rest of the list comes after it.
        let preferred = payloads.any(|payload| payload.number == chosen);
        Some((red.number, Red { fmtp: red.fmtp.clone(), preferred }))
    }

    fn rtx(&self) -> Option<u8> {
        let is_rtx = |payload: &&PayloadType| {
            payload.retransmits() == Some(self.payload.number)
                && payload.map.as_ref().is_some_and(|map| map.clock_rate == self.codec.clock_rate())
        };
        self.section.payloads.iter().find(is_rtx).map(|payload| payload.number)
    }
}

/// The parameters that go back as they were offered. All others are about the offerer as a decoder, or unknown.
fn kept_parameters(codec: Codec, offered: &Fmtp) -> Fmtp {
    const OPUS: [&str; 6] =
        ["minptime", "useinbandfec", "stereo", "sprop-stereo", "usedtx", "maxaveragebitrate"];
    let kept: &[&str] = match codec {
        Codec::Opus => &OPUS,
        Codec::Vp8 => &[],
        Codec::Vp9 => &["profile-id"],
        Codec::H264 => &["level-asymmetry-allowed", "packetization-mode", "profile-level-id"],
        Codec::Av1 => &["profile", "level-idx", "tier"],
    };
    offered.only(|name| kept.contains(&name))
}

fn extension_ids(section: &MediaSection, peer: fn(Direction) -> bool) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    // RFC 8285, section 4.2: ids that fit the one-byte header, so that only long elements need two bytes.
    for offered in section.extensions.iter().filter(|offered| (1..=14).contains(&offered.id)) {
        let Some(extension) = Extension::of_uri(&offered.uri) else {
            continue;
        };
        if ids.id(extension).is_none() && offered.direction.is_none_or(peer) {
            ids.set(extension, u8::try_from(offered.id).ok());
        }
    }
    if section.mid.as_ref().is_none_or(|mid| mid.as_str().len() > MAX_EXTENSION_MID_BYTES) {
        ids.set(Extension::Mid, None);
    }
    if !section.extmap_allow_mixed {
        ids.set(Extension::DependencyDescriptor, None);
    }
    ids
}

/// The m-line with port 0, otherwise as offered.
pub(super) fn reject(section: &MediaSection, why: Rejection) -> Section {
    Section::Rejected(RejectedLine {
        index: section.index,
        mid: section.mid.clone(),
        why,
        media: section.media.clone(),
        protocol: section.protocol.clone(),
        formats: section.formats.clone(),
    })
}
