//! A recording of any packets, at any times: the file is sound, and lasts as long as the call did.

use super::named;
use crate::ogg_file::read;
use crate::script::Script;
use ogg::{Channels, Head, Recording, Stats, Tags, opus};
use std::time::Duration;

/// The longest call, in milliseconds: a gap of an hour alone is a megabyte of silence.
const MAX_CALL: u64 = 120_000;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let channels = if script.bit() { Channels::Stereo } else { Channels::Mono };
    let mut tags = Tags::new();
    let (name, value) = (script.chunk(), String::from_utf8_lossy(script.chunk()).into_owned());
    let name = String::from_utf8_lossy(name).into_owned();
    let tagged = tags.add(&name, &value).is_ok();
    let (mut recording, ticks) = (Recording::new(Head { channels }, &tags, script.u32()), script.bit());
    let (mut now, mut index, mut timestamp) = (0, 0u64, 0u32);
    let mut longest = 0;
    while !script.is_empty() {
        let (wait, leaps) = (u64::from(script.byte()), script.byte());
        now = MAX_CALL.min(now + if leaps & 1 == 0 { wait } else { wait * 100 });
        index = match leaps >> 1 & 7 {
            0..=4 => index.wrapping_add(u64::from(leaps >> 4) % 3),
            5 => index.saturating_sub(u64::from(script.byte())),
            6 => index.saturating_add(u64::from(script.u32())),
            _ => script.u64(),
        };
        timestamp = match leaps >> 4 & 3 {
            3 => script.u32(),
            steps => timestamp.wrapping_add(960 * u32::from(steps)),
        };
        let at = Duration::from_millis(now);
        while let Some(due) = recording.next_timeout().filter(|due| ticks && *due < at) {
            recording.tick(due);
            assert!(recording.next_timeout().is_some_and(|next| next > due), "a tick moves time");
        }
        let payload = script.chunk();
        recording.push(at, index, timestamp, payload);
        longest = longest.max(opus::duration(payload).unwrap_or(0));
        assert!(longest <= opus::MAX_DURATION);
    }
    let at = Duration::from_millis(now);
    recording.finish(at);
    let heard = read(recording.output());
    let error = heard - (now * 48) as i64;
    assert!((0..=48 * 200).contains(&error), "{error} samples too long");
    let stats = recording.stats();
    let Stats { received, written, late, duplicates, malformed, refused, left_out, .. } = stats;
    assert_eq!(received, written + late + duplicates + malformed + refused + left_out);
    // Nothing changes a file that is finished.
    let len = recording.output().len();
    recording.push(at, index.wrapping_add(1), timestamp, &[0]);
    recording.finish(Duration::MAX);
    assert_eq!((recording.output().len(), recording.stats(), recording.next_timeout()), (len, stats, None));
    let mut scan = ogg::Scan::new();
    scan.feed(recording.output());
    assert_eq!(scan.tags().and_then(|tags| tags.find(&name)), tagged.then_some(value.as_str()));
    assert_eq!(scan.finish(), ogg::Mend::Whole);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let head: &[u8] = &[0, 4, b'R', b'O', b'O', b'M', 3, b't', b'e', b'a', 0, 0, 0, 9];
    let of = |ticks: u8, steps: Vec<u8>| [head, &[ticks], &steps].concat();
    let spoken = |n: usize| [20, 0x10, 3, 252, 1, 2].repeat(n);
    named([
        ("spoken", of(0, spoken(100))),
        ("spoken-with-ticks", of(1, spoken(100))),
        ("gaps", of(1, [spoken(10), vec![30, 1, 1, 0x80], spoken(10)].concat())),
        ("doubled", of(0, [20, 0x10, 3, 252, 1, 2, 0, 0, 3, 252, 1, 2].repeat(10))),
        (
            "leaps",
            of(
                0,
                [
                    spoken(10),
                    vec![20, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 2, 252, 1],
                    spoken(10),
                ]
                .concat(),
            ),
        ),
        ("malformed", of(0, [20, 0x10, 0, 20, 0x10, 3, 0xff, 0, 0, 20, 0x10, 2, 3, 0x3f].repeat(4))),
    ])
}
