//! What one received track holds so far, and whether it is what was sent: content, sequence, time.

use std::collections::BTreeMap;
use std::time::Instant;

use super::content::Content;
use super::{Delays, TrackKind};

/// Frames whose packets are being collected; the oldest gives way.
const OPEN_FRAMES: usize = 64;

/// Counts of one received track.
#[derive(Debug, Clone)]
pub struct Tally {
    /// What it carries.
    pub kind: TrackKind,
    /// Packets received, each once.
    pub packets: u64,
    /// Bytes of RTP payload in them.
    pub bytes: u64,
    /// Frames of which every packet came.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// The number of the first complete key frame in its stream.
    pub first_key_frame: Option<u64>,
    /// When the first complete key frame (audio: the first packet) was there.
    pub first_frame_at: Option<Instant>,
    /// From the sender's hands to the receiver's.
    pub delays: Delays,
    span: Option<(u64, u64)>,
    open: BTreeMap<u64, u16>,
    sequence_offset: Option<u64>,
    time_base: Option<(u64, u32)>,
}

/// What the RTP header says about a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Extended by the receiver.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
}

impl Tally {
    pub(super) fn new(kind: TrackKind) -> Self {
        Self {
            kind,
            packets: 0,
            bytes: 0,
            frames: 0,
            key_frames: 0,
            first_key_frame: None,
            first_frame_at: None,
            delays: Delays::default(),
            span: None,
            open: BTreeMap::new(),
            sequence_offset: None,
            time_base: None,
        }
    }

    /// Packets that are missing between the first and the last one received.
    pub fn missing(&self) -> u64 {
        self.span.map_or(0, |(first, last)| (last - first + 1).saturating_sub(self.packets))
    }

    /// Counts a packet.
    ///
    /// # Errors
    /// Says what about it cannot be.
    pub(super) fn add(
        &mut self,
        header: Header,
        content: Content,
        size: usize,
        now: Instant,
    ) -> Result<(), String> {
        self.packets += 1;
        self.bytes += size as u64;
        self.delays.add(now.saturating_duration_since(content.sent));
        let (first, last) = self.span.unwrap_or((content.counter, content.counter));
        self.span = Some((first.min(content.counter), last.max(content.counter)));
        self.collect(content, now);
        self.check(header, content)
    }

    fn collect(&mut self, content: Content, now: Instant) {
        let there = self.open.entry(content.frame).or_insert(0);
        *there += 1;
        if *there < content.of {
            if self.open.len() > OPEN_FRAMES {
                self.open.pop_first();
            }
            return;
        }
        self.open.remove(&content.frame);
        self.frames += 1;
        if content.key {
            self.key_frames += 1;
            self.first_key_frame.get_or_insert(content.frame);
            self.first_frame_at.get_or_insert(now);
        }
    }

    /// Sequence numbers and times must run on with the sender's.
    fn check(&mut self, header: Header, content: Content) -> Result<(), String> {
        let offset = header.sequence.wrapping_sub(content.counter);
        let expected = *self.sequence_offset.get_or_insert(offset);
        if offset != expected {
            let by = offset.wrapping_sub(expected).cast_signed();
            return Err(format!("packet {} has a sequence number that is {by} too high", content.counter));
        }
        let (frame, base) = *self.time_base.get_or_insert((content.frame, header.timestamp));
        let per_frame = if self.kind == TrackKind::Audio { 960 } else { 3_000 };
        let frames = content.frame.wrapping_sub(frame).cast_signed();
        let wanted = base.wrapping_add((frames * per_frame) as u32);
        if self.kind == TrackKind::Video && header.marker != (content.index + 1 == content.of) {
            return Err(format!("packet {} has a wrong marker bit", content.counter));
        }
        if wanted == header.timestamp {
            return Ok(());
        }
        Err(format!("frame {} has time {} and not {wanted}", content.frame, header.timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(counter: u64) -> Content {
        let (frame, index) = (counter / 2, (counter % 2) as u16);
        Content { track: 0, counter, frame, index, of: 2, key: frame == 0, sent: Instant::now() }
    }

    fn header(counter: u64) -> Header {
        Header { sequence: 500 + counter, timestamp: 3_000 * (counter / 2) as u32, marker: counter % 2 == 1 }
    }

    fn add(tally: &mut Tally, header: Header, counter: u64) -> Result<(), String> {
        tally.add(header, content(counter), 100, Instant::now())
    }

    #[test]
    fn counts_frames_that_are_whole_also_out_of_order() {
        let mut tally = Tally::new(TrackKind::Video);
        for counter in [0, 1, 4, 2, 5] {
            assert_eq!(add(&mut tally, header(counter), counter), Ok(()));
        }
        assert_eq!((tally.packets, tally.frames, tally.key_frames), (5, 2, 1));
        assert_eq!(tally.missing(), 1);
        assert!(tally.first_frame_at.is_some());
    }

    #[test]
    fn notices_a_jump_of_the_sequence_of_the_time_and_a_lost_marker() {
        let mut tally = Tally::new(TrackKind::Video);
        assert_eq!(add(&mut tally, header(0), 0), Ok(()));
        assert!(add(&mut tally, Header { sequence: 502, ..header(1) }, 1).is_err());
        assert!(add(&mut tally, Header { timestamp: 3_001, ..header(2) }, 2).is_err());
        assert!(add(&mut tally, Header { marker: false, ..header(3) }, 3).is_err());
    }
}
