//! The VP9 payload descriptor (RFC 9628 section 4.2): frame starts, key frames, layers and where to change between them.

mod structure;

pub use crate::vp8::PictureId;
pub use structure::{MAX_SPATIAL, Structure};

use crate::fields::{put, u8_at, u16_at};
use crate::packet::Malformed;

/// I: a picture id follows.
const PICTURE_ID: u8 = 0x80;
/// P: the frame is predicted from others.
const PREDICTED: u8 = 0x40;
/// L: layer indices follow.
const LAYERS: u8 = 0x20;
/// F: flexible mode, without TL0PICIDX.
const FLEXIBLE: u8 = 0x10;
/// B: the packet begins a frame of its spatial layer.
const BEGINS: u8 = 0x08;
/// E: the packet ends a frame of its spatial layer.
const ENDS: u8 = 0x04;
/// V: a scalability structure follows.
const STRUCTURE: u8 = 0x02;
/// Z: upper spatial layers do not need the frame.
const NOT_FOR_UPPER: u8 = 0x01;

/// A frame refers to at most three pictures, of which each but the last says that one more follows.
const MAX_REFERENCES: usize = 3;

/// What a VP9 packet says about itself. A picture has one frame for each of its spatial layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The picture's number, modulo 2^7 or 2^15.
    pub picture_id: Option<PictureId>,
    /// P: the frame is predicted from earlier pictures. Where an upper layer's frame is not, that layer can be joined.
    pub predicted: bool,
    /// B: the packet is the first of its frame.
    pub begins_frame: bool,
    /// E: the packet is the last of its frame.
    pub ends_frame: bool,
    /// F: the frames that this one refers to are listed, and there is no TL0PICIDX.
    pub flexible: bool,
    /// Z: frames of upper spatial layers, of this picture and later ones, do not refer to this frame.
    pub not_for_upper: bool,
    /// The layers of the frame; where there is only one, they may stay away.
    pub layers: Option<LayerIndices>,
    /// TL0PICIDX: counts the pictures of the lowest temporal layer, modulo 256.
    pub base_layer_index: Option<u8>,
    /// The scalability structure, with key frames mostly.
    pub structure: Option<Structure>,
    /// Length of the descriptor in bytes; the VP9 data follow it.
    pub len: usize,
}

/// Which layers a frame is of, and what it needs of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerIndices {
    /// TID: 0 to 7, 0 the base.
    pub temporal: u8,
    /// U: later pictures of higher temporal layers refer to no picture of these layers that is older than this one.
    pub up_switch: bool,
    /// SID: 0 to 7, 0 the base.
    pub spatial: u8,
    /// D: the frame refers to the one below in the same picture.
    pub needs_lower: bool,
}

impl Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`Malformed`].
    #[inline]
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut descriptor =
            Self::read(payload).ok_or(Malformed::TooShort("the end of the VP9 descriptor"))?;
        if descriptor.predicted && descriptor.flexible {
            descriptor.skip_references(payload)?;
        }
        if u8_at(payload, 0).is_some_and(|first| first & STRUCTURE != 0) {
            let structure = payload.get(descriptor.len..).and_then(Structure::read);
            let (structure, len) = structure.ok_or(Malformed::TooShort("the end of the VP9 structure"))?;
            descriptor.structure = Some(structure);
            descriptor.len += len;
        }
        Ok(descriptor)
    }

    /// What has a fixed place.
    #[inline]
    fn read(payload: &[u8]) -> Option<Self> {
        let first = u8_at(payload, 0)?;
        let mut descriptor = Self {
            picture_id: None,
            predicted: first & PREDICTED != 0,
            begins_frame: first & BEGINS != 0,
            ends_frame: first & ENDS != 0,
            flexible: first & FLEXIBLE != 0,
            not_for_upper: first & NOT_FOR_UPPER != 0,
            layers: None,
            base_layer_index: None,
            structure: None,
            len: 1,
        };
        if first & PICTURE_ID != 0 {
            let short = u8_at(payload, 1)?;
            let long = short & 0x80 != 0;
            let value = if long { u16_at(payload, 1)? & 0x7fff } else { u16::from(short) };
            descriptor.picture_id = Some(PictureId { value, long });
            descriptor.len += if long { 2 } else { 1 };
        }
        if first & LAYERS != 0 {
            let indices = u8_at(payload, descriptor.len)?;
            descriptor.layers = Some(LayerIndices {
                temporal: indices >> 5,
                up_switch: indices & 0x10 != 0,
                spatial: indices >> 1 & 0x07,
                needs_lower: indices & 0x01 != 0,
            });
            descriptor.len += 1;
            if !descriptor.flexible {
                descriptor.base_layer_index = Some(u8_at(payload, descriptor.len)?);
                descriptor.len += 1;
            }
        }
        Some(descriptor)
    }

    fn skip_references(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        for _ in 0..MAX_REFERENCES {
            let reference = u8_at(payload, self.len).ok_or(Malformed::TooShort("the VP9 references"))?;
            self.len += 1;
            if reference & 0x01 == 0 {
                return Ok(());
            }
        }
        Err(Malformed::Invalid("number of VP9 references"))
    }

    /// The spatial layer, 0 where there is only one.
    #[inline]
    #[must_use]
    pub fn spatial(&self) -> u8 {
        self.layers.map_or(0, |layers| layers.spatial)
    }

    /// The temporal layer, 0 where there is only one.
    #[inline]
    #[must_use]
    pub fn temporal(&self) -> u8 {
        self.layers.map_or(0, |layers| layers.temporal)
    }

    /// Whether the packet is of a key frame: the base layer's, which no other frame predicts.
    #[inline]
    #[must_use]
    pub fn is_key_frame(&self) -> bool {
        !self.predicted && self.spatial() == 0
    }

    /// Whether who gets this picture may get all higher temporal layers from here on (RFC 9628 section 4.2, U).
    #[inline]
    #[must_use]
    pub fn is_temporal_up_switch(&self) -> bool {
        self.is_key_frame() || self.layers.is_some_and(|layers| layers.up_switch)
    }

    /// Adds to the picture id and to TL0PICIDX in place, modulo what they have of bits; see
    /// [`crate::vp8::Descriptor::shift`].
    #[inline]
    pub fn shift(&self, payload: &mut [u8], pictures: u16, base_layers: u8) {
        let mut at = 1;
        if let Some(id) = self.picture_id.map(|id| id.later(pictures)) {
            at += id.put(payload, at);
        }
        if let Some(index) = self.base_layer_index {
            // Behind the layer indices.
            put(payload, at + 1, &[index.wrapping_add(base_layers)]);
        }
    }
}

/// Whether a VP9 payload is the first of a key frame: the base layer's, which no other frame predicts.
#[inline]
#[must_use]
pub fn is_key_frame_start(payload: &[u8]) -> bool {
    let Some(descriptor) = Descriptor::read(payload) else { return false };
    // A descriptor without a frame behind it begins nothing.
    descriptor.begins_frame && descriptor.is_key_frame() && payload.len() > descriptor.len
}

#[cfg(test)]
mod tests;
