//! RTP packets: what is read adds up, what is forwarded is what came, and what is set in place changes nothing else.

use super::named;
use crate::script::Script;
use rtp::rewrite::{self, copy_with};
use rtp::write::{pad, write_packet};
use rtp::{ExtensionMap, ExtensionValue, Fields, Header, RtpPacket, rtx};

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let fields = Fields {
        marker: script.bit(),
        payload_type: script.byte() & 0x7f,
        sequence: script.u16(),
        timestamp: script.u32(),
        ssrc: script.u32(),
    };
    let (two_byte, from, to) = (script.bit(), script.byte(), script.byte());
    let mid: [u8; 2] = script.array();
    let source = script.rest();
    let Ok(packet) = RtpPacket::parse(source) else {
        if let Ok(header) = Header::parse(source) {
            assert!(header.has_padding(), "only padding can be wrong in a packet with a header");
        }
        return;
    };
    let header = packet.header();
    assert_eq!(header.header_len() + packet.payload().len() + packet.padding_len(), source.len());
    assert!(packet.csrcs().count() <= 15);
    let mut map = ExtensionMap::new(two_byte);
    map.pass(from, to);
    forwarded(&packet, &fields, &map, ExtensionValue { id: 3, value: &mid });
    retransmitted(&packet, &fields, &map);
    changed_in_place(source, &packet, &fields);
}

fn forwarded(packet: &RtpPacket<'_>, fields: &Fields, map: &ExtensionMap, mid: ExtensionValue<'_>) {
    let mut out = vec![0xaa; packet.data().len() + 300];
    let written = copy_with(packet, fields, map, &[mid], None, &mut out).expect("there is room");
    let copy = RtpPacket::parse(&out[..written.len]).expect("what is written is a packet");
    same_fields(copy.header(), fields);
    assert_eq!((copy.payload(), copy.padding_len(), copy.csrcs().count()), (packet.payload(), 0, 0));
    assert_eq!(copy.header().header_len(), written.header_len);
    assert_eq!(copy.extensions().find(mid.id), Some(mid.value));
    let came = |value: &[u8]| packet.extensions().any(|element| element.value == value);
    assert!(copy.extensions().all(|element| element.id == mid.id || came(element.value)));
    // With less room it is an error, and nothing is written behind the buffer.
    assert!(copy_with(packet, fields, map, &[mid], None, &mut out[..written.len - 1]).is_err());
}

fn retransmitted(packet: &RtpPacket<'_>, fields: &Fields, map: &ExtensionMap) {
    let sequence = packet.header().sequence;
    let mut out = vec![0x55; packet.data().len() + 300];
    let written = copy_with(packet, fields, map, &[], Some(sequence), &mut out).expect("there is room");
    let written = pad(written, fields.payload_type, &mut out).expect("there is room");
    let rtx = RtpPacket::parse(&out[..written.len]).unwrap();
    let original = rtx::unwrap(&rtx).map(|original| (original.sequence, original.payload.to_vec()));
    let expected = (!packet.payload().is_empty()).then(|| (sequence, packet.payload().to_vec()));
    assert_eq!(original, expected);
    let before = out.clone();
    match rtx::unwrap_in_place(&mut out[..written.len], 96, 7) {
        Some(at) => {
            let original = RtpPacket::parse(&out[at..written.len]).expect("the original is a packet");
            let header = original.header();
            assert_eq!(
                (header.ssrc, header.payload_type, header.sequence, header.marker, header.timestamp),
                (7, 96, sequence, fields.marker, fields.timestamp)
            );
            assert_eq!(original.payload(), packet.payload());
        }
        None => {
            assert!(packet.payload().is_empty());
            assert_eq!(out, before, "a probe is left as it is");
        }
    }
}

fn changed_in_place(source: &[u8], packet: &RtpPacket<'_>, fields: &Fields) {
    let mut changed = source.to_vec();
    assert!(rewrite::set_payload_type(&mut changed, fields.marker, fields.payload_type));
    assert!(rewrite::set_sequence(&mut changed, fields.sequence));
    assert!(rewrite::set_timestamp(&mut changed, fields.timestamp));
    assert!(rewrite::set_ssrc(&mut changed, fields.ssrc));
    let read = RtpPacket::parse(&changed).unwrap();
    same_fields(read.header(), fields);
    assert_eq!(read.payload(), packet.payload());
    assert!(read.extensions().eq(packet.extensions()) && read.csrcs().eq(packet.csrcs()));
    for element in packet.extensions() {
        let first = packet.extensions().find(element.id).unwrap();
        let value: Vec<u8> = first.iter().map(|byte| !byte).collect();
        let mut changed = source.to_vec();
        assert!(rewrite::set_extension(&mut changed, element.id, &value));
        let read = RtpPacket::parse(&changed).unwrap();
        assert_eq!(read.extensions().find(element.id), Some(&value[..]));
        assert_eq!((read.header(), read.payload()), (packet.header(), packet.payload()));
        assert!(!rewrite::set_extension(&mut changed, element.id, &[0; 256]));
    }
}

fn same_fields(header: &Header, fields: &Fields) {
    let Header { marker, payload_type, sequence, timestamp, ssrc, .. } = *header;
    assert_eq!(Fields { marker, payload_type, sequence, timestamp, ssrc }, *fields);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let fields =
        Fields { marker: true, payload_type: 96, sequence: 65_535, timestamp: 90_000, ssrc: 0xdead_beef };
    let packet = |extensions: &[ExtensionValue<'_>], payload: &[u8], padding| {
        let mut out = [0; 300];
        let written = write_packet(&fields, extensions, payload, &mut out).unwrap();
        let written = pad(written, padding, &mut out).unwrap();
        out[..written.len].to_vec()
    };
    let with = |two_byte: u8, map: [u8; 2], packet: Vec<u8>| {
        let settings = [1, 102, 0, 7, 0, 0, 0, 5, 0, 0, 0, 9, two_byte, map[0], map[1], b'0', b'1'];
        [&settings[..], &packet].concat()
    };
    let mut csrcs = packet(&[], b"csrcs", 0);
    csrcs[0] |= 2;
    csrcs.splice(12..12, [1, 2, 3, 4, 5, 6, 7, 8]);
    named([
        ("plain", with(0, [0, 0], packet(&[], b"payload", 0))),
        ("padded", with(0, [0, 0], packet(&[], b"payload", 9))),
        ("padding-alone", with(0, [0, 0], packet(&[], b"", 200))),
        (
            "one-byte",
            with(
                0,
                [1, 5],
                packet(
                    &[ExtensionValue { id: 1, value: b"mid" }, ExtensionValue { id: 2, value: &[7] }],
                    b"x",
                    0,
                ),
            ),
        ),
        (
            "two-byte",
            with(
                1,
                [200, 201],
                packet(
                    &[ExtensionValue { id: 200, value: &[] }, ExtensionValue { id: 2, value: &[7; 30] }],
                    b"x",
                    4,
                ),
            ),
        ),
        ("csrcs", with(0, [0, 0], csrcs)),
    ])
}
