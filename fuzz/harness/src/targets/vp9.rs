//! The VP9 payload descriptor.

use super::named;
use crate::script::Script;
use rtp::vp9::{Descriptor, is_key_frame_start};

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (pictures, base_layers) = (script.u16(), script.byte());
    let data = script.rest();
    let Ok(read) = Descriptor::parse(data) else { return };
    assert!((1..=data.len()).contains(&read.len));
    assert_eq!(Descriptor::parse(&data[..read.len]), Ok(read));
    assert!(Descriptor::parse(&data[..read.len - 1]).is_err());
    if data.len() > read.len {
        assert_eq!(is_key_frame_start(data), read.begins_frame && read.is_key_frame());
    }
    assert!(read.spatial() < 8 && read.temporal() < 8);
    assert!(read.base_layer_index.is_none() || !read.flexible);
    if let Some(structure) = read.structure {
        assert!((1..=8).contains(&structure.spatial_layers));
        assert_eq!(structure.size(structure.spatial_layers), None);
    }
    let mut shifted = data.to_vec();
    read.shift(&mut shifted, pictures, base_layers);
    let after = Descriptor::parse(&shifted).expect("the shape stays");
    let numbers = Descriptor {
        picture_id: read.picture_id.map(|id| id.later(pictures)),
        base_layer_index: read.base_layer_index.map(|index| index.wrapping_add(base_layers)),
        ..read
    };
    assert_eq!(after, numbers);
    assert_eq!(shifted[read.len..], data[read.len..]);
    after.shift(&mut shifted, 0u16.wrapping_sub(pictures), 0u8.wrapping_sub(base_layers));
    assert_eq!(shifted, data);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |payload: &[u8]| [&[0x40, 0x01, 7], payload].concat();
    named([
        ("key-frame", of(&[0x08, 0x82, 0x49])),
        ("layers", of(&[0xa8, 0x92, 0x34, 0x10, 7, 0x82])),
        (
            "structure",
            of(&[0xaa, 0x92, 0x34, 0x50, 7, 0x38, 1, 0x40, 0, 0xb4, 2, 0x80, 1, 0x68, 2, 0, 0x54, 1, 0x82]),
        ),
        ("flexible", of(&[0xf5, 0x05, 0x33, 0x03, 0x05, 0x06, 0x86])),
    ])
}
