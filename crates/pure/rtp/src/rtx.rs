//! Retransmission streams (RFC 4588): the packet inside. The other way is [`crate::rewrite::copy_with`] with an
//! original sequence number.

use crate::fields::u16_at;
use crate::packet::RtpPacket;

/// The packet inside an RTX packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original<'a> {
    /// Its sequence number in the stream that is repaired; see [`crate::sequence::extend_near`].
    pub sequence: u16,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Reads the payload of an RTX packet; `None` for a probe, which carries no packet (browsers pad on the RTX stream).
#[inline]
#[must_use]
pub fn unwrap<'a>(packet: &RtpPacket<'a>) -> Option<Original<'a>> {
    let sequence = u16_at(packet.payload(), 0)?;
    let payload = packet.payload().get(2..)?;
    (!payload.is_empty()).then_some(Original { sequence, payload })
}

/// Turns a plain RTX packet into the original, in place and without moving the payload: the header is moved two bytes
/// towards it, with the original's payload type, sequence number and SSRC. Returns where the original begins in
/// `data`; it ends where the RTX packet did. `None` for a probe, and then nothing is changed.
#[inline]
pub fn unwrap_in_place(data: &mut [u8], payload_type: u8, ssrc: u32) -> Option<usize> {
    let packet = RtpPacket::parse(data).ok()?;
    let Original { sequence, .. } = unwrap(&packet)?;
    let header = *packet.header();
    data.copy_within(..header.header_len(), 2);
    let original = data.get_mut(2..)?;
    crate::rewrite::set_payload_type(original, header.marker, payload_type);
    crate::rewrite::set_sequence(original, sequence);
    crate::rewrite::set_ssrc(original, ssrc);
    Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::copy_with;
    use crate::write::{pad, write_packet};
    use crate::{ExtensionMap, ExtensionValue, Fields};
    use proptest::prelude::*;

    const ORIGINAL: Fields = Fields { marker: true, payload_type: 96, sequence: 500, timestamp: 90, ssrc: 1 };
    const RTX: Fields = Fields { marker: true, payload_type: 97, sequence: 3, timestamp: 90, ssrc: 2 };

    #[test]
    fn a_probe_is_no_packet() {
        let mut out = [0; 300];
        let written = write_packet(&RTX, &[], &[], &mut out).unwrap();
        let written = pad(written, 224, &mut out).unwrap();
        assert_eq!(unwrap(&RtpPacket::parse(&out[..written.len]).unwrap()), None);
        let before = out;
        assert_eq!(unwrap_in_place(&mut out[..written.len], 96, 1), None);
        assert_eq!(out, before);
    }

    proptest! {
        #[test]
        fn what_is_wrapped_comes_out(payload in prop::collection::vec(any::<u8>(), 1..100), extension in any::<bool>()) {
            let mut source = [0; 200];
            let values = [ExtensionValue { id: if extension { 1 } else { 0 }, value: &[5, 6] }];
            let written = write_packet(&ORIGINAL, &values, &payload, &mut source).unwrap();
            let source = &source[..written.len];
            let packet = RtpPacket::parse(source).unwrap();
            let mut map = ExtensionMap::new(false);
            map.pass(1, 1);
            let mut out = [0; 200];
            let written = copy_with(&packet, &RTX, &map, &[], Some(500), &mut out).unwrap();
            let wrapped = RtpPacket::parse(&out[..written.len]).unwrap();
            prop_assert_eq!(unwrap(&wrapped), Some(Original { sequence: 500, payload: &payload }));
            let start = unwrap_in_place(&mut out[..written.len], 96, 1).unwrap();
            prop_assert_eq!(&out[start..written.len], source);
        }

        #[test]
        fn nothing_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unwrap_in_place(&mut bytes, 1, 2);
        }
    }
}
