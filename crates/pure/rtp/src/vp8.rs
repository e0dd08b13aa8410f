//! The VP8 payload descriptor (RFC 7741 section 4.2): frame starts, key frames, layers.

use crate::fields::{u8_at, u16_at};
use crate::packet::Malformed;

/// What a VP8 packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// N: no other frame refers to this one, so it can be dropped.
    pub discardable: bool,
    /// S: the packet begins a partition of the frame.
    pub partition_start: bool,
    /// PID: which partition.
    pub partition: u8,
    /// The frame's number, modulo 2^7 or 2^15.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts the frames of the base layer, modulo 256.
    pub base_layer_index: Option<u8>,
    /// TID: the temporal layer, 0 the base.
    pub temporal_layer: Option<u8>,
    /// Y: the frame depends on the base layer only; a place to step up.
    pub layer_sync: bool,
    /// KEYIDX: which key frame it depends on, modulo 32.
    pub key_index: Option<u8>,
    /// Length of the descriptor in bytes; the VP8 data follow it.
    pub len: usize,
    key_frame: bool,
}

/// A frame's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// 7 or 15 bits.
    pub value: u16,
    /// Whether it has 15 bits.
    pub long: bool,
}

impl Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`Malformed::TooShort`].
    #[inline]
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        Self::read(payload).ok_or(Malformed::TooShort("the end of the VP8 descriptor"))
    }

    #[inline]
    fn read(payload: &[u8]) -> Option<Self> {
        let first = u8_at(payload, 0)?;
        let mut descriptor = Self {
            discardable: first & 0x20 != 0,
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id: None,
            base_layer_index: None,
            temporal_layer: None,
            layer_sync: false,
            key_index: None,
            len: 1,
            key_frame: false,
        };
        if first & 0x80 != 0 {
            descriptor.read_extensions(payload)?;
        }
        // P, the lowest bit of the frame header, is 0 in a key frame (RFC 7741 section 4.3).
        let begins = descriptor.partition_start && descriptor.partition == 0;
        descriptor.key_frame = begins && u8_at(payload, descriptor.len)? & 1 == 0;
        Some(descriptor)
    }

    #[inline]
    fn read_extensions(&mut self, payload: &[u8]) -> Option<()> {
        let present = u8_at(payload, 1)?;
        let mut at = 2;
        if present & 0x80 != 0 {
            let short = u8_at(payload, at)?;
            let long = short & 0x80 != 0;
            let value = if long { u16_at(payload, at)? & 0x7fff } else { u16::from(short) };
            self.picture_id = Some(PictureId { value, long });
            at += if long { 2 } else { 1 };
        }
        if present & 0x40 != 0 {
            self.base_layer_index = Some(u8_at(payload, at)?);
            at += 1;
        }
        if present & 0x30 != 0 {
            let layers = u8_at(payload, at)?;
            if present & 0x20 != 0 {
                self.temporal_layer = Some(layers >> 6);
                self.layer_sync = layers & 0x20 != 0;
            }
            if present & 0x10 != 0 {
                self.key_index = Some(layers & 0x1f);
            }
            at += 1;
        }
        self.len = at;
        Some(())
    }

    /// Whether the packet is the first of a frame.
    #[inline]
    #[must_use]
    pub fn is_frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }

    /// Whether the packet is the first of a key frame.
    #[inline]
    #[must_use]
    pub fn is_key_frame_start(&self) -> bool {
        self.key_frame
    }
}

/// Whether a VP8 payload is the first of a key frame; a malformed one is not.
#[inline]
#[must_use]
pub fn is_key_frame_start(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.is_key_frame_start())
}

/// Width and height in pixels, from the first packet of a key frame (RFC 6386 section 9.1).
#[must_use]
pub fn key_frame_size(payload: &[u8]) -> Option<(u16, u16)> {
    let descriptor = Descriptor::parse(payload).ok().filter(Descriptor::is_key_frame_start)?;
    let frame = payload.get(descriptor.len..)?;
    if frame.get(3..6)? != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // Little-endian, the two highest bits are the scale.
    let side = |at| u16_at(frame, at).map(|value| value.swap_bytes() & 0x3fff);
    Some((side(6)?, side(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shortest_one() {
        let descriptor = Descriptor::parse(&[0x10, 0x00]).unwrap();
        assert!(descriptor.is_frame_start() && descriptor.is_key_frame_start());
        assert_eq!((descriptor.len, descriptor.picture_id), (1, None));
        assert!(!is_key_frame_start(&[0x10, 0x01]), "P set: not a key frame");
        assert!(!is_key_frame_start(&[0x00, 0x00]), "not the start of a partition");
        assert!(!is_key_frame_start(&[0x11, 0x00]), "not the first partition");
        assert!(!is_key_frame_start(&[0x10]) && !is_key_frame_start(&[]));
    }

    #[test]
    fn all_that_a_browser_sends() {
        let payload =
            [0xb0, 0xf0, 0x92, 0x34, 7, 0b1010_0011, 0x00, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x01];
        let descriptor = Descriptor::parse(&payload).unwrap();
        assert_eq!(descriptor.picture_id, Some(PictureId { value: 0x1234, long: true }));
        assert_eq!(descriptor.base_layer_index, Some(7));
        assert_eq!((descriptor.temporal_layer, descriptor.layer_sync), (Some(2), true));
        assert_eq!(descriptor.key_index, Some(3));
        assert!(descriptor.discardable && descriptor.is_key_frame_start());
        assert_eq!(descriptor.len, 6);
        assert_eq!(key_frame_size(&payload), Some((640, 480)));
    }

    #[test]
    fn a_short_picture_id() {
        let descriptor = Descriptor::parse(&[0x80, 0x80, 0x7f]).unwrap();
        assert_eq!(descriptor.picture_id, Some(PictureId { value: 0x7f, long: false }));
        assert_eq!(descriptor.len, 3);
        assert!(Descriptor::parse(&[0x80, 0x80, 0x80]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(descriptor.len <= payload.len());
            }
            let _ = key_frame_size(&payload);
        }
    }
}
