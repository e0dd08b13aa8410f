//! The inside of a synthetic packet: a valid VP8 payload descriptor and header (or an Opus TOC byte),
//! then who and what it is, when it left, and bytes that follow from its counter, so that a receiver
//! can tell every wrong bit.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::TrackKind;

/// Marks the start of the description in a payload.
const MAGIC: [u8; 4] = *b"anab";
const DESCRIPTION: usize = 4 + 1 + 8 + 8 + 2 + 2 + 1 + 8;
/// Four bytes of payload descriptor (RFC 7741 section 4.2: X, I, a 15-bit picture id).
const DESCRIPTOR: usize = 4;
/// A VP8 key frame's header: the frame tag, the start code, width and height (RFC 6386 section 9.1).
const KEY_FRAME_HEADER: usize = 10;
/// A delta frame's header: the frame tag.
const DELTA_FRAME_HEADER: usize = 3;
/// Opus, CELT only, full band, 20 ms, stereo, one frame (RFC 6716 section 3.1).
const OPUS_TOC: u8 = 0xfc;
/// No payload is smaller than this.
pub(super) const MIN_PAYLOAD: usize = DESCRIPTOR + KEY_FRAME_HEADER + DESCRIPTION;

/// All send times count from here; one clock for all peers of a process.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a packet says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// Number of the track in its publisher.
    pub(super) track: u8,
    /// Number of the packet in its track, from 0.
    pub(super) counter: u64,
    /// Number of the frame in its track, from 0.
    pub(super) frame: u64,
    /// Number of the packet in its frame, from 0.
    pub(super) index: u16,
    /// Number of packets in its frame.
    pub(super) of: u16,
    /// Whether the frame is a key frame.
    pub(super) key: bool,
    /// When it was made.
    pub(super) sent: Instant,
}

impl Content {
    /// The RTP payload, `size` bytes long (or [`MIN_PAYLOAD`] if that is more).
    pub(super) fn payload(&self, kind: TrackKind, size: usize) -> Vec<u8> {
        let size = size.max(MIN_PAYLOAD);
        let mut out = Vec::with_capacity(size);
        self.codec_header(kind, &mut out);
        out.extend(MAGIC);
        out.push(self.track);
        out.extend(self.counter.to_be_bytes());
        out.extend(self.frame.to_be_bytes());
        out.extend(self.index.to_be_bytes());
        out.extend(self.of.to_be_bytes());
        out.push(u8::from(self.key));
        let sent = self.sent.saturating_duration_since(*EPOCH);
        out.extend(u64::try_from(sent.as_nanos()).unwrap_or(u64::MAX).to_be_bytes());
        let filler = size - out.len();
        out.extend(filler_of(self.counter, self.track).take(filler));
        out
    }

    /// Reads a payload back.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn read(kind: TrackKind, payload: &[u8]) -> Result<Self, String> {
        let body = skip_codec_header(kind, payload)?;
        let (description, filler) =
            body.split_at_checked(DESCRIPTION).ok_or("too short for a description")?;
        let mut fields = Fields(description);
        if fields.take::<4>() != MAGIC {
            return Err("no description where it should be".to_owned());
        }
        let [track] = fields.take();
        let counter = u64::from_be_bytes(fields.take());
        let frame = u64::from_be_bytes(fields.take());
        let index = u16::from_be_bytes(fields.take());
        let of = u16::from_be_bytes(fields.take());
        let [key] = fields.take();
        let sent = *EPOCH + Duration::from_nanos(u64::from_be_bytes(fields.take()));
        if !filler.iter().copied().eq(filler_of(counter, track).take(filler.len())) {
            return Err(format!("packet {counter} has wrong bytes"));
        }
        Ok(Self { track, counter, frame, index, of, key: key == 1, sent })
    }

    fn codec_header(&self, kind: TrackKind, out: &mut Vec<u8>) {
        if kind == TrackKind::Audio {
            out.push(OPUS_TOC);
            return;
        }
        let start = if self.index == 0 { 0x10 } else { 0 };
        let [high, low] = u16::try_from(self.frame & 0x7fff).unwrap_or_default().to_be_bytes();
        out.extend([0x80 | start, 0x80, 0x80 | high, low]);
        if self.index == 0 && self.key {
            // Key frame, version 0, shown; 320 × 240.
            out.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
        } else if self.index == 0 {
            out.extend([0x11, 0, 0]);
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk::<N>().expect("a description is as long as its fields");
        self.0 = rest;
        *field
    }
}

fn skip_codec_header(kind: TrackKind, payload: &[u8]) -> Result<&[u8], String> {
    if kind == TrackKind::Audio {
        return match payload {
            [OPUS_TOC, body @ ..] => Ok(body),
            _ => Err("not the Opus packet that was sent".to_owned()),
        };
    }
    let (start, rest) = skip_descriptor(payload).ok_or("no VP8 payload descriptor")?;
    let header = match rest.first() {
        _ if !start => 0,
        Some(tag) if tag & 1 == 0 => KEY_FRAME_HEADER,
        _ => DELTA_FRAME_HEADER,
    };
    rest.get(header..).ok_or_else(|| "too short for a VP8 header".to_owned())
}

/// RFC 7741 section 4.2; returns whether a frame starts here, and what follows. A server may have
/// changed which optional fields there are.
fn skip_descriptor(payload: &[u8]) -> Option<(bool, &[u8])> {
    let (first, mut rest) = payload.split_first()?;
    let start = first & 0x10 != 0 && first & 0x0f == 0;
    if first & 0x80 != 0 {
        let (extension, after) = rest.split_first()?;
        rest = after;
        if extension & 0x80 != 0 {
            let long = rest.first()? & 0x80 != 0;
            rest = rest.get(if long { 2 } else { 1 }..)?;
        }
        if extension & 0x40 != 0 {
            rest = rest.get(1..)?;
        }
        if extension & 0x30 != 0 {
            rest = rest.get(1..)?;
        }
    }
    Some((start, rest))
}

/// Bytes that follow from the packet's number: cheap to make and unlike those of its neighbours.
fn filler_of(counter: u64, track: u8) -> impl Iterator<Item = u8> {
    let mut state = (counter << 8 | u64::from(track)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(key: bool, index: u16) -> Content {
        Content {
            track: 3,
            counter: 70_000,
            frame: 40_000,
            index,
            of: 4,
            key,
            sent: *EPOCH + Duration::from_secs(5),
        }
    }

    #[test]
    fn a_payload_reads_back() {
        for kind in [TrackKind::Audio, TrackKind::Video] {
            for content in [some(true, 0), some(false, 0), some(true, 2)] {
                let payload = content.payload(kind, 1_100);
                assert_eq!(payload.len(), 1_100);
                assert_eq!(Content::read(kind, &payload), Ok(content));
            }
        }
    }

    #[test]
    fn one_wrong_byte_is_noticed() {
        let payload = some(true, 0).payload(TrackKind::Video, 300);
        // Behind the VP8 header, whose own bytes are not the content's, and the flag and the time.
        let description = DESCRIPTOR + KEY_FRAME_HEADER;
        for position in (description..description + 4).chain(description + DESCRIPTION..300) {
            let mut damaged = payload.clone();
            damaged[position] ^= 1;
            assert!(Content::read(TrackKind::Video, &damaged).is_err(), "byte {position}");
        }
    }
}
