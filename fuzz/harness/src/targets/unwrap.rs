//! Transport feedback at the one who sent the packets: whatever a receiver claims, it is about packets that left.

use super::named;
use crate::script::Script;
use rtp::rtcp::{FeedbackUnwrapper, Packet, packets};

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut unwrapper = FeedbackUnwrapper::new();
    let mut last_sent = script.u64();
    while !script.is_empty() {
        last_sent = last_sent.saturating_add(u64::from(script.u16()));
        for packet in packets(script.chunk()).flatten() {
            let Packet::TransportCc(feedback) = packet else { continue };
            let Some(unwrapped) = unwrapper.unwrap(&feedback, last_sent) else {
                assert!(last_sent < 0xffff);
                continue;
            };
            assert!(unwrapped.count <= feedback.count);
            assert!(unwrapped.first <= last_sent && last_sent - unwrapped.first < 1 << 16);
            assert_eq!(unwrapped.first & 0xffff, u64::from(feedback.base));
            let end = unwrapped.first + (last_sent - unwrapped.first).min(u64::from(unwrapped.count));
            let numbers: Vec<u64> = unwrapped.arrivals.map(|(number, _)| number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b));
            assert!(numbers.iter().all(|number| (unwrapped.first..=end).contains(number)));
            // In steps as the feedback has them, whatever wraps.
            let steps =
                |ticks: Vec<i64>| -> Vec<i64> { ticks.windows(2).map(|two| two[1] - two[0]).collect() };
            let ours = steps(unwrapped.arrivals.map(|(_, ticks)| ticks).collect());
            let theirs = steps(feedback.arrivals().map(|arrival| arrival.ticks).collect());
            assert_eq!(ours[..], theirs[..ours.len()]);
        }
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let feedback = |base: u16, reference: u8| {
        let [high, low] = base.to_be_bytes();
        let head =
            [0xaf, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, high, low, 0, 7, reference, reference, reference];
        [&head[..], &[1, 0x20, 2, 0xd9, 0x00, 4, 0xff, 0xfe, 1]].concat()
    };
    let of = |last_sent: u64, said: &[Vec<u8>]| {
        let mut seed = last_sent.to_be_bytes().to_vec();
        for one in said {
            seed.extend([0, 1, one.len() as u8]);
            seed.extend(one);
        }
        seed
    };
    named([
        ("begin", of(20, &[feedback(5, 0), feedback(12, 0)])),
        ("clock-wraps", of(20, &[feedback(5, 0xff), feedback(12, 0)])),
        ("number-wraps", of(0x1_0004, &[feedback(0xfffe, 3)])),
        ("not-sent", of(3, &[feedback(2, 3), feedback(9, 3)])),
        ("end", of(u64::MAX - 1, &[feedback(0xfffc, 3)])),
    ])
}
