//! AV1's aggregation header (RTP Payload Format For AV1, version 1.0.0, section 4.4), as far as key frames need it.

use crate::fields::u8_at;

/// Z: the first part of the packet goes on with what the packet before began.
const CONTINUES: u8 = 0x80;
/// N: the packet is the first of a coded video sequence.
const NEW_SEQUENCE: u8 = 0x08;

/// Whether an AV1 payload is the first of a key frame: a coded video sequence begins with one, and nowhere else.
#[inline]
#[must_use]
pub fn is_key_frame_start(payload: &[u8]) -> bool {
    let Some(header) = u8_at(payload, 0) else { return false };
    payload.len() > 1 && header & NEW_SEQUENCE != 0 && header & CONTINUES == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sequence_begins_with_a_key_frame() {
        assert!(is_key_frame_start(&[0x18, 0x0a]) && is_key_frame_start(&[0x58, 0x0a]));
        assert!(!is_key_frame_start(&[0x10, 0x32]), "in the middle of one");
        assert!(!is_key_frame_start(&[0x98, 0x32]), "the first of a sequence continues nothing");
        assert!(!is_key_frame_start(&[0x08]) && !is_key_frame_start(&[]));
    }
}
