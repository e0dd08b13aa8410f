//! What a packet says of its frame: where key frames and frames begin, and what layers it is of. Read once, when it
//! comes.
//!
//! Where the publisher sends dependency descriptors (AV1 RTP payload format, appendix A), they say all of it, whatever
//! the codec; and with a payload that is encrypted end to end nothing else could. Of such a payload no more is read
//! than the codec's descriptor, which the packetizer writes behind the encryption.

use rtp::dependency::{self, Structure};
use rtp::{av1, h264, red, vp8, vp9};
use sdp::Codec;

/// Spatial layers that are told apart; what is above counts as the highest.
pub(crate) const SPATIAL_LAYERS: usize = 4;

/// A packet's frame, as far as whoever forwards it must know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The packet begins a key frame, or is of a codec without such.
    pub(crate) key: bool,
    /// The packet begins a picture, of its lowest spatial layer.
    pub(crate) begins: bool,
    /// The packet ends a frame of its spatial layer.
    pub(crate) ends: bool,
    /// The packet carries earlier sound too (RED, RFC 2198).
    pub(crate) redundant: bool,
    /// A place to step up: the frame needs the lowest temporal layer only.
    pub(crate) sync: bool,
    /// The temporal layer, 0 the base.
    pub(crate) temporal: u8,
    /// The spatial layer, 0 the base.
    pub(crate) spatial: u8,
    /// The number of the base layer's frame (TL0PICIDX).
    pub(crate) base_layer: u8,
    /// The picture id.
    pub(crate) picture: u16,
}

impl Frame {
    /// Reads the start of a payload. What is malformed begins nothing.
    #[inline]
    pub(crate) fn of(codec: Codec, payload: &[u8]) -> Self {
        match codec {
            Codec::Vp8 => vp8::Descriptor::parse(payload).map(|read| Self::of_vp8(&read)).unwrap_or_default(),
            Codec::Vp9 => vp9::Descriptor::parse(payload).map(|read| Self::of_vp9(&read)).unwrap_or_default(),
            Codec::H264 => Self::plain(h264::is_key_frame_start(payload)),
            Codec::Av1 => Self::plain(av1::is_key_frame_start(payload)),
            Codec::Opus => Self::plain(true),
        }
    }

    /// The same of a packet with a dependency descriptor, which is believed. `structure` is what the latest key frame
    /// said of the stream, and is replaced by what this one says.
    pub(crate) fn of_described(
        codec: Codec,
        payload: &[u8],
        descriptor: &[u8],
        structure: &mut Option<Box<Structure>>,
    ) -> Self {
        let described = dependency::Descriptor::parse(descriptor, structure.as_deref());
        let Ok((described, new)) = described else {
            // Its key frame was lost: nothing is known, and nothing begins.
            return Self { key: false, ..Self::of(codec, payload) };
        };
        if let Some(new) = new {
            *structure = Some(Box::new(new));
        }
        let lowest = described.spatial == 0;
        let highest = (0..described.targets()).next_back();
        let switches =
            highest.is_some_and(|target| described.indication(target) == dependency::Indication::Switch);
        Self {
            key: described.is_key_frame_start() && lowest,
            begins: described.first_in_frame && lowest,
            ends: described.last_in_frame,
            sync: switches,
            temporal: described.temporal,
            spatial: described.spatial,
            ..Self::of(codec, payload)
        }
    }

    /// The sound of an audio packet without earlier sound; `None` where what is around it is malformed.
    pub(crate) fn sound(self, payload: &[u8]) -> Option<&[u8]> {
        if self.redundant { red::primary(payload).ok().map(|primary| primary.payload) } else { Some(payload) }
    }

    /// Of which nothing but this is known.
    pub(crate) fn plain(key: bool) -> Self {
        Self { key, begins: key, ..Self::default() }
    }

    #[inline]
    fn of_vp8(descriptor: &vp8::Descriptor) -> Self {
        Self {
            key: descriptor.is_key_frame_start(),
            begins: descriptor.is_frame_start(),
            ends: false,
            redundant: false,
            sync: descriptor.layer_sync,
            temporal: descriptor.temporal_layer.unwrap_or(0),
            spatial: 0,
            base_layer: descriptor.base_layer_index.unwrap_or(0),
            picture: descriptor.picture_id.map_or(0, |picture| picture.value),
        }
    }

    #[inline]
    fn of_vp9(descriptor: &vp9::Descriptor) -> Self {
        let lowest = descriptor.spatial() == 0;
        Self {
            key: descriptor.begins_frame && descriptor.is_key_frame() && lowest,
            begins: descriptor.begins_frame && lowest,
            ends: descriptor.ends_frame,
            redundant: false,
            sync: descriptor.is_temporal_up_switch(),
            temporal: descriptor.temporal(),
            spatial: descriptor.spatial(),
            base_layer: descriptor.base_layer_index.unwrap_or(0),
            picture: descriptor.picture_id.map_or(0, |picture| picture.value),
        }
    }
}

/// The heights in pixels of the spatial layers that a key frame's first packet tells, the lowest first.
pub(crate) fn heights(
    codec: Codec,
    payload: &[u8],
    structure: Option<&Structure>,
) -> [Option<u16>; SPATIAL_LAYERS] {
    let mut heights = [None; SPATIAL_LAYERS];
    if let Some(structure) = structure {
        for (height, spatial) in heights.iter_mut().zip(0..) {
            let size = structure.resolution(spatial);
            *height = size.map(|size| size.height.try_into().unwrap_or(u16::MAX));
        }
    } else if codec == Codec::Vp8 {
        heights = [vp8::key_frame_size(payload).map(|(_, height)| height), None, None, None];
    } else if codec == Codec::Vp9
        && let Some(structure) = vp9::Descriptor::parse(payload).ok().and_then(|read| read.structure)
    {
        for (height, spatial) in heights.iter_mut().zip(0..) {
            *height = structure.size(spatial).map(|(_, height)| height);
        }
    }
    heights
}
