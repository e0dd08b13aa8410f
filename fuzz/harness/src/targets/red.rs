//! The primary block of redundant audio: whatever the headers claim, it lies behind them and ends with the payload.

use super::named;
use rtp::red::{MAX_BLOCKS, primary};

pub(crate) fn run(data: &[u8]) {
    let Ok(found) = primary(data) else { return };
    assert!(found.header_len % 4 == 1 && found.header_len <= 4 * (MAX_BLOCKS - 1) + 1);
    assert_eq!(data[found.header_len - 1], found.payload_type);
    assert!(found.payload_type < 128);
    assert_eq!(&data[found.header_len + found.redundant_len..], found.payload);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("alone", vec![0x6f, 8, 9]),
        ("one-repetition", vec![0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 8, 9]),
        ("two-repetitions", vec![0xef, 0x1e, 0, 1, 0xef, 0x0f, 0, 2, 0x6f, 1, 2, 2, 8, 9]),
        ("torn", vec![0xef, 0x0f, 0x03, 0xff, 0x6f, 1]),
    ])
}
