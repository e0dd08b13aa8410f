//! Writing RTP packets into a buffer of the caller's.

use crate::extension::{Extension, ExtensionMap, ExtensionValue, Extensions, ONE_BYTE, TWO_BYTE};
use crate::fields::put;
use crate::packet::FIXED_HEADER;

/// The caller's buffer is too small for what it asked to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffer handed in has no room for the packet")]
pub struct NoRoom;

/// The fields of an outgoing packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The marker bit.
    pub marker: bool,
    /// 0 to 127; the high bit is ignored.
    pub payload_type: u8,
    /// The low 16 bits of the packet's index.
    pub sequence: u16,
    /// In units of the codec's clock rate.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

/// What was written: the packet is `out[..len]`, its payload `out[header_len..len]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Length of the header with extensions, in bytes.
    pub header_len: usize,
    /// Length of the packet, in bytes.
    pub len: usize,
}

/// Writes a packet from scratch: one-byte extensions where they all fit that form, else two-byte ones.
///
/// # Errors
/// [`NoRoom`] when `out` is too small, or when an extension value is longer than 255 bytes.
pub fn write_packet(
    fields: &Fields,
    extensions: &[ExtensionValue<'_>],
    payload: &[u8],
    out: &mut [u8],
) -> Result<Written, NoRoom> {
    if extensions.iter().any(|extension| extension.value.len() > 255) {
        return Err(NoRoom);
    }
    let elements = || extensions.iter().filter(|e| e.id != 0).map(|e| Extension { id: e.id, value: e.value });
    let one_byte = elements().all(|element| fits_one_byte(&element));
    let form = if one_byte { ONE_BYTE } else { TWO_BYTE };
    let header_len = block(elements(), form, out)?;
    finish(fields, header_len, payload, out)
}

/// Adds `count` bytes of padding behind the packet in `out[..written.len]` (RFC 3550 section 5.1). The packet must
/// have none yet.
///
/// # Errors
/// [`NoRoom`].
pub fn pad(written: Written, count: u8, out: &mut [u8]) -> Result<Written, NoRoom> {
    if count == 0 {
        return Ok(written);
    }
    let len = written.len + usize::from(count);
    let place = out.get_mut(written.len..len).ok_or(NoRoom)?;
    place.fill(0);
    if let Some(last) = place.last_mut() {
        *last = count;
    }
    if let Some(first) = out.first_mut() {
        *first |= 0x20;
    }
    Ok(Written { len, ..written })
}

/// Writes the extension block of a forwarded packet: the source's elements under the receiver's ids, then the values
/// that are set, each of which replaces the element of its id. Returns the length of the header.
#[inline]
pub(crate) fn forwarded_block(
    source: Extensions<'_>,
    map: &ExtensionMap,
    set: &[ExtensionValue<'_>],
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let elements = move || {
        let passed = source.filter_map(|element| {
            let id = map.get(element.id);
            let wanted = id != 0 && !set.iter().any(|value| value.id == id);
            wanted.then_some(Extension { id, value: element.value })
        });
        let put = set.iter().filter(|v| v.id != 0).map(|v| Extension { id: v.id, value: v.value });
        passed.chain(put)
    };
    if map.two_byte() && !elements().all(|element| fits_one_byte(&element)) {
        return block(elements(), TWO_BYTE, out);
    }
    block(elements().filter(fits_one_byte), ONE_BYTE, out)
}

#[inline]
pub(crate) fn fits_one_byte(element: &Extension<'_>) -> bool {
    matches!(element.id, 1..=14) && matches!(element.value.len(), 1..=16)
}

/// Where the elements of a block begin.
pub(crate) const BLOCK_START: usize = FIXED_HEADER + 4;

/// Writes the elements behind the fixed header, all in the one form, and the first byte of the packet. Returns the
/// length of the header, which is the fixed one when there are no elements.
#[inline]
pub(crate) fn block<'a>(
    elements: impl Iterator<Item = Extension<'a>>,
    form: u16,
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let mut at = BLOCK_START;
    for extension in elements {
        at = element(&extension, form, at, out)?;
    }
    if at == BLOCK_START {
        *out.first_mut().ok_or(NoRoom)? = 0x80;
        return Ok(FIXED_HEADER);
    }
    close_block(form, at, out)
}

/// Writes an element at `at`; where the next one goes.
#[inline]
pub(crate) fn element(
    extension: &Extension<'_>,
    form: u16,
    mut at: usize,
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let &Extension { id, value } = extension;
    let len = value.len();
    if form == ONE_BYTE {
        let head = (id << 4) | (len.wrapping_sub(1) & 0x0f) as u8;
        *out.get_mut(at).ok_or(NoRoom)? = head;
        at += 1;
    } else {
        let len = u8::try_from(len).map_err(|_| NoRoom)?;
        room(put(out, at, &[id, len]))?;
        at += 2;
    }
    room(put(out, at, value))?;
    Ok(at + len)
}

/// Writes what is before and behind the elements, which end at `at`: the first byte of the packet, the form and length
/// of the block, and zeros up to a whole word. Returns the length of the header.
#[inline]
pub(crate) fn close_block(form: u16, at: usize, out: &mut [u8]) -> Result<usize, NoRoom> {
    let words = (at - BLOCK_START).div_ceil(4);
    let end = BLOCK_START + 4 * words;
    out.get_mut(at..end).ok_or(NoRoom)?.fill(0);
    let words = u16::try_from(words).map_err(|_| NoRoom)?;
    let [p0, p1] = form.to_be_bytes();
    let [w0, w1] = words.to_be_bytes();
    room(put(out, FIXED_HEADER, &[p0, p1, w0, w1]))?;
    *out.first_mut().ok_or(NoRoom)? = 0x90;
    Ok(end)
}

/// Writes the fixed header (but its first byte) and the payload.
#[inline]
pub(crate) fn finish(
    fields: &Fields,
    header_len: usize,
    payload: &[u8],
    out: &mut [u8],
) -> Result<Written, NoRoom> {
    let fixed: &mut [u8; FIXED_HEADER] = out.first_chunk_mut().ok_or(NoRoom)?;
    let [s0, s1] = fields.sequence.to_be_bytes();
    let [t0, t1, t2, t3] = fields.timestamp.to_be_bytes();
    let [c0, c1, c2, c3] = fields.ssrc.to_be_bytes();
    let second = (u8::from(fields.marker) << 7) | (fields.payload_type & 0x7f);
    *fixed = [fixed[0], second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
    room(put(out, header_len, payload))?;
    Ok(Written { header_len, len: header_len + payload.len() })
}

#[inline]
pub(crate) fn room(written: bool) -> Result<(), NoRoom> {
    if written { Ok(()) } else { Err(NoRoom) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RtpPacket;
    use proptest::prelude::*;

    const FIELDS: Fields = Fields { marker: true, payload_type: 96, sequence: 7, timestamp: 8, ssrc: 9 };

    #[test]
    fn padding_goes_behind_and_is_not_payload() {
        let mut out = [0xff; 64];
        let written = write_packet(&FIELDS, &[], b"abc", &mut out).unwrap();
        let padded = pad(written, 5, &mut out).unwrap();
        let packet = RtpPacket::parse(&out[..padded.len]).unwrap();
        assert_eq!((packet.payload(), packet.padding_len(), padded.len), (&b"abc"[..], 5, 20));
        assert_eq!(pad(padded, 200, &mut out), Err(NoRoom));
        assert_eq!(pad(padded, 0, &mut out), Ok(padded));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (marker, payload_type, sequence, timestamp, ssrc) in
                (any::<bool>(), 0u8..128, any::<u16>(), any::<u32>(), any::<u32>()),
            extensions in prop::collection::vec((1u8.., prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            payload in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let fields = Fields { marker, payload_type, sequence, timestamp, ssrc };
            let values: Vec<_> =
                extensions.iter().map(|(id, value)| ExtensionValue { id: *id, value }).collect();
            let mut out = [0xa5; 600];
            let written = write_packet(&fields, &values, &payload, &mut out).unwrap();
            let packet = RtpPacket::parse(&out[..written.len]).unwrap();
            let header = packet.header();
            prop_assert_eq!(header.header_len(), written.header_len);
            prop_assert_eq!(
                (header.marker, header.payload_type, header.sequence, header.timestamp, header.ssrc),
                (marker, payload_type, sequence, timestamp, ssrc)
            );
            prop_assert_eq!(packet.payload(), &payload[..]);
            let read: Vec<_> = packet.extensions().map(|e| (e.id, e.value.to_vec())).collect();
            prop_assert_eq!(read, extensions);
        }

        #[test]
        fn a_small_buffer_is_an_error_and_no_panic(room in 0usize..60) {
            let mut out = vec![0; room];
            let values = [ExtensionValue { id: 3, value: &[1, 2, 3] }, ExtensionValue { id: 20, value: &[1] }];
            let fits = write_packet(&FIELDS, &values, &[0; 8], &mut out).is_ok();
            prop_assert_eq!(fits, room >= 12 + 4 + 8 + 8);
        }
    }
}
