//! The scalability structure of a VP9 stream (RFC 9628 section 4.2.1): how many spatial layers, and their sizes.

use crate::fields::{u8_at, u16_at};

/// A spatial layer has three bits.
pub const MAX_SPATIAL: usize = 8;

/// The layers of a stream. What it says about groups of pictures is skipped: each packet tells its own layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// How many spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// How many pictures there are in a group, 0 where it does not say.
    pub group: u8,
    /// Width and height by spatial layer; all zero where it does not say.
    sizes: [(u16, u16); MAX_SPATIAL],
}

impl Structure {
    /// The structure at the start of `data`, and its length.
    pub(super) fn read(data: &[u8]) -> Option<(Self, usize)> {
        let head = u8_at(data, 0)?;
        let spatial_layers = (head >> 5) + 1;
        let mut structure = Self { spatial_layers, group: 0, sizes: [(0, 0); MAX_SPATIAL] };
        let mut at = 1;
        // Y: sizes.
        if head & 0x10 != 0 {
            for size in structure.sizes.iter_mut().take(usize::from(spatial_layers)) {
                *size = (u16_at(data, at)?, u16_at(data, at + 2)?);
                at += 4;
            }
        }
        // G: the pictures of a group, each with its layer and the distances to those that it refers to.
        if head & 0x08 != 0 {
            structure.group = u8_at(data, at)?;
            at += 1;
            for _ in 0..structure.group {
                let references = u8_at(data, at)? >> 2 & 0x03;
                at += 1 + usize::from(references);
            }
        }
        data.get(..at)?;
        Some((structure, at))
    }

    /// Width and height of a spatial layer in pixels; `None` where there is no such layer or nothing is said of it.
    #[must_use]
    pub fn size(&self, spatial: u8) -> Option<(u16, u16)> {
        let size = self.sizes.get(usize::from(spatial)).copied()?;
        (size != (0, 0)).then_some(size)
    }
}
