//! Where key frames of VP9, H.264 and AV1 begin: what a payload says is not taken back by what follows it.

use super::named;
use rtp::{av1, h264, vp9};

pub(crate) fn run(data: &[u8]) {
    for begins in [vp9::is_key_frame_start, h264::is_key_frame_start, av1::is_key_frame_start] {
        let first = (0..=data.len()).find(|&len| begins(&data[..len])).unwrap_or(data.len() + 1);
        assert!((first..=data.len()).all(|len| begins(&data[..len])), "{first}");
        assert!(!begins(&[]));
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("vp9-key", vec![0x08, 0x82]),
        ("vp9-layers", vec![0xaa, 0x92, 0x34, 0x00, 7, 0x18, 0x82]),
        ("vp9-flexible", vec![0xb8, 0x05, 0x00, 0x82]),
        ("h264-idr", vec![0x65, 0x88]),
        ("h264-parameters", vec![0x67, 0x42, 0x00, 0x1f]),
        ("h264-aggregate", vec![0x78, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88]),
        ("h264-fragment", vec![0x7c, 0x85, 0x88]),
        ("av1-sequence", vec![0x18, 0x0a]),
        ("av1-later", vec![0x90, 0x32]),
    ])
}
