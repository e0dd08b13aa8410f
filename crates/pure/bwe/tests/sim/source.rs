//! What a sender sends: a picture whose encoder follows the target, late and unevenly, and Opus.

use crate::random::Random;

/// IP, UDP, RTP with extensions, the SRTP tag.
pub(crate) const OVERHEAD: u32 = 58;
/// Opus at 32 kbit/s.
pub(crate) const AUDIO_BYTES: u32 = 80 + OVERHEAD;
const AUDIO_INTERVAL: u64 = 20_000;
/// With the packets' overhead, in bits a second.
const AUDIO_BITRATE: f64 = AUDIO_BYTES as f64 * 8.0 * 50.0;
const FRAME_INTERVAL: u64 = 33_333;
/// Of a frame's part.
const PART: u32 = 1100;
/// An encoder needs so long to do what it is told, in seconds; and cannot do less or more than this.
const LAG: f64 = 0.15;
const RANGE: (f64, f64) = (25e3, 20e6);
/// How uneven frames are, and how large the first is.
const UNEVEN: f64 = 0.2;
const KEY: f64 = 4.0;

#[derive(Clone, Debug)]
pub(crate) struct Source {
    bitrate: f64,
    next_frame: u64,
    next_audio: u64,
    frames: u64,
    random: Random,
}

/// What is made at a moment: wire bytes of the packets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    pub(crate) audio: bool,
    pub(crate) frame: Vec<u32>,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { bitrate: 200e3, next_frame: 0, next_audio: 7_000, frames: 0, random: Random::new(seed) }
    }

    /// `target` is of audio and video together, in bits a second.
    pub(crate) fn make(&mut self, now: u64, target: f64) -> Made {
        let mut made = Made::default();
        if now >= self.next_audio {
            self.next_audio += AUDIO_INTERVAL;
            made.audio = true;
        }
        if now >= self.next_frame {
            self.next_frame += FRAME_INTERVAL;
            let seconds = FRAME_INTERVAL as f64 / 1e6;
            let told = (target - AUDIO_BITRATE).clamp(RANGE.0, RANGE.1);
            self.bitrate += (told - self.bitrate) * seconds / LAG;
            let uneven = (1.0 + self.random.normal() * UNEVEN).clamp(0.4, 1.8);
            let key = if self.frames == 0 { KEY } else { 1.0 };
            self.frames += 1;
            let wire = (self.bitrate * seconds / 8.0 * uneven * key) as u32;
            let parts = wire.div_ceil(PART + OVERHEAD).max(1);
            made.frame = vec![(wire / parts).max(OVERHEAD + 20); parts as usize];
        }
        made
    }
}
