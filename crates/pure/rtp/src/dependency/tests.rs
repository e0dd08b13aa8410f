//! Descriptors that are written bit by bit and read again, and some that a browser sent.

use super::*;
use proptest::prelude::*;

/// The bits of a descriptor.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn put(&mut self, count: u32, value: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(flag);
    }

    /// One of `values` values (appendix A.4.1, ns).
    fn one_of(&mut self, values: u32, value: u32) {
        let width = u32::BITS - values.leading_zeros();
        let short = (1 << width) - values;
        if value < short {
            self.put(width - 1, value);
        } else {
            self.put(width, value + short);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().zip((0..8).rev()).map(|(&bit, at)| u8::from(bit) << at).sum();
        self.0.chunks(8).map(byte).collect()
    }
}

#[derive(Clone, Debug)]
struct Kind {
    /// 0: as before, 1: next temporal, 2: next spatial layer.
    step: u32,
    indications: Vec<u32>,
    distances: Vec<u32>,
    chains: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Plan {
    offset: u32,
    targets: u32,
    protected_by: Vec<u32>,
    chains: u32,
    kinds: Vec<Kind>,
    resolutions: Option<Vec<(u32, u32)>>,
}

impl Plan {
    fn layers(&self) -> Vec<(u8, u8)> {
        let (mut spatial, mut temporal) = (0, 0);
        let mut layers = vec![(0, 0)];
        for kind in &self.kinds[1..] {
            match kind.step {
                0 => {}
                1 => temporal += 1,
                _ => (spatial, temporal) = (spatial + 1, 0),
            }
            layers.push((spatial, temporal));
        }
        layers
    }

