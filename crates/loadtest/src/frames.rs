//! Synthetic payloads: VP8 as far as an SFU looks at it, and Opus.

use crate::stamp::STAMP;

/// The VP8 payload descriptor: X and S, I L and T, a picture id of 15 bits, TL0PICIDX, TID (RFC 7741 section 4.2).
const DESCRIPTOR: usize = 6;

/// The frame tag, and in a key frame the start code and the size (RFC 6386 section 9.1).
const KEY_FRAME: [u8; 10] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
const DELTA_FRAME: [u8; 3] = [0x11, 0, 0];

/// The size of the longest Opus packet here.
pub(crate) const OPUS_MAX: usize = 100;
/// The size of the shortest one.
const OPUS_MIN: usize = 80;

/// The frames of one video track.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    picture_id: u16,
    base_layer: u8,
    key: bool,
}

impl Frames {
    /// Begins the next frame.
    pub(crate) fn begin(&mut self, key: bool) {
        self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
        self.base_layer = self.base_layer.wrapping_add(1);
        self.key = key;
    }

    /// Fills a payload of the current frame, but for its stamp.
    pub(crate) fn fill(&self, first: bool, payload: &mut [u8]) {
        payload.fill(0);
        let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
        let start = if first { 0x90 } else { 0x80 };
        let descriptor: [u8; DESCRIPTOR] = [start, 0xe0, high, low, self.base_layer, 0];
        let begins: &[u8] = if self.key { &KEY_FRAME } else { &DELTA_FRAME };
        let bytes = descriptor.iter().chain(begins.iter().filter(|_| first));
        payload.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
}

/// The sizes of a frame's payloads: full ones, then what is left, with room for header and stamp.
pub(crate) fn sizes(frame_bytes: usize, packet: usize) -> Vec<usize> {
    let least = DESCRIPTOR + KEY_FRAME.len() + STAMP;
    let full = frame_bytes / packet;
    let rest = frame_bytes % packet;
    let mut sizes = vec![packet; full];
    if rest > 0 || full == 0 {
        sizes.push(rest.max(least));
    }
    sizes
}

/// Fills an Opus packet of 20 ms, but for its stamp, and returns its size, which varies as speech does.
pub(crate) fn opus(number: u64, payload: &mut [u8; OPUS_MAX]) -> usize {
    // Hybrid fullband of 20 ms, mono, one frame (RFC 6716 section 3.1).
    payload.fill(0x78);
    OPUS_MIN + (number * 8 % 21) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp::vp8::{Descriptor, PictureId, key_frame_size};

    #[test]
    fn a_frame_is_what_it_says() {
        let mut frames = Frames::default();
        frames.begin(true);
        let mut payload = [0; 100];
        frames.fill(true, &mut payload);
        let descriptor = Descriptor::parse(&payload).unwrap();
        assert!(descriptor.is_key_frame_start());
        assert_eq!(descriptor.picture_id, Some(PictureId { value: 1, long: true }));
        assert_eq!(
            (descriptor.base_layer_index, descriptor.temporal_layer, descriptor.len),
            (Some(1), Some(0), DESCRIPTOR)
        );
        assert_eq!(key_frame_size(&payload), Some((640, 360)));
        frames.fill(false, &mut payload);
        assert!(!Descriptor::parse(&payload).unwrap().is_frame_start());
        frames.begin(false);
        frames.fill(true, &mut payload);
        let descriptor = Descriptor::parse(&payload).unwrap();
        assert!(descriptor.is_frame_start() && !descriptor.is_key_frame_start());
    }

    #[test]
    fn a_frame_is_cut_into_full_packets_and_a_rest() {
        assert_eq!(sizes(6250, 1100), [1100, 1100, 1100, 1100, 1100, 750]);
        assert_eq!(sizes(2200, 1100), [1100, 1100]);
        assert_eq!(sizes(1101, 1100), [1100, 36]);
        assert_eq!(sizes(64, 1100), [64]);
    }

    #[test]
    fn opus_packets_have_80_to_100_bytes() {
        let sizes: Vec<_> = (0..100).map(|number| opus(number, &mut [0; OPUS_MAX])).collect();
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&80), Some(&100)));
    }
}
