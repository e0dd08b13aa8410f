//! Numbers that would mean two things on one transport: packets could not be told apart.

use std::collections::HashMap;

use crate::codec::Codec;
use crate::error::SdpError;
use crate::session::{ReceiveTrack, Section};

/// What a payload type stands for (RFC 8843, section 9.1).
#[derive(PartialEq, Eq, Clone, Copy)]
enum Meaning {
    Media(Codec),
    Retransmission(u8),
    Redundancy(u8),
}

/// Looks at the accepted m-lines.
pub(super) fn check(sections: &[Section]) -> Result<(), SdpError> {
    let (mut payload_types, mut extensions, mut ssrcs) = (Known::new(), Known::new(), Known::new());
    for line in sections.iter().filter_map(Section::line) {
        let primary = (line.payload_type, Meaning::Media(line.codec));
        let rtx = line.rtx_payload_type.map(|number| (number, Meaning::Retransmission(line.payload_type)));
        let red = line.red_payload_type.map(|number| (number, Meaning::Redundancy(line.payload_type)));
        for (number, meaning) in [Some(primary), rtx, red].into_iter().flatten() {
            payload_types.add("payload type", number.into(), line.index, meaning)?;
        }
        for (extension, id) in line.extensions.iter() {
            extensions.add("header extension id", id.into(), line.index, extension)?;
        }
    }
    for section in sections {
        if let Section::Receive(track) = section {
            for ssrc in declared(track) {
                ssrcs.add("SSRC", ssrc, track.line.index, track.line.index)?;
            }
        }
    }
    Ok(())
}

fn declared(track: &ReceiveTrack) -> impl Iterator<Item = u32> {
    track.sources.iter().flat_map(|source| [Some(source.ssrc), source.rtx_ssrc]).flatten()
}

/// What each number means, and the m-line that said so first. As many as the limits on reading allow.
struct Known<T>(HashMap<u32, (usize, T)>);

impl<T: Eq + Copy> Known<T> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn add(&mut self, what: &'static str, number: u32, index: usize, meaning: T) -> Result<(), SdpError> {
        let (first, known) = *self.0.entry(number).or_insert((index, meaning));
        if known == meaning {
            return Ok(());
        }
        Err(SdpError::BundleClash { what, number, first, second: index })
    }
}