    fn write(&self, out: &mut Writer) {
        out.put(6, self.offset);
        out.put(5, self.targets - 1);
        self.kinds[1..].iter().for_each(|kind| out.put(2, kind.step));
        out.put(2, 3);
        for kind in &self.kinds {
            kind.indications.iter().for_each(|&indication| out.put(2, indication));
        }
        for kind in &self.kinds {
            for distance in &kind.distances {
                out.flag(true);
                out.put(4, distance - 1);
            }
            out.flag(false);
        }
        out.one_of(self.targets + 1, self.chains);
        if self.chains > 0 {
            self.protected_by.iter().for_each(|&chain| out.one_of(self.chains, chain));
            for kind in &self.kinds {
                kind.chains.iter().for_each(|&distance| out.put(4, distance));
            }
        }
        out.flag(self.resolutions.is_some());
        for &(width, height) in self.resolutions.iter().flatten() {
            out.put(16, width - 1);
            out.put(16, height - 1);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Own {
    active: Option<u32>,
    indications: Option<Vec<u32>>,
    distances: Option<Vec<u32>>,
    chains: Option<Vec<u32>>,
}

/// The value of the extension for a frame of the `kind`th template, first and last packet of it.
fn value(plan: &Plan, kind: usize, number: u16, structure: bool, own: &Own) -> Vec<u8> {
    let mut out = Writer::default();
    out.put(2, 0b11);
    out.put(6, (plan.offset + kind as u32) % 64);
    out.put(16, number.into());
    let plain = own.active.is_none()
        && own.indications.is_none()
        && own.distances.is_none()
        && own.chains.is_none()
        && !structure;
    if plain {
        return out.bytes();
    }
    out.flag(structure);
    out.flag(own.active.is_some());
    out.flag(own.indications.is_some());
    out.flag(own.distances.is_some());
    out.flag(own.chains.is_some());
    if structure {
        plan.write(&mut out);
    }
    own.active.iter().for_each(|&active| out.put(plan.targets, active));
    own.indications.iter().flatten().for_each(|&indication| out.put(2, indication));
    if let Some(distances) = &own.distances {
        for &distance in distances {
            let size = if distance <= 16 {
                1
            } else if distance <= 256 {
                2
            } else {
                3
            };
            out.put(2, size);
            out.put(4 * size, distance - 1);
        }
        out.put(2, 0);
    }
    own.chains.iter().flatten().for_each(|&distance| out.put(8, distance));
    out.bytes()
}

fn plans() -> impl Strategy<Value = Plan> {
    (1u32..33, 1usize..20, 0u32..64).prop_flat_map(|(targets, count, offset)| {
        (0..=targets).prop_flat_map(move |chains| {
            let kind = (
                prop::sample::select(vec![0u32, 0, 0, 1, 1, 2]),
                prop::collection::vec(0u32..4, targets as usize),
                prop::collection::btree_set(1u32..17, 0..4),
                prop::collection::vec(0u32..16, chains as usize),
            );
            let kind = kind.prop_map(|(step, indications, distances, chains)| Kind {
                step,
                indications,
                distances: distances.into_iter().collect(),
                chains,
            });
            let sizes = prop::option::of(prop::collection::vec((1u32..65_537, 1u32..65_537), 4));
            (
                prop::collection::vec(kind, count),
                prop::collection::vec(0..chains.max(1), targets as usize),
                sizes,
            )
                .prop_map(move |(kinds, protected_by, sizes)| {
                    let mut plan = Plan { offset, targets, protected_by, chains, kinds, resolutions: None };
                    // As many layers as there may be.
                    while plan.layers().iter().any(|&(spatial, temporal)| spatial > 3 || temporal > 7) {
                        plan.kinds.pop();
                    }
                    let spatial = usize::from(plan.layers().last().unwrap().0) + 1;
                    plan.resolutions = sizes.map(|sizes| sizes[..spatial].to_vec());
                    plan
                })
        })
    })
}

fn indications(descriptor: &Descriptor) -> Vec<u32> {
    (0..descriptor.targets()).map(|target| descriptor.indication(target) as u32).collect()
}

fn check(
    plan: &Plan,
    kind: usize,
    number: u16,
    own: &Own,
    descriptor: &Descriptor,
) -> Result<(), TestCaseError> {
    let template = &plan.kinds[kind];
    let layers = plan.layers()[kind];
    prop_assert_eq!((descriptor.spatial, descriptor.temporal), layers);
    prop_assert!(descriptor.first_in_frame && descriptor.last_in_frame);
    prop_assert_eq!(descriptor.frame_number, number);
    prop_assert_eq!(&indications(descriptor), own.indications.as_ref().unwrap_or(&template.indications));
    prop_assert_eq!(descriptor.indication(plan.targets as u8), Indication::NotPresent);
    let back = |distance: u32| number.wrapping_sub(distance as u16);
    let distances = own.distances.as_ref().unwrap_or(&template.distances);
    let wanted: Vec<u16> = distances.iter().map(|&distance| back(distance)).collect();
    prop_assert_eq!(descriptor.dependencies().collect::<Vec<_>>(), wanted);
    for (chain, &distance) in own.chains.as_ref().unwrap_or(&template.chains).iter().enumerate() {
        prop_assert_eq!(descriptor.previous_in_chain(chain as u8), Some(back(distance)));
    }
    prop_assert_eq!(descriptor.previous_in_chain(plan.chains as u8), None);
    let size = plan.resolutions.as_ref().map(|sizes| sizes[usize::from(layers.0)]);
    prop_assert_eq!(descriptor.resolution, size.map(|(width, height)| Resolution { width, height }));
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        plan in plans(),
        kind in any::<prop::sample::Index>(),
        number in any::<u16>(),
        active in any::<Option<u32>>(),
        dtis in prop::option::of(prop::collection::vec(0u32..4, 32)),
        distances in prop::option::of(prop::collection::vec(1u32..4097, 0..MAX_DEPENDENCIES)),
        chains in prop::option::of(prop::collection::vec(0u32..256, 32)),
    ) {
        let all = u32::MAX >> (32 - plan.targets);
        let own = Own {
            active: active.map(|active| active & all),
            indications: dtis.map(|dtis| dtis[..plan.targets as usize].to_vec()),
            distances,
            chains: chains.map(|chains| chains[..plan.chains as usize].to_vec()),
        };
        let kind = kind.index(plan.kinds.len());
        let bytes = value(&plan, kind, number, true, &own);
        let (descriptor, structure) = Descriptor::parse(&bytes, None).unwrap();
        check(&plan, kind, number, &own, &descriptor)?;
        prop_assert_eq!(descriptor.active_targets, Some(own.active.unwrap_or(all)));
        prop_assert!(descriptor.has_structure && is_key_frame_start(&bytes));
        prop_assert_eq!(descriptor.is_key_frame_start(), descriptor.dependencies().count() == 0);
        let structure = structure.unwrap();
        for target in 0..plan.targets {
            let chain = (plan.chains > 0).then(|| plan.protected_by[target as usize] as u8);
            prop_assert_eq!(structure.chain_of(target as u8), chain);
        }
        prop_assert_eq!(structure.chain_of(plan.targets as u8), None);

        // Later frames: by the structure that was kept.
        let bytes = value(&plan, kind, number, false, &own);
        prop_assert!(Descriptor::parse(&bytes, None).is_err() && !is_key_frame_start(&bytes));
        let (descriptor, none) = Descriptor::parse(&bytes, Some(&structure)).unwrap();
        prop_assert!(none.is_none() && !descriptor.has_structure && !descriptor.is_key_frame_start());
        prop_assert_eq!(descriptor.active_targets, own.active);
        check(&plan, kind, number, &own, &descriptor)?;
    }

    /// What cannot be a whole one is none.
    #[test]
    fn one_that_is_cut_off_is_refused(plan in plans(), number in any::<u16>(), cut in any::<prop::sample::Index>()) {
        let bytes = value(&plan, 0, number, true, &Own::default());
        prop_assert!(Descriptor::parse(&bytes[..cut.index(bytes.len())], None).is_err());
    }

    #[test]
    fn nothing_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..256),
        extended in any::<bool>(),
        plan in plans(),
    ) {
        let mut bytes = bytes;
        if let (true, Some(flags)) = (extended, bytes.get_mut(3)) {
            *flags |= 0x80;
        }
        let known = Descriptor::parse(&value(&plan, 0, 0, true, &Own::default()), None).unwrap().1;
        for structure in [None, known.as_ref()] {
            let Ok((descriptor, new)) = Descriptor::parse(&bytes, structure) else { continue };
            prop_assert!(descriptor.dependencies().count() <= MAX_DEPENDENCIES);
            prop_assert!(usize::from(descriptor.spatial) < MAX_SPATIAL && descriptor.temporal < MAX_TEMPORAL);
            (0..=u8::MAX).for_each(|n| {
                let _ = (descriptor.indication(n), descriptor.previous_in_chain(n));
                if let Some(new) = &new {
                    let _ = (new.layers_of(n), new.chain_of(n), new.resolution(n));
                }
            });
        }
    }
}

/// From a text of hexadecimal digits.
fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// As Chromium sends AV1 with three layers of each kind: the first packet of a key frame, and then some of later frames
/// (values that were captured for the tests of the LiveKit server).
#[test]
fn a_stream_of_a_browser() {
    let key = hex(
        "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b04a\
         0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d",
    );
    assert!(is_key_frame_start(&key));
    let (first, structure) = Descriptor::parse(&key, None).unwrap();
    let structure = structure.unwrap();
    assert!(first.is_key_frame_start() && first.last_in_frame);
    assert_eq!((first.frame_number, first.spatial, first.temporal), (0x0172, 0, 0));
    assert_eq!((structure.targets(), structure.spatial_layers()), (9, 3));
    let layers: Vec<_> = (0..9).map(|target| structure.layers_of(target).unwrap()).collect();
    let expected: Vec<_> =
        (0..3).flat_map(|spatial| (0..3).map(move |temporal| (spatial, temporal))).collect();
    assert_eq!(layers, expected);
    let sizes: Vec<_> = (0..3).map(|spatial| structure.resolution(spatial).unwrap()).collect();
    let sizes: Vec<_> = sizes.iter().map(|size| (size.width, size.height)).collect();
    assert_eq!(sizes, [(120, 67), (240, 135), (480, 270)]);

    let read = |text| {
        let (descriptor, new) = Descriptor::parse(&hex(text), Some(&structure)).unwrap();
        assert!(new.is_none());
        descriptor
    };
    let upper = read("860173");
    assert_eq!((upper.frame_number, upper.spatial, upper.temporal), (0x0173, 1, 0));
    assert!(upper.first_in_frame && !upper.last_in_frame && !upper.is_key_frame_start());
    assert_eq!(upper.dependencies().collect::<Vec<_>>(), [0x0172]);
    let later = read("c3017540fc");
    assert_eq!((later.frame_number, later.spatial, later.temporal), (0x0175, 0, 2));
    assert_eq!(later.active_targets, Some(0b000_111_111), "the highest spatial layer is not sent");
}

#[test]
fn layers_and_templates_beyond_the_bounds_are_refused() {
    let kind = |step| Kind { step, indications: vec![2], distances: vec![], chains: vec![] };
    let parse = |steps: &[u32]| {
        let kinds = steps.iter().map(|&step| kind(step)).collect();
        let plan = Plan { offset: 60, targets: 1, protected_by: vec![], chains: 0, kinds, resolutions: None };
        Descriptor::parse(&value(&plan, 0, 0, true, &Own::default()), None).map(drop)
    };
    let layer = Err(Malformed::Invalid("layer in a dependency structure"));
    assert!(parse(&[0, 2, 2, 2]).is_ok() && parse(&[0, 1, 1, 1, 1, 1, 1, 1]).is_ok());
    assert_eq!(parse(&[0, 2, 2, 2, 2]), layer);
    assert_eq!(parse(&[0, 1, 1, 1, 1, 1, 1, 1, 1]), layer);
    assert!(parse(&[0; 64]).is_ok());
    assert_eq!(parse(&[0; 65]), Err(Malformed::Invalid("number of templates in a dependency structure")));
}

#[test]
fn a_template_of_another_structure_is_refused() {
    let kind = Kind { step: 0, indications: vec![2], distances: vec![], chains: vec![] };
    let plan = Plan {
        offset: 63,
        targets: 1,
        protected_by: vec![],
        chains: 0,
        kinds: vec![kind; 2],
        resolutions: None,
    };
    let structure = Descriptor::parse(&value(&plan, 0, 0, true, &Own::default()), None).unwrap().1.unwrap();
    let parse = |id: u8| Descriptor::parse(&[0xc0 | id, 0, 0], Some(&structure)).is_ok();
    assert!(parse(63) && parse(0), "ids go round");
    assert!(!parse(62) && !parse(1));
    let own = Own { distances: Some(vec![1; MAX_DEPENDENCIES + 1]), ..Own::default() };
    let many = value(&plan, 0, 0, false, &own);
    let refused = Descriptor::parse(&many, Some(&structure)).map(drop);
    assert_eq!(refused, Err(Malformed::Invalid("number of frames that a frame refers to")));
}
