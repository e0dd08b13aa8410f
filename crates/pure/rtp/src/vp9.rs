//! The VP9 payload descriptor (RFC 9628 section 4.2), as far as key frames need it.

use crate::fields::u8_at;

/// I: a picture id follows.
const PICTURE_ID: u8 = 0x80;
/// P: the frame is predicted from others.
const PREDICTED: u8 = 0x40;
/// L: layer indices follow.
const LAYERS: u8 = 0x20;
/// F: flexible mode, without TL0PICIDX.
const FLEXIBLE: u8 = 0x10;
/// B: the packet begins a frame of its spatial layer.
const BEGINS: u8 = 0x08;

/// Whether a VP9 payload is the first of a key frame: the base layer's, which no other frame predicts.
#[inline]
#[must_use]
pub fn is_key_frame_start(payload: &[u8]) -> bool {
    read(payload).unwrap_or(false)
}

fn read(payload: &[u8]) -> Option<bool> {
    let first = u8_at(payload, 0)?;
    let mut at = 1;
    if first & PICTURE_ID != 0 {
        at += if u8_at(payload, at)? & 0x80 != 0 { 2 } else { 1 };
    }
    let mut spatial = 0;
    if first & LAYERS != 0 {
        spatial = u8_at(payload, at)? >> 1 & 0x07;
        at += if first & FLEXIBLE != 0 { 1 } else { 2 };
    }
    // A descriptor without a frame behind it begins nothing.
    u8_at(payload, at)?;
    Some(first & BEGINS != 0 && first & PREDICTED == 0 && spatial == 0)
}

#[cfg(test)]
mod tests {
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

    proptest! {
        #[test]
        fn nothing_panics(payload in prop::collection::vec(any::<u8>(), 0..12)) {
            let _ = is_key_frame_start(&payload);
        }
    }
}
