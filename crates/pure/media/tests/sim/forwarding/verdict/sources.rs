//! A publisher that goes on under another SSRC.

use crate::forwarding::reference::{Accepted, Track};
use sdp::Kind;
use std::collections::HashMap;
use std::time::Duration;

/// Timestamps run on when the publisher changes its SSRC: by about as much as time has passed.
pub(in crate::forwarding) fn sources_run_on(track: &Track, shifts: &HashMap<u32, u32>) {
    let mut accepted: Vec<&Accepted> = track.accepted.iter().collect();
    accepted.sort_by_key(|accepted| accepted.number);
    for pair in accepted.windows(2).filter(|pair| pair[0].sent.ssrc != pair[1].sent.ssrc) {
        let times = pair
            .iter()
            .map(|accepted| Some(accepted.sent.timestamp.wrapping_add(*shifts.get(&accepted.sent.ssrc)?)));
        let [Some(before), Some(after)] = times.collect::<Vec<_>>()[..] else { continue };
        let ticks = after.wrapping_sub(before) as i32;
        assert!(ticks > 0, "timestamps go back by {ticks}");
        let rate = if track.kind == Kind::Audio { 48_000 } else { 90_000 };
        let passed = Duration::from_micros(ticks as u64 * 1_000_000 / rate);
        let apart = pair[1].at.saturating_duration_since(pair[0].at);
        assert!(passed.abs_diff(apart) < Duration::from_millis(400), "{passed:?} in {apart:?}");
    }
}
