//! H.264 payloads (RFC 6184 section 5), as far as key frames need them.

use crate::fields::{u8_at, u16_at};

/// The types of NAL units.
const IDR: u8 = 5;
const SPS: u8 = 7;
/// Several units in one packet (single-time aggregation, type A).
const AGGREGATE: u8 = 24;
/// A part of a unit (fragmentation, type A).
const FRAGMENT: u8 = 28;

/// Whether an H.264 payload begins a key frame: an IDR picture, or the parameters that come before it.
#[inline]
#[must_use]
pub fn is_key_frame_start(payload: &[u8]) -> bool {
    read(payload).unwrap_or(false)
}

fn read(payload: &[u8]) -> Option<bool> {
    match u8_at(payload, 0)? & 0x1f {
        IDR | SPS => Some(true),
        AGGREGATE => aggregated(payload.get(1..)?),
        FRAGMENT => {
            let header = u8_at(payload, 1)?;
            Some(header & 0x80 != 0 && header & 0x1f == IDR)
        }
        _ => Some(false),
    }
}

/// Units, each behind its size.
fn aggregated(mut units: &[u8]) -> Option<bool> {
    while !units.is_empty() {
        let size = usize::from(u16_at(units, 0)?);
        let unit = units.get(2..2 + size)?;
        if matches!(u8_at(unit, 0)? & 0x1f, IDR | SPS) {
            return Some(true);
        }
        units = units.get(2 + size..)?;
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_and_idr_pictures_begin_a_key_frame() {
        assert!(is_key_frame_start(&[0x67, 0x42, 0x00, 0x1f]) && is_key_frame_start(&[0x65, 0x88]));
        assert!(!is_key_frame_start(&[0x41, 0x9a]), "a predicted picture");
        assert!(!is_key_frame_start(&[0x68, 0xce]), "picture parameters alone");
        assert!(is_key_frame_start(&[0x7c, 0x85, 0x88]), "the first part of an IDR picture");
        assert!(!is_key_frame_start(&[0x7c, 0x05, 0x88]), "a later part");
        assert!(!is_key_frame_start(&[0x7c, 0x81, 0x9a]), "the first part of another one");
        assert!(is_key_frame_start(&[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]));
        assert!(!is_key_frame_start(&[0x78, 0, 2, 0x68, 0xce, 0, 1, 0x41]));
        assert!(!is_key_frame_start(&[0x78, 0, 0, 0xff]) && !is_key_frame_start(&[0x78, 0xff, 0xff, 0x67]));
        assert!(!is_key_frame_start(&[]) && !is_key_frame_start(&[0x7c]));
    }

    proptest! {
        #[test]
        fn nothing_panics(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = is_key_frame_start(&payload);
        }
    }
}
