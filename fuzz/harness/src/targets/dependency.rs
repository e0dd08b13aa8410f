//! The dependency descriptor: values of any bytes, read with the structure that the ones before have left.

use super::named;
use crate::script::Script;
use rtp::dependency::{
    Descriptor, Indication, MAX_DEPENDENCIES, MAX_SPATIAL, MAX_TARGETS, MAX_TEMPORAL, Structure,
    is_key_frame_start,
};

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut kept: Option<Structure> = None;
    while !script.is_empty() {
        let value = script.chunk();
        let Ok((descriptor, new)) = Descriptor::parse(value, kept.as_ref()) else { continue };
        assert_eq!(new.is_some(), descriptor.has_structure);
        if new.is_some() {
            // With one of its own it needs no other, and its last byte is not behind it.
            assert_eq!(Descriptor::parse(value, None), Ok((descriptor, new.clone())));
        }
        kept = new.or(kept);
        check(&descriptor, kept.as_ref().expect("it was read with one"));
        if descriptor.is_key_frame_start() {
            assert!(is_key_frame_start(value));
        }
        assert!(!is_key_frame_start(value) || descriptor.has_structure && descriptor.first_in_frame);
    }
}

fn check(descriptor: &Descriptor, structure: &Structure) {
    let targets = structure.targets();
    assert!((1..=MAX_TARGETS).contains(&usize::from(targets)) && descriptor.targets() == targets);
    assert!(structure.chains() <= targets);
    assert!(usize::from(structure.spatial_layers()) <= MAX_SPATIAL);
    assert!(descriptor.spatial < structure.spatial_layers() && descriptor.temporal < MAX_TEMPORAL);
    assert_eq!(descriptor.resolution, structure.resolution(descriptor.spatial));
    assert!(descriptor.dependencies().count() <= MAX_DEPENDENCIES);
    let all = u32::MAX >> (32 - u32::from(targets));
    assert!(descriptor.active_targets.is_none_or(|active| active & !all == 0));
    for n in 0..=u8::MAX {
        assert!(n < targets || descriptor.indication(n) == Indication::NotPresent);
        assert_eq!(descriptor.previous_in_chain(n).is_some(), n < structure.chains());
        assert!(structure.chain_of(n).is_none_or(|chain| chain < structure.chains()));
        assert!(structure.layers_of(n).is_none_or(|(spatial, _)| spatial < structure.spatial_layers()));
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |values: &[&[u8]]| {
        let mut seed = Vec::new();
        for value in values {
            seed.push(value.len() as u8);
            seed.extend(*value);
        }
        seed
    };
    // One template, one target: switch, no references, no chains, no sizes.
    let smallest: &[u8] = &[0xc0, 0, 1, 0x80, 0x00, 0x38, 0x00];
    // Three spatial and three temporal layers, nine targets, three chains, sizes: as Chromium sends AV1.
    let large: &[u8] = &[
        0xc1, 0x01, 0x72, 0x80, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaf, 0xff, 0xaa, 0xaa, 0x86, 0x3c, 0xf0, 0x43,
        0x0c, 0x10, 0xc3, 0x02, 0xaf, 0xc0, 0xaa, 0xa0, 0x06, 0x3c, 0x00, 0x43, 0x00, 0x10, 0xc0, 0x02, 0xa0,
        0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x1d, 0x95, 0x49, 0x26, 0xe0, 0x82, 0xb0, 0x4a, 0x09,
        0x41, 0xb8, 0x20, 0xac, 0x12, 0x82, 0x50, 0x31, 0x57, 0xf9, 0x74, 0x00, 0x0c, 0xa8, 0x64, 0x33, 0x0e,
        0x22, 0x22, 0x22, 0xec, 0xa8, 0x65, 0x53, 0x04, 0x22, 0x42, 0x30, 0xec, 0xa8, 0x77, 0x53, 0x00, 0x77,
        0x00, 0x42, 0x00, 0xef, 0x00, 0x86, 0x01, 0xdf, 0x01, 0x0d,
    ];
    named([
        ("smallest", of(&[smallest, &[0xc0, 0, 2]])),
        ("browser", of(&[large, &[0x86, 1, 0x73], &[0xc3, 1, 0x75, 0x40, 0xfc]])),
        ("custom", of(&[smallest, &[0xc0, 0, 2, 0x30, 0xa0, 0]])),
        ("no-structure", of(&[&[0xc0, 0, 2]])),
    ])
}
