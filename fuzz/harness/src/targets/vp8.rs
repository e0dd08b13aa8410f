//! The VP8 payload descriptor: offsets that lie in the packet, and nothing behind them looked at.

use super::named;
use rtp::vp8::{Descriptor, is_key_frame_start};

pub(crate) fn run(data: &[u8]) {
    let Ok(read) = Descriptor::parse(data) else {
        assert!(!is_key_frame_start(data));
        return;
    };
    assert!((1..=data.len()).contains(&read.len));
    assert_eq!(read.is_key_frame_start(), is_key_frame_start(data));
    assert!(read.is_frame_start() || !read.is_key_frame_start());
    assert_eq!(read.is_frame_start(), read.partition_start && read.partition == 0);
    if let Some(picture) = read.picture_id {
        assert!(picture.value < if picture.long { 1 << 15 } else { 1 << 7 });
    }
    assert!(read.temporal_layer.is_none_or(|layer| layer < 4));
    assert!(read.key_index.is_none_or(|index| index < 32));
    // The descriptor and the byte behind it say everything; without its last byte it is none.
    let enough = data.get(..=read.len).unwrap_or(data);
    assert_eq!(Descriptor::parse(enough), Ok(read));
    assert!(Descriptor::parse(&data[..read.len - 1]).is_err());
    shifted(data, &read);
}

/// There and back again, by steps that the input names.
fn shifted(data: &[u8], read: &Descriptor) {
    let byte = |at: usize| data.get(data.len().wrapping_sub(at)).copied().unwrap_or(0);
    let (pictures, base_layers) = (u16::from_be_bytes([byte(1), byte(2)]), byte(3));
    let mut copy = data.to_vec();
    read.shift(&mut copy, pictures, base_layers);
    let after = Descriptor::parse(&copy).expect("the shape stays");
    let mut numbers = *read;
    numbers.picture_id = read.picture_id.map(|id| id.later(pictures));
    numbers.base_layer_index = read.base_layer_index.map(|index| index.wrapping_add(base_layers));
    assert_eq!(after, numbers);
    assert_eq!(copy[read.len..], data[read.len..]);
    after.shift(&mut copy, 0u16.wrapping_sub(pictures), 0u8.wrapping_sub(base_layers));
    assert_eq!(copy, data);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("key-frame", vec![0x10, 0x00, 0x9d, 0x01, 0x2a]),
        ("delta-frame", vec![0x10, 0x01]),
        ("all", vec![0x90, 0xf0, 0x80 | 0x12, 0x34, 7, 0xff, 0]),
        ("short-picture-id", vec![0x90, 0x80, 0x12, 0]),
        ("layer", vec![0xb0, 0x20, 0xe0, 1]),
        ("key-index", vec![0x81, 0x10, 0x1f]),
    ])
}
