//! Which packet of a synthetic track leaves when. Pure: times come in, packets go out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::TrackKind;
use super::content::Content;

/// Opus frames last 20 ms.
const AUDIO_FRAME: Duration = Duration::from_millis(20);
const AUDIO_CLOCK: u64 = 48_000;
const VIDEO_CLOCK: u64 = 90_000;
/// Opus at 64 kbit/s.
const AUDIO_PAYLOAD: usize = 160;
/// A source that was held up longer than this leaves the missed frames out.
const TOO_LATE: Duration = Duration::from_millis(500);

/// How the packets of one frame leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// All at once, as a pacer with a long burst interval does.
    #[default]
    Burst,
    /// Evenly over four fifths of the frame's time.
    Spaced,
}

/// How much video there is.
#[derive(Debug, Clone, Copy)]
pub struct VideoRate {
    /// Frames per second.
    pub frames: u32,
    /// Bits of RTP payload per second.
    pub bitrate: u32,
    /// Bytes of RTP payload per packet.
    pub packet: usize,
    /// How a frame's packets leave.
    pub pacing: Pacing,
}

impl Default for VideoRate {
    /// What a camera at 640 × 480 sends: 1.5 Mbit/s in packets of 1,100 bytes.
    fn default() -> Self {
        Self { frames: 30, bitrate: 1_500_000, packet: 1_100, pacing: Pacing::Burst }
    }
}

/// One packet to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) content: Content,
    pub(super) payload: Vec<u8>,
    pub(super) timestamp: u32,
    /// Last packet of its frame.
    pub(super) last: bool,
}

/// A track that makes packets.
#[derive(Debug)]
pub(super) struct Source {
    track: u8,
    kind: TrackKind,
    rate: VideoRate,
    started: Option<Instant>,
    frame: u64,
    counter: u64,
    key_frame_wanted: bool,
    waiting: VecDeque<(Instant, Content)>,
}

impl Source {
    pub(super) fn new(track: u8, kind: TrackKind, rate: VideoRate) -> Self {
        let (started, waiting) = (None, VecDeque::new());
        Self { track, kind, rate, started, frame: 0, counter: 0, key_frame_wanted: true, waiting }
    }

    pub(super) fn kind(&self) -> TrackKind {
        self.kind
    }

    /// Begins with the first frame, a key frame, at once.
    pub(super) fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    /// The next frame will be a key frame.
    pub(super) fn key_frame(&mut self) {
        self.key_frame_wanted = true;
    }

    /// When the next packet leaves; `None` before the start.
    pub(super) fn due(&self) -> Option<Instant> {
        let next_frame = self.started? + self.frame_time(self.frame);
        Some(self.waiting.front().map_or(next_frame, |(due, _)| *due))
    }

    /// The next packet, if it is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Outgoing> {
        if self.due()? > now {
            return None;
        }
        if self.waiting.is_empty() {
            self.make_frame(now);
        }
        let (_, mut content) = self.waiting.pop_front()?;
        content.sent = now;
        let size = if self.kind == TrackKind::Audio { AUDIO_PAYLOAD } else { self.rate.packet };
        Some(Outgoing {
            content,
            payload: content.payload(self.kind, size),
            timestamp: self.timestamp(content.frame),
            last: content.index + 1 == content.of,
        })
    }

    fn make_frame(&mut self, now: Instant) {
        let Some(started) = self.started else { return };
        let mut due = started + self.frame_time(self.frame);
        if now.saturating_duration_since(due) > TOO_LATE {
            // Time goes on from here: a machine that stood still does not get a flood.
            self.started = now.checked_sub(self.frame_time(self.frame)).or(self.started);
            due = now;
        }
        let of = self.packets_in(self.frame);
        let gap = match self.rate.pacing {
            Pacing::Spaced if self.kind == TrackKind::Video => self.frame_time(1) * 4 / 5 / u32::from(of),
            _ => Duration::ZERO,
        };
        let key = self.kind == TrackKind::Audio || self.key_frame_wanted;
        for index in 0..of {
            let (track, counter, frame) = (self.track, self.counter, self.frame);
            let content = Content { track, counter, frame, index, of, key, sent: now };
            self.waiting.push_back((due + gap * u32::from(index), content));
            self.counter += 1;
        }
        self.key_frame_wanted = false;
        self.frame += 1;
    }

    /// So many that the bitrate comes out over a second.
    fn packets_in(&self, frame: u64) -> u16 {
        if self.kind == TrackKind::Audio {
            return 1;
        }
        let per_packet = 8 * self.rate.packet as u64 * u64::from(self.rate.frames.max(1));
        let until = |frame: u64| frame * u64::from(self.rate.bitrate) / per_packet.max(1);
        u16::try_from(until(frame + 1) - until(frame)).unwrap_or(u16::MAX).max(1)
    }

    fn frame_time(&self, frames: u64) -> Duration {
        match self.kind {
            TrackKind::Audio => Duration::from_micros(frames * AUDIO_FRAME.as_micros() as u64),
            TrackKind::Video => {
                Duration::from_micros(frames * 1_000_000 / u64::from(self.rate.frames.max(1)))
            }
        }
    }

    fn timestamp(&self, frame: u64) -> u32 {
        let per_frame = match self.kind {
            TrackKind::Audio => AUDIO_CLOCK / 50,
            TrackKind::Video => VIDEO_CLOCK / u64::from(self.rate.frames.max(1)),
        };
        // Truncated on purpose: RTP time wraps at 32 bits.
        (frame * per_frame) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(rate: VideoRate, seconds: u64) -> Vec<Outgoing> {
        let start = Instant::now();
        let mut source = Source::new(0, TrackKind::Video, rate);
        source.start(start);
        let end = start + Duration::from_secs(seconds);
        let mut packets = Vec::new();
        while let Some(due) = source.due().filter(|due| *due < end) {
            packets.extend(source.next(due));
        }
        packets
    }

    #[test]
    fn the_bitrate_comes_out() {
        let packets = packets(VideoRate::default(), 10);
        let bits: usize = packets.iter().map(|packet| packet.payload.len() * 8).sum();
        let rate = bits as f64 / 10.0;
        assert!((rate / 1_500_000.0 - 1.0).abs() < 0.02, "{rate} bit/s");
        assert_eq!(packets.last().unwrap().content.frame, 299);
        assert_eq!(packets.iter().filter(|packet| packet.last).count(), 300);
    }

    #[test]
    fn only_the_first_frame_is_a_key_frame_until_one_is_asked_for() {
        let start = Instant::now();
        let mut source = Source::new(0, TrackKind::Video, VideoRate::default());
        assert!(source.next(start).is_none(), "not before its start");
        source.start(start);
        let mut frames = Vec::new();
        while frames.len() < 5 {
            let packet = source.next(source.due().unwrap()).unwrap();
            if packet.last {
                frames.push(packet.content.key);
            }
            if packet.last && frames.len() == 3 {
                source.key_frame();
            }
        }
        assert_eq!(frames, [true, false, false, true, false]);
    }

    #[test]
    fn spaced_packets_leave_one_after_the_other() {
        let start = Instant::now();
        let rate = VideoRate { pacing: Pacing::Spaced, ..VideoRate::default() };
        let mut source = Source::new(0, TrackKind::Video, rate);
        source.start(start);
        let first = source.next(start).unwrap();
        assert!(!first.last && source.next(start).is_none(), "the second one waits");
        assert!(source.due().unwrap() > start);
    }
}
