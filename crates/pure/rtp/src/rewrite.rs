//! Forwarding: one incoming packet becomes one outgoing packet per subscriber, with a header of its own.

use crate::extension::{ExtensionMap, ExtensionValue};
use crate::fields::put;
use crate::packet::{Header, RtpPacket};
use crate::write::{Fields, NoRoom, Written, finish, forwarded_block, room};

/// Copies `packet` into `out` under a new header.
///
/// - `map` says which of the packet's extensions go along, and under which ids; `set` adds values (or replaces those
///   that went along under the same id).
/// - `original_sequence` makes it an RTX packet (RFC 4588): the number goes in front of the payload, and `fields` are
///   those of the RTX stream (but the timestamp, which is the original's).
/// - Padding and CSRCs stay behind: they mean something between the publisher and the server only.
///
/// Nothing is allocated. Leave [`crate::srtp::MAX_RTP_OVERHEAD`] bytes of `out` free for the seal.
///
/// # Errors
/// [`NoRoom`].
#[inline]
pub fn copy_with(
    packet: &RtpPacket<'_>,
    fields: &Fields,
    map: &ExtensionMap,
    set: &[ExtensionValue<'_>],
    original_sequence: Option<u16>,
    out: &mut [u8],
) -> Result<Written, NoRoom> {
    let header_len = forwarded_block(packet.extensions(), map, set, out)?;
    let Some(original) = original_sequence else {
        return finish(fields, header_len, packet.payload(), out);
    };
    room(put(out, header_len, &original.to_be_bytes()))?;
    let written = finish(fields, header_len + 2, packet.payload(), out)?;
    Ok(Written { header_len, ..written })
}

/// Sets marker and payload type of a packet in place; false when there is no header.
#[inline]
pub fn set_payload_type(packet: &mut [u8], marker: bool, payload_type: u8) -> bool {
    put(packet, 1, &[(u8::from(marker) << 7) | (payload_type & 0x7f)])
}

/// Sets the sequence number in place; false when there is no header.
#[inline]
pub fn set_sequence(packet: &mut [u8], sequence: u16) -> bool {
    put(packet, 2, &sequence.to_be_bytes())
}

/// Sets the timestamp in place; false when there is no header.
#[inline]
pub fn set_timestamp(packet: &mut [u8], timestamp: u32) -> bool {
    put(packet, 4, &timestamp.to_be_bytes())
}

/// Sets the SSRC in place; false when there is no header.
#[inline]
pub fn set_ssrc(packet: &mut [u8], ssrc: u32) -> bool {
    put(packet, 8, &ssrc.to_be_bytes())
}

/// Overwrites the value of the first extension with this id in a plain packet; false when the packet has none, or one
/// of another length.
#[inline]
pub fn set_extension(packet: &mut [u8], id: u8, value: &[u8]) -> bool {
    let Ok(header) = Header::parse(packet) else { return false };
    match header.extensions(packet).position_of(id) {
        // The block is the last part of the header.
        Some((from_end, len)) if len == value.len() => put(packet, header.header_len() - from_end, value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{pad, write_packet};
    use proptest::prelude::*;

    const SENT: Fields =
        Fields { marker: true, payload_type: 96, sequence: 1000, timestamp: 90, ssrc: 0xaaaa };
    const SEEN: Fields = Fields { marker: true, payload_type: 102, sequence: 7, timestamp: 5, ssrc: 0xbbbb };

    fn publisher_packet(payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 1500];
        let extensions = [
            ExtensionValue { id: 1, value: b"mid" },
            ExtensionValue { id: 2, value: &[1, 2, 3] },
            ExtensionValue { id: 3, value: &[9, 9] },
            ExtensionValue { id: 4, value: &[77] },
        ];
        let written = write_packet(&SENT, &extensions, payload, &mut out).unwrap();
        let written = pad(written, 9, &mut out).unwrap();
        out.truncate(written.len);
        out
    }

    fn elements(packet: &RtpPacket<'_>) -> Vec<(u8, Vec<u8>)> {
        packet.extensions().map(|element| (element.id, element.value.to_vec())).collect()
    }

    #[test]
    fn a_subscriber_sees_its_own_ids_and_values() {
        let source = publisher_packet(b"payload");
        let packet = RtpPacket::parse(&source).unwrap();
        let mut map = ExtensionMap::new(false);
        map.pass(1, 5); // the publisher's mid: replaced below
        map.pass(2, 6); // goes along
        map.pass(4, 15); // does not fit the one-byte form
        let set = [ExtensionValue { id: 5, value: b"0" }, ExtensionValue { id: 0, value: b"nothing" }];
        let mut out = [0xee; 200];
        let written = copy_with(&packet, &SEEN, &map, &set, None, &mut out).unwrap();
        let copy = RtpPacket::parse(&out[..written.len]).unwrap();
        assert_eq!(elements(&copy), [(6, vec![1, 2, 3]), (5, b"0".to_vec())]);
        assert_eq!((copy.payload(), copy.padding_len()), (&b"payload"[..], 0));
        let header = copy.header();
        assert_eq!((header.ssrc, header.sequence, header.timestamp), (0xbbbb, 7, 5));
        assert_eq!((header.marker, header.payload_type), (true, 102));
        assert_eq!(&out[written.header_len..written.len], b"payload");
    }

    #[test]
    fn two_byte_elements_go_to_those_who_understand_them() {
        let source = publisher_packet(b"x");
        let packet = RtpPacket::parse(&source).unwrap();
        let mut map = ExtensionMap::new(true);
        map.pass(2, 6);
        map.pass(4, 200);
        let mut out = [0; 200];
        let written = copy_with(&packet, &SEEN, &map, &[], None, &mut out).unwrap();
        let copy = RtpPacket::parse(&out[..written.len]).unwrap();
        assert_eq!(elements(&copy), [(6, vec![1, 2, 3]), (200, vec![77])]);
    }

    #[test]
    fn without_extensions_there_is_no_block() {
        let source = publisher_packet(b"x");
        let packet = RtpPacket::parse(&source).unwrap();
        let mut out = [0; 13];
        let written = copy_with(&packet, &SEEN, &ExtensionMap::new(false), &[], None, &mut out).unwrap();
        assert_eq!(written, Written { header_len: 12, len: 13 });
    }

    #[test]
    fn values_are_set_in_place() {
        let mut bytes = publisher_packet(b"x");
        assert!(set_extension(&mut bytes, 2, &[7, 8, 9]));
        assert!(!set_extension(&mut bytes, 2, &[7, 8]) && !set_extension(&mut bytes, 9, &[7]));
        assert!(set_payload_type(&mut bytes, false, 111) && set_sequence(&mut bytes, 2));
        assert!(set_timestamp(&mut bytes, 3) && set_ssrc(&mut bytes, 4));
        let packet = RtpPacket::parse(&bytes).unwrap();
        assert_eq!(packet.extensions().find(2), Some(&[7, 8, 9][..]));
        let header = packet.header();
        assert_eq!((header.marker, header.payload_type), (false, 111));
        assert_eq!((header.sequence, header.timestamp, header.ssrc), (2, 3, 4));
        assert!(!set_ssrc(&mut bytes[..11], 4));
    }

    proptest! {
        #[test]
        fn any_packet_that_parses_is_copied(
            mut bytes in prop::collection::vec(any::<u8>(), 12..300),
            ids in prop::collection::vec(any::<u8>(), 20),
            two_byte in any::<bool>(),
            rtx in any::<Option<u16>>(),
        ) {
            bytes[0] = bytes[0] & 0x3f | 0x80;
            if let Ok(packet) = RtpPacket::parse(&bytes) {
                let mut map = ExtensionMap::new(two_byte);
                ids.iter().enumerate().for_each(|(from, &to)| map.pass(from as u8, to));
                let mut out = [0; 800];
                let written = copy_with(&packet, &SEEN, &map, &[], rtx, &mut out).unwrap();
                let copy = RtpPacket::parse(&out[..written.len]).unwrap();
                prop_assert_eq!(copy.header().header_len(), written.header_len);
                let skip = if rtx.is_some() { 2 } else { 0 };
                prop_assert_eq!(&copy.payload()[skip..], packet.payload());
            }
        }
    }
}
