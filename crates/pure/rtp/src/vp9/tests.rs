//! Descriptors of all shapes.

use super::*;
use proptest::prelude::*;

#[test]
fn a_key_frame_begins_where_nothing_is_predicted() {
    assert!(is_key_frame_start(&[BEGINS, 0x82]));
    assert!(!is_key_frame_start(&[BEGINS | PREDICTED, 0x86]));
    assert!(!is_key_frame_start(&[0, 0x82]), "in the middle");
    assert!(!is_key_frame_start(&[BEGINS]) && !is_key_frame_start(&[]));
    // As Chromium sends it: a long picture id, layers, TL0PICIDX, and a scalability structure behind them.
    let layered = |spatial: u8| [0x80 | LAYERS | BEGINS | 0x02, 0x92, 0x34, spatial << 1, 7, 0x18, 0x82];
    assert!(is_key_frame_start(&layered(0)));
    assert!(!is_key_frame_start(&layered(1)), "an upper layer needs the one below");
    let flexible = [PICTURE_ID | LAYERS | FLEXIBLE | BEGINS, 0x05, 0x00, 0x82];
    assert!(is_key_frame_start(&flexible));
}

#[test]
fn every_field_of_one_with_a_structure() {
    let payload = [
        0xaa, 0x92, 0x34, 0x50, 7, // I, L, B, V; picture 0x1234, TID 2 with U, SID 0, TL0PICIDX 7
        0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, // two layers, 320x180 and 640x360
        2, 0x00, 0x54, 1, // groups of two: TID 0 without references, TID 2 with U and one
        0x82,
    ];
    let descriptor = Descriptor::parse(&payload).unwrap();
    assert_eq!(descriptor.picture_id, Some(PictureId { value: 0x1234, long: true }));
    let layers = LayerIndices { temporal: 2, up_switch: true, spatial: 0, needs_lower: false };
    assert_eq!((descriptor.layers, descriptor.base_layer_index), (Some(layers), Some(7)));
    assert!(descriptor.begins_frame && !descriptor.ends_frame && !descriptor.flexible);
    let structure = descriptor.structure.unwrap();
    assert_eq!((structure.spatial_layers, structure.group), (2, 2));
    assert_eq!((structure.size(0), structure.size(1)), (Some((320, 180)), Some((640, 360))));
    assert_eq!((structure.size(2), structure.size(9)), (None, None));
    assert_eq!(descriptor.len, payload.len() - 1);
    for cut in 0..descriptor.len {
        assert!(Descriptor::parse(&payload[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn references_are_skipped_and_no_more_than_three() {
    let flexible = |references: &[u8]| {
        let payload = [&[0xf5, 0x05, 0x33][..], references, &[0x86]].concat();
        Descriptor::parse(&payload).map(|descriptor| descriptor.len)
    };
    assert_eq!(flexible(&[0x02]), Ok(4));
    assert_eq!(flexible(&[0x03, 0x05, 0x06]), Ok(6));
    assert_eq!(flexible(&[0x03, 0x05, 0x07, 0x08]), Err(Malformed::Invalid("number of VP9 references")));
    let payload = [0xf5, 0x05, 0x33, 0x02];
    let descriptor = Descriptor::parse(&payload).unwrap();
    assert!(descriptor.predicted && descriptor.not_for_upper && descriptor.ends_frame);
    let layers = LayerIndices { temporal: 1, up_switch: true, spatial: 1, needs_lower: true };
    assert_eq!((descriptor.layers, descriptor.base_layer_index), (Some(layers), None));
}

#[test]
fn numbers_are_shifted_in_their_own_width() {
    let shifted = |payload: &[u8], pictures, base_layers| {
        let mut payload = payload.to_vec();
        Descriptor::parse(&payload).unwrap().shift(&mut payload, pictures, base_layers);
        payload
    };
    assert_eq!(shifted(&[0xa8, 0xff, 0xff, 0x10, 255, 1], 2, 1), [0xa8, 0x80, 0x01, 0x10, 0, 1]);
    assert_eq!(shifted(&[0xa8, 0x7f, 0x10, 3, 1], 2, 1), [0xa8, 0x01, 0x10, 4, 1]);
    assert_eq!(shifted(&[0x98, 0x7f, 0x10, 1], 2, 1), [0x98, 0x01, 0x10, 1], "flexible: no TL0PICIDX");
    assert_eq!(shifted(&[0x28, 0x10, 9, 1], 2, 1), [0x28, 0x10, 10, 1], "no picture id");
    assert_eq!(shifted(&[0x08, 1, 2], 2, 1), [0x08, 1, 2]);
}

proptest! {
    #[test]
    fn what_is_read_lies_in_the_packet(payload in prop::collection::vec(any::<u8>(), 0..60)) {
        let key = is_key_frame_start(&payload);
        let Ok(descriptor) = Descriptor::parse(&payload) else { return Ok(()) };
        prop_assert!(descriptor.len <= payload.len());
        if payload.len() > descriptor.len {
            prop_assert_eq!(key, descriptor.is_key_frame() && descriptor.begins_frame);
        }
        prop_assert!(Descriptor::parse(&payload[..descriptor.len]) == Ok(descriptor));
        prop_assert!(Descriptor::parse(&payload[..descriptor.len - 1]).is_err());
    }

    #[test]
    fn a_shift_changes_what_it_names_and_nothing_else(
        mut payload in prop::collection::vec(any::<u8>(), 0..40),
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
        before.shift(&mut payload[..source.len() / 2], pictures, base_layers);
    }
}
