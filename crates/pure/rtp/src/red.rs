//! Redundant audio (RFC 2198): the newest block of a payload, for subscribers that did not agree on the repetitions.

use crate::fields::{u8_at, u16_at};
use crate::packet::Malformed;

/// How many blocks a payload may have, the primary one included; libwebrtc reads as many (`kMaxRedBlocks`).
pub const MAX_BLOCKS: usize = 32;

/// F: one more header follows.
const MORE: u8 = 0x80;
/// The header of a repetition: payload type, timestamp offset (14 bits), length (10 bits).
const HEADER: usize = 4;
/// The header of the primary block: its payload type.
const LAST_HEADER: usize = 1;

/// The block that the packet would carry without redundancy: its timestamp is that of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primary<'a> {
    /// The payload type of the block, 0 to 127.
    pub payload_type: u8,
    /// What it carries; may be empty.
    pub payload: &'a [u8],
    /// The length of the headers of all blocks, in bytes.
    pub header_len: usize,
    /// The length of the repetitions between the headers and the primary block, in bytes.
    pub redundant_len: usize,
}

/// Finds the primary block of a RED payload, the last one in it.
///
/// # Errors
/// [`Malformed`] when headers or blocks are cut off, or when there are more than [`MAX_BLOCKS`].
#[inline]
pub fn primary(payload: &[u8]) -> Result<Primary<'_>, Malformed> {
    let torn = Malformed::TooShort("the headers of redundant audio");
    let (mut at, mut redundant_len) = (0, 0);
    for _ in 0..MAX_BLOCKS {
        let first = u8_at(payload, at).ok_or(torn)?;
        if first & MORE == 0 {
            let header_len = at + LAST_HEADER;
            let block = payload.get(header_len + redundant_len..);
            let payload = block.ok_or(Malformed::TooShort("the primary block of redundant audio"))?;
            return Ok(Primary { payload_type: first, payload, header_len, redundant_len });
        }
        redundant_len += usize::from(u16_at(payload, at + 2).ok_or(torn)? & 0x03ff);
        at += HEADER;
    }
    Err(Malformed::Invalid("number of redundant audio blocks"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(repetitions: &[(u8, u16, Vec<u8>)], payload_type: u8, primary: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (payload_type, offset, block) in repetitions {
            let rest = u32::from(*offset) << 10 | block.len() as u32;
            bytes.extend((u32::from(MORE | payload_type) << 24 | rest).to_be_bytes());
        }
        bytes.push(payload_type);
        repetitions.iter().for_each(|(_, _, block)| bytes.extend(block));
        bytes.extend(primary);
        bytes
    }

    #[test]
    fn as_a_browser_sends_opus_with_one_repetition() {
        // Opus as 111, 960 samples back, three bytes; then the primary block of two.
        let bytes = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 8, 9];
        let block = Primary { payload_type: 111, payload: &[8, 9], header_len: 5, redundant_len: 3 };
        assert_eq!(primary(&bytes), Ok(block));
        assert_eq!(payload(&[(111, 960, vec![1, 2, 3])], 111, &[8, 9]), bytes);
        // Without one, as after a pause.
        let alone = Primary { payload_type: 111, payload: &[8, 9], header_len: 1, redundant_len: 0 };
        assert_eq!(primary(&[0x6f, 8, 9]), Ok(alone));
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        assert!(primary(&[]).is_err() && primary(&[0xef, 0, 0]).is_err());
        assert!(primary(&[0xef, 0, 0, 0]).is_err(), "no last header");
        assert!(primary(&[0xef, 0, 0, 2, 0x6f, 1]).is_err(), "a repetition beyond the end");
        let blocks = |count: usize| payload(&vec![(111, 0, vec![]); count], 111, &[7]);
        assert!(primary(&blocks(MAX_BLOCKS - 1)).is_ok());
        let too_many = Malformed::Invalid("number of redundant audio blocks");
        assert_eq!(primary(&blocks(MAX_BLOCKS)), Err(too_many));
    }

    proptest! {
        #[test]
        fn the_primary_block_is_found_behind_any_repetitions(
            repetitions in prop::collection::vec(
                (0u8..128, 0u16..1 << 14, prop::collection::vec(any::<u8>(), 0..1024)),
                0..6,
            ),
            payload_type in 0u8..128,
            newest in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = payload(&repetitions, payload_type, &newest);
            let found = primary(&bytes).unwrap();
            prop_assert_eq!((found.payload_type, found.payload), (payload_type, &newest[..]));
            let redundant: usize = repetitions.iter().map(|(_, _, block)| block.len()).sum();
            prop_assert_eq!((found.header_len, found.redundant_len), (4 * repetitions.len() + 1, redundant));
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(found) = primary(&bytes) {
                prop_assert_eq!(found.header_len + found.redundant_len + found.payload.len(), bytes.len());
            }
        }
    }
}
