//! The dependency descriptor (RTP Payload Format For AV1, version 1.0.0, appendix A): what a frame needs, who needs it,
//! and which layers it is of, beside the payload, for any codec. libwebrtc sends it with AV1, and with VP8, VP9 and H.264
//! where it was agreed on.
//!
//! ```text
//! Descriptor::parse(extension, structure.as_ref())   the structure of the last key frame
//!   -> (Descriptor, Some(new structure) with key frames)
//! ```
//!
//! Nothing is allocated; what is kept of a stream has a fixed size.

mod bits;
mod structure;
#[cfg(test)]
mod tests;

pub use structure::{MAX_SPATIAL, MAX_TARGETS, MAX_TEMPLATES, MAX_TEMPORAL, Resolution, Structure};

use crate::fields::{u8_at, u16_at};
use crate::packet::Malformed;
use bits::Bits;
use structure::{Indications, Template};

/// How many frames a frame may refer to here; the format has no limit. A frame of AV1 refers to at most 7.
pub const MAX_DEPENDENCIES: usize = 16;

/// The fields that every descriptor has, in bytes.
const MANDATORY: usize = 3;
/// The first packet of a frame.
const FIRST: u8 = 0x80;
/// The last packet of a frame.
const LAST: u8 = 0x40;
/// In the first byte after the mandatory ones: a structure follows.
const STRUCTURE: u8 = 0x80;

/// What a frame is to a decode target, which is a subset of the stream that can be decoded (table A.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indication {
    /// The target does not have the frame.
    NotPresent,
    /// No other frame of the target refers to it.
    Discardable,
    /// Who can decode it can decode all later frames of the target.
    Switch,
    /// The target needs it.
    Required,
}

/// What a packet says about its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet is the first of its frame.
    pub first_in_frame: bool,
    /// The packet is the last of its frame; others of the same time may follow, of higher spatial layers.
    pub last_in_frame: bool,
    /// The number of the frame in the order of decoding, modulo 2^16.
    pub frame_number: u16,
    /// The spatial layer, 0 to 3.
    pub spatial: u8,
    /// The temporal layer, 0 to 7.
    pub temporal: u8,
    /// Which decode targets are sent from now on, a bit each, where the packet says so.
    pub active_targets: Option<u32>,
    /// The size of the frame's spatial layer, where the structure tells sizes.
    pub resolution: Option<Resolution>,
    /// The packet carries a structure, as the first packet of a coded video sequence does.
    pub has_structure: bool,
    targets: u8,
    indications: Indications,
    distances: [u16; MAX_DEPENDENCIES],
    distance_count: u8,
    chains: [u8; MAX_TARGETS],
    chain_count: u8,
}

/// Which of the fields that the template gives are in the descriptor itself.
#[derive(Clone, Copy, Default)]
struct Custom {
    active_targets: bool,
    indications: bool,
    distances: bool,
    chains: bool,
}

const TORN: Malformed = Malformed::TooShort("the end of the dependency descriptor");

impl Descriptor {
    /// Reads the value of the extension, with the structure that came last in the stream, if any did; where this one
    /// has a structure of its own, that counts, and is returned to be kept.
    ///
    /// # Errors
    /// [`Malformed`]; also when there is no structure, or when its template is of another one than `structure`: then
    /// the key frame was lost, or comes late.
    pub fn parse(
        value: &[u8],
        structure: Option<&Structure>,
    ) -> Result<(Self, Option<Structure>), Malformed> {
        let first = u8_at(value, 0).ok_or(TORN)?;
        let frame_number = u16_at(value, 1).ok_or(TORN)?;
        let mut bits = Bits::new(value.get(MANDATORY..).unwrap_or_default());
        let (custom, new) = read_extended(&mut bits, value.len() > MANDATORY)?;
        let of = new.as_ref().or(structure);
        let of = of.ok_or(Malformed::Invalid("dependency descriptor before its structure"))?;
        let template = of.template(first & 0x3f);
        let template = template.ok_or(Malformed::Invalid("template of a dependency descriptor"))?;
        let mut descriptor = Self {
            first_in_frame: first & FIRST != 0,
            last_in_frame: first & LAST != 0,
            frame_number,
            spatial: template.spatial,
            temporal: template.temporal,
            active_targets: new
                .as_ref()
                .map(|new| u32::MAX >> (MAX_TARGETS as u32 - u32::from(new.targets()))),
            resolution: of.resolution(template.spatial),
            has_structure: new.is_some(),
            targets: of.targets(),
            indications: template.indications,
            distances: [0; MAX_DEPENDENCIES],
            distance_count: 0,
            chains: [0; MAX_TARGETS],
            chain_count: of.chains(),
        };
        descriptor.read_definition(&mut bits, custom, template)?;
        Ok((descriptor, new))
    }

