//! Descriptors of all shapes, and what a subscriber gets of a stream with three layers of each kind.

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

/// A packet that is a whole frame, as it would be read.
fn frame(picture: u16, spatial: u8, temporal: u8, key: bool, up_switch: bool) -> Descriptor {
    let first = 0x80 | LAYERS | BEGINS | ENDS | if key { 0 } else { PREDICTED };
    let [high, low] = (0x8000 | picture).to_be_bytes();
    let layers = temporal << 5 | u8::from(up_switch) << 4 | spatial << 1;
    Descriptor::parse(&[first, high, low, layers, 0, 0x82]).unwrap()
}

/// The layers of a picture's frames that are forwarded, and which of them have the marker.
fn forwarded(filter: &mut SvcFilter, picture: u16, temporal: u8, key: bool, up: bool) -> (Vec<u8>, Vec<u8>) {
    let (mut spatial, mut marked) = (Vec::new(), Vec::new());
    for layer in 0..3 {
        if let Some(marker) = filter.forward(&frame(picture, layer, temporal, key, up), layer == 2) {
            spatial.push(layer);
            marked.extend(marker.then_some(layer));
        }
    }
    (spatial, marked)
}

#[test]
fn the_last_packet_of_the_highest_forwarded_layer_ends_the_picture() {
    for spatial in 0..3u8 {
        let mut filter = SvcFilter::new(Layers { spatial, temporal: 0 });
        let expected = ((0..=spatial).collect(), vec![spatial]);
        assert_eq!(forwarded(&mut filter, 0, 0, true, false), expected);
        assert_eq!(forwarded(&mut filter, 1, 0, false, false), expected);
        assert_eq!(forwarded(&mut filter, 2, 1, false, false), (vec![], vec![]));
    }
    let mut filter = SvcFilter::new(Layers::ALL);
    assert_eq!(forwarded(&mut filter, 0, 0, true, false), (vec![0, 1, 2], vec![2]));
}

#[test]
fn spatial_layers_are_left_at_once_and_joined_at_a_key_frame() {
    let mut filter = SvcFilter::new(Layers::ALL);
    forwarded(&mut filter, 0, 0, true, false);
    assert_eq!(filter.forward(&frame(1, 0, 0, false, false), false), Some(false));
    filter.aim(Layers { spatial: 1, temporal: 7 });
    assert_eq!(
        filter.forward(&frame(1, 2, 0, false, false), true),
        Some(true),
        "the picture is ended as it began"
    );
    assert_eq!(forwarded(&mut filter, 2, 0, false, false), (vec![0, 1], vec![1]));
    filter.aim(Layers { spatial: 2, temporal: 7 });
    assert_eq!(forwarded(&mut filter, 3, 0, false, false), (vec![0, 1], vec![1]));
    assert_eq!(filter.current().spatial, 1);
    assert_eq!(forwarded(&mut filter, 4, 0, true, false), (vec![0, 1, 2], vec![2]));
}

#[test]
fn temporal_layers_are_joined_at_a_switching_up_point() {
    let mut filter = SvcFilter::new(Layers { spatial: 0, temporal: 0 });
    let gets = |filter: &mut SvcFilter, picture, temporal, up| {
        !forwarded(filter, picture, temporal, false, up).0.is_empty()
    };
    forwarded(&mut filter, 0, 0, true, false);
    filter.aim(Layers { spatial: 0, temporal: 2 });
    assert!(!gets(&mut filter, 1, 2, false), "it may need pictures that were left out");
    assert!(gets(&mut filter, 2, 0, true));
    assert!(gets(&mut filter, 3, 2, false), "behind a base picture with U");
    filter.aim(Layers { spatial: 0, temporal: 0 });
    assert!(gets(&mut filter, 4, 0, false) && !gets(&mut filter, 5, 1, false));
    filter.aim(Layers { spatial: 0, temporal: 2 });
    assert!(gets(&mut filter, 6, 0, false) && !gets(&mut filter, 7, 2, false));
    assert!(gets(&mut filter, 8, 1, true), "itself the first of its layer");
    assert!(gets(&mut filter, 9, 2, false), "and those above it follow");
}

#[test]
fn a_late_packet_is_judged_as_its_picture_was() {
    let mut filter = SvcFilter::new(Layers { spatial: 1, temporal: 0 });
    forwarded(&mut filter, 0x7ffe, 0, true, false);
    filter.aim(Layers { spatial: 0, temporal: 0 });
    assert_eq!(forwarded(&mut filter, 0, 0, false, false), (vec![0], vec![0]));
    let late = frame(0x7fff, 1, 0, false, false);
    assert_eq!(filter.forward(&late, false), Some(true));
    assert_eq!(filter.forward(&frame(0, 1, 0, false, false), false), None);
    // Farther behind than anything is late: another encoder.
    filter.aim(Layers { spatial: 2, temporal: 0 });
    assert_eq!(forwarded(&mut filter, 0x7000, 0, true, false), (vec![0, 1, 2], vec![2]));
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

    /// Whatever comes: a whole base layer picture is always forwarded, nothing above what is wanted is once a picture
    /// begins, and a picture whose frames come in order has one marker.
    #[test]
    fn a_stream_in_order_has_one_marker_for_each_picture(
        pictures in prop::collection::vec((0u8..3, any::<bool>(), any::<bool>(), 0u8..4, 0u8..4), 1..80),
        start in 0u16..0x8000,
    ) {
        let mut filter = SvcFilter::new(Layers::ALL);
        for (n, (temporal, key, up, spatial, highest)) in pictures.into_iter().enumerate() {
            let key = key || n == 0;
            let temporal = if key { 0 } else { temporal };
            filter.aim(Layers { spatial, temporal: highest });
            let picture = start.wrapping_add(n as u16) & 0x7fff;
            let (got, marked) = forwarded(&mut filter, picture, temporal, key, up);
            prop_assert!(got.iter().all(|&layer| layer <= spatial));
            if got.is_empty() {
                prop_assert!(temporal > 0);
                continue;
            }
            prop_assert!(temporal <= highest);
            let top = *got.last().unwrap();
            prop_assert_eq!(marked, vec![top]);
            prop_assert_eq!(got, (0..=top).collect::<Vec<_>>());
            prop_assert!(!key || top == spatial.min(2), "all is joined at a key frame");
        }
    }
}
