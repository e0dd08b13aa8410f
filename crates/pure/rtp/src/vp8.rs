//! The VP8 payload descriptor (RFC 7741 section 4.2): frame starts, key frames, layers.

use crate::fields::{put, u8_at, u16_at};
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

impl PictureId {
    /// The number so many frames later, in as many bits.
    #[inline]
    #[must_use]
    pub fn later(self, pictures: u16) -> Self {
        let mask = if self.long { 0x7fff } else { 0x7f };
        Self { value: self.value.wrapping_add(pictures) & mask, ..self }
    }

    /// Writes it at `at`, as wide as it is; that width in bytes.
    #[inline]
    pub(crate) fn put(self, payload: &mut [u8], at: usize) -> usize {
        if self.long {
            put(payload, at, &(0x8000 | self.value).to_be_bytes());
            return 2;
        }
        put(payload, at, &[(self.value & 0x7f) as u8]);
        1
    }
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

    /// Adds to the picture id and to TL0PICIDX in place, modulo what they have of bits, for a subscriber to whom layers
    /// that count differently are one stream. `payload` is the one that this was read from, or a copy of it; a field that
    /// it does not have stays away. Going back is adding the complement: `0u16.wrapping_sub(n)`.
    #[inline]
    pub fn shift(&self, payload: &mut [u8], pictures: u16, base_layers: u8) {
        // Behind the first byte and the one that says what is present.
        let mut at = 2;
        if let Some(id) = self.picture_id.map(|id| id.later(pictures)) {
            at += id.put(payload, at);
        }
        if let Some(index) = self.base_layer_index {
            put(payload, at, &[index.wrapping_add(base_layers)]);
        }
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

    #[test]
    fn numbers_are_shifted_in_their_own_width() {
        let shifted = |payload: &[u8], pictures, base_layers| {
            let mut payload = payload.to_vec();
            Descriptor::parse(&payload).unwrap().shift(&mut payload, pictures, base_layers);
            payload
        };
        let long = [0x90, 0xf0, 0xff, 0xfe, 255, 0x23, 1];
        assert_eq!(shifted(&long, 3, 2), [0x90, 0xf0, 0x80, 1, 1, 0x23, 1]);
        assert_eq!(shifted(&long, 0u16.wrapping_sub(0x7fff), 1), [0x90, 0xf0, 0xff, 0xff, 0, 0x23, 1]);
        assert_eq!(shifted(&[0x90, 0xc0, 0x7f, 9, 1], 0x8001, 0), [0x90, 0xc0, 0, 9, 1]);
        assert_eq!(shifted(&[0x90, 0x40, 9, 1], 5, 1), [0x90, 0x40, 10, 1], "TL0PICIDX alone");
        assert_eq!(shifted(&[0x90, 0x20, 0x40, 1], 5, 1), [0x90, 0x20, 0x40, 1], "neither");
        assert_eq!(shifted(&[0x10, 1, 2, 3], 5, 1), [0x10, 1, 2, 3], "no extensions at all");
    }

    proptest! {
        #[test]
        fn a_shift_changes_what_it_names_and_nothing_else(
            mut payload in prop::collection::vec(any::<u8>(), 0..20),
            (pictures, base_layers) in any::<(u16, u8)>(),
        ) {
            let Ok(before) = Descriptor::parse(&payload) else { return Ok(()) };
            let source = payload.clone();
            before.shift(&mut payload, pictures, base_layers);
            let after = Descriptor::parse(&payload).unwrap();
            let modulo = |long| if long { 1 << 15 } else { 1 << 7 };
            let wanted = Descriptor {
                picture_id: before.picture_id.map(|PictureId { value, long }| PictureId {
                    value: ((u32::from(value) + u32::from(pictures)) % modulo(long)) as u16,
                    long,
                }),
                base_layer_index: before.base_layer_index.map(|index| index.wrapping_add(base_layers)),
                ..before
            };
            prop_assert_eq!(after, wanted);
            after.shift(&mut payload, 0u16.wrapping_sub(pictures), 0u8.wrapping_sub(base_layers));
            prop_assert_eq!(&payload, &source);
            // One that was cut off since it was read.
            before.shift(&mut payload[..source.len() / 2], pictures, base_layers);
        }

        #[test]
        fn nothing_panics(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(descriptor) = Descriptor::parse(&payload) {
                prop_assert!(descriptor.len <= payload.len());
            }
            let _ = key_frame_size(&payload);
        }
    }
}