    /// What the frame has for itself, or else of its template.
    fn read_definition(
        &mut self,
        bits: &mut Bits<'_>,
        custom: Custom,
        template: &Template,
    ) -> Result<(), Malformed> {
        if custom.active_targets {
            self.active_targets = Some(bits.take(u32::from(self.targets)).ok_or(TORN)?);
        }
        if custom.indications {
            self.indications = Indications::read(bits, self.targets).ok_or(TORN)?;
        }
        if custom.distances {
            self.read_distances(bits)?;
        } else {
            let distances = (1..=16).filter(|distance| template.distances >> (distance - 1) & 1 == 1);
            distances.for_each(|distance| {
                self.refer(distance);
            });
        }
        for (chain, distance) in (0..self.chain_count).zip(&mut self.chains) {
            *distance = if custom.chains { bits.small(8).ok_or(TORN)? } else { template.chain(chain) };
        }
        Ok(())
    }

    fn read_distances(&mut self, bits: &mut Bits<'_>) -> Result<(), Malformed> {
        loop {
            let size = bits.take(2).ok_or(TORN)?;
            if size == 0 {
                return Ok(());
            }
            let distance = bits.take(4 * size).ok_or(TORN)? + 1;
            if !self.refer((distance & 0xffff) as u16) {
                return Err(Malformed::Invalid("number of frames that a frame refers to"));
            }
        }
    }

    /// Adds a frame that this one refers to; false when there is no more room.
    fn refer(&mut self, distance: u16) -> bool {
        let Some(place) = self.distances.get_mut(usize::from(self.distance_count)) else { return false };
        *place = distance;
        self.distance_count += 1;
        true
    }

    /// How many decode targets the stream has, 1 to 32.
    #[inline]
    #[must_use]
    pub fn targets(&self) -> u8 {
        self.targets
    }

    /// What the frame is to a decode target; one that does not exist has no frames.
    #[inline]
    #[must_use]
    pub fn indication(&self, target: u8) -> Indication {
        self.indications.of(target)
    }

    /// The numbers of the frames that this one refers to.
    pub fn dependencies(&self) -> impl Iterator<Item = u16> + '_ {
        let distances = self.distances.iter().take(usize::from(self.distance_count));
        distances.map(|&distance| self.frame_number.wrapping_sub(distance))
    }

    /// The number of the frame before this one in a chain; this one's own where the chain begins with it. `None`: there
    /// is no such chain.
    #[inline]
    #[must_use]
    pub fn previous_in_chain(&self, chain: u8) -> Option<u16> {
        let distance = self.chains.get(..usize::from(self.chain_count))?.get(usize::from(chain))?;
        Some(self.frame_number.wrapping_sub(u16::from(*distance)))
    }

    /// Whether the packet is the first of a key frame: it brings the structure, and its frame refers to none.
    #[inline]
    #[must_use]
    pub fn is_key_frame_start(&self) -> bool {
        self.first_in_frame && self.has_structure && self.distance_count == 0
    }
}

/// The fields that are there when the value has more than the mandatory ones.
fn read_extended(bits: &mut Bits<'_>, present: bool) -> Result<(Custom, Option<Structure>), Malformed> {
    if !present {
        return Ok((Custom::default(), None));
    }
    let mut flag = || bits.flag().ok_or(TORN);
    let has_structure = flag()?;
    let custom =
        Custom { active_targets: flag()?, indications: flag()?, distances: flag()?, chains: flag()? };
    let structure = if has_structure { Some(Structure::read(bits)?) } else { None };
    Ok((custom, structure))
}

/// Whether the value of the extension is that of the first packet of a key frame, by its flags alone: a structure comes
/// with the first packet of a coded video sequence, and nowhere else.
#[inline]
#[must_use]
pub fn is_key_frame_start(value: &[u8]) -> bool {
    let starts = u8_at(value, 0).is_some_and(|first| first & FIRST != 0);
    starts && u8_at(value, MANDATORY).is_some_and(|flags| flags & STRUCTURE != 0)
}
