//! Packets of a frame that differ by a few bytes are padded to one size, so that they leave as one group
//! (RTP padding, RFC 3550 section 5.1).

use super::track::Track;
use crate::subscription::Fresh;
use sdp::Kind;

/// The most padding of a packet. A group more costs as much as some 5,000 bytes (docs/decisions/0009), so this is about
/// the subscribers' bandwidth: encoders make the packets of a frame equal but for a byte or two, and what differs by
/// more is another thing.
const MAX_PADDING: usize = 64;

/// Brings the packets of one track together, audio last, where it may be the short end of a group; and pads those of
/// each video frame to the size of its largest, but for the last. Each packet of `fresh` is to be sent for the first
/// time.
pub(crate) fn even_out(fresh: &mut [Fresh], tracks: &mut [Track]) {
    if fresh.len() < 2 {
        return;
    }
    let is_audio = |track: usize| tracks.get(track).is_some_and(|track| track.line.kind == Kind::Audio);
    fresh.sort_unstable_by_key(|fresh| (is_audio(fresh.track), fresh.track, fresh.entry.arrival));
    for frame in fresh.chunk_by_mut(same_frame) {
        let Some(track) = frame.first().and_then(|first| tracks.get_mut(first.track)) else { continue };
        if track.line.kind != Kind::Video {
            continue;
        }
        let largest = frame.iter().map(|fresh| fresh.entry.payload_len()).max().unwrap_or(0);
        let Some((_, others)) = frame.split_last_mut() else { continue };
        for fresh in others {
            let padding = largest - fresh.entry.payload_len();
            if let Some(padding) = u8::try_from(padding).ok().filter(|_| (1..=MAX_PADDING).contains(&padding))
            {
                track.cache.pad(&mut fresh.entry, padding);
            }
        }
    }
}

fn same_frame(one: &Fresh, other: &Fresh) -> bool {
    one.track == other.track && one.entry.header.timestamp == other.entry.header.timestamp
}
