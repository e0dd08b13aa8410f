//! Header extensions: a block of any bytes ends, and what is written is read back.

use super::named;
use crate::script::Script;
use rtp::extension::{AbsSendTime, AudioLevel, token, transport_sequence};
use rtp::rewrite::copy_with;
use rtp::template::HeaderTemplate;
use rtp::write::write_packet;
use rtp::{ExtensionMap, ExtensionValue, Extensions, Fields, RtpPacket};

const FIELDS: Fields = Fields { marker: false, payload_type: 111, sequence: 1, timestamp: 2, ssrc: 3 };

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    match script.byte() {
        0 => block(script.u16(), script.rest()),
        1 => written(&mut script),
        3 => one_more(&mut script),
        _ => template(&mut script),
    }
}

fn block(profile: u16, block: &[u8]) {
    let mut total = 0;
    for element in Extensions::new(profile, block) {
        assert_ne!(element.id, 0);
        total += 1 + element.value.len();
        assert!(Extensions::new(profile, block).find(element.id).is_some());
        values(element.value);
    }
    assert!(total <= block.len(), "no byte is read twice");
}

fn values(value: &[u8]) {
    let level = AudioLevel::read(value);
    assert_eq!(level.map(AudioLevel::bytes).as_ref().map(|bytes| &bytes[..]), value.get(..1));
    let time = AbsSendTime::read(value);
    assert_eq!(time.map(AbsSendTime::bytes).as_ref().map(|bytes| &bytes[..]), value.get(..3));
    let number = transport_sequence(value);
    assert_eq!(number.map(u16::to_be_bytes).as_ref().map(|bytes| &bytes[..]), value.get(..2));
    assert!(token(value).is_none_or(|token| token.as_bytes() == value && !token.is_empty()));
}

fn written(script: &mut Script<'_>) {
    let elements = script.list(16, |script| (script.byte(), script.chunk()));
    let values: Vec<_> = elements.iter().map(|(id, value)| ExtensionValue { id: *id, value }).collect();
    let payload = script.rest();
    let mut out = vec![0xaa; 5_000];
    let Ok(written) = write_packet(&FIELDS, &values, payload, &mut out) else {
        // Fixed header, block header, two bytes for each element, up to a whole word.
        let most = 16 + elements.iter().map(|(_, value)| 2 + value.len()).sum::<usize>() + 3 + payload.len();
        assert!(most > out.len(), "there was room");
        return;
    };
    let packet = RtpPacket::parse(&out[..written.len]).expect("what is written is a packet");
    let read: Vec<_> = packet.extensions().map(|element| (element.id, element.value)).collect();
    let expected: Vec<_> = elements.into_iter().filter(|(id, _)| *id != 0).collect();
    assert_eq!(read, expected);
    assert_eq!(packet.header().header_len(), written.header_len);
}

/// The fast way and the slow one write the same.
fn template(script: &mut Script<'_>) {
    let ids: [u8; 4] = script.array();
    // What an id means is one thing only.
    if (1..4).any(|at| ids[at] != 0 && ids[..at].contains(&ids[at])) {
        return;
    }
    let (level, time, number): ([u8; 1], [u8; 3], [u8; 2]) = (script.array(), script.array(), script.array());
    let (mid, payload) = (script.chunk(), script.take(200));
    let element = |at: usize, value| ExtensionValue { id: ids[at], value };
    let zeros = [element(0, &[0]), element(1, mid), element(2, &[0; 3]), element(3, &[0; 2])];
    let fits = HeaderTemplate::new(&zeros).expect("no value of the one-byte form is too long");
    let mut fast = [0xaa; 600];
    let header_len = fits.write(&FIELDS, payload, &mut fast).unwrap();
    fits.put(0, &level, &mut fast);
    fits.put(2, &time, &mut fast);
    fits.put(3, &number, &mut fast);

    let mut source = [0; 300];
    let written = write_packet(&FIELDS, &[], payload, &mut source).unwrap();
    let packet = RtpPacket::parse(&source[..written.len]).unwrap();
    let set = [element(0, &level), element(1, mid), element(2, &time), element(3, &number)];
    let mut slow = [0xaa; 600];
    let written = copy_with(&packet, &FIELDS, &ExtensionMap::new(false), &set, None, &mut slow).unwrap();
    assert_eq!(header_len, written.header_len);
    assert_eq!(fast, slow);
}

/// The same with an element of any length behind those of the template, in the form that it needs.
fn one_more(script: &mut Script<'_>) {
    let (ids, two_byte): ([u8; 2], bool) = (script.array(), script.bit());
    let (level, value, payload): ([u8; 1], _, _) = (script.array(), script.chunk(), script.take(200));
    if ids[0] == ids[1] {
        return;
    }
    let last = ExtensionValue { id: ids[1], value };
    let element = |value| [ExtensionValue { id: ids[0], value }];
    let mut template = HeaderTemplate::new(&element(&[0])).unwrap();
    let all_fit = [ExtensionValue { id: ids[0], value: &level }, last]
        .iter()
        .all(|element| element.id == 0 || template.fits(element));
    if two_byte && !all_fit {
        template = HeaderTemplate::two_byte(&element(&[0])).unwrap();
    }
    let mut fast = [0xaa; 600];
    let header_len = template.write_with(&FIELDS, &last, payload, &mut fast).unwrap();
    template.put(0, &level, &mut fast);

    let mut source = [0; 300];
    let written = write_packet(&FIELDS, &[], payload, &mut source).unwrap();
    let packet = RtpPacket::parse(&source[..written.len]).unwrap();
    let [first] = element(&level);
    let mut slow = [0xaa; 600];
    let map = ExtensionMap::new(two_byte);
    let written = copy_with(&packet, &FIELDS, &map, &[first, last], None, &mut slow).unwrap();
    assert_eq!(header_len, written.header_len);
    assert_eq!(fast, slow);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("one-byte", [&[0, 0xbe, 0xde][..], &[0x10, 0xaa, 0, 0, 0x32, 1, 2, 3, 0xe0, 9, 0, 0]].concat()),
        ("one-byte-ends-at-15", [&[0, 0xbe, 0xde][..], &[0x10, 1, 0xf0, 2, 0x20, 3]].concat()),
        ("padding-with-a-length", vec![0, 0xbe, 0xde, 0x10, 1, 0x01, 2, 3, 0x20, 3]),
        ("two-byte", [&[0, 0x10, 0x05][..], &[200, 0, 0, 1, 2, 7, 8]].concat()),
        ("torn", [&[0, 0xbe, 0xde][..], &[0x10, 1, 0x2f, 2]].concat()),
        ("written", vec![1, 3, 1, 3, b'm', b'i', b'd', 2, 1, 9, 14, 2, 1, 1, b'x']),
        (
            "written-two-byte",
            vec![1, 2, 200, 0, 2, 17, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        ),
        ("one-more", vec![3, 1, 5, 0, 0x85, 3, 0xc0, 0, 1, b'x', b'y']),
        ("one-more-two-byte", [&[3, 1, 5, 1, 0x85, 20][..], &[7; 20], b"xy"].concat()),
        ("template", vec![2, 1, 2, 3, 4, 0x85, 1, 2, 3, 0, 9, 2, b'0', b'1', b'x', b'y']),
    ])
}
