//! The publisher's camera and microphone.

use std::time::Duration;

/// A payload, and when it is sent after the beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) at: Duration,
    /// 0: audio, 1: video.
    pub(crate) track: usize,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) bytes: Vec<u8>,
}

/// RTP payload of a video packet: six of them 30 times a second are 1.58 Mbit/s.
const VIDEO_BYTES: usize = 1100;
const PACKETS_PER_FRAME: u64 = 6;

/// Of it all, in bits per second: payload alone.
pub(crate) const BITRATE: u64 = 1_620_000;

/// Of a video frame, and of an Opus packet, in microseconds.
const FRAME: u64 = 33_333;
const AUDIO: u64 = 20_000;

/// Media in the order in which it is sent.
#[derive(Debug)]
pub(crate) struct Source {
    spaced: bool,
    video: u64,
    audio: u64,
    /// The next frame is to be a key frame.
    pub(crate) key_frame: bool,
    /// Whether there is video.
    pub(crate) has_video: bool,
}

impl Source {
    pub(crate) fn new(spaced: bool) -> Self {
        Self { spaced, video: 0, audio: 0, key_frame: true, has_video: true }
    }

    /// The next payload that is due by then.
    pub(crate) fn next(&mut self, by: Duration) -> Option<Payload> {
        while !self.has_video && self.video_at() <= by {
            self.video += 1;
        }
        if self.audio_at() <= self.video_at() {
            return (self.audio_at() <= by).then(|| self.opus());
        }
        (self.video_at() <= by).then(|| self.vp8())
    }

    fn audio_at(&self) -> Duration {
        Duration::from_micros(self.audio * AUDIO)
    }

    fn video_at(&self) -> Duration {
        let (frame, part) = (self.video / PACKETS_PER_FRAME, self.video % PACKETS_PER_FRAME);
        let later = if self.spaced { part * FRAME / PACKETS_PER_FRAME } else { 0 };
        Duration::from_micros(frame * FRAME + later)
    }

    /// 80 to 100 bytes, as Opus has at 32 to 40 kbit/s.
    fn opus(&mut self) -> Payload {
        let (at, number) = (self.audio_at(), self.audio);
        self.audio += 1;
        // Opus at 20 ms, in stereo: a packet of one frame.
        let mut bytes = vec![number as u8; 80 + (number * 7 % 21) as usize];
        if let Some(configuration) = bytes.first_mut() {
            *configuration = 0xfc;
        }
        Payload { at, track: 0, timestamp: (number * 960) as u32, marker: number == 0, bytes }
    }

    fn vp8(&mut self) -> Payload {
        let (at, frame, part) =
            (self.video_at(), self.video / PACKETS_PER_FRAME, self.video % PACKETS_PER_FRAME);
        self.video += 1;
        let start = part == 0;
        let key = self.key_frame && start;
        self.key_frame &= !start;
        // RFC 7741 section 4.2: an extension with a picture id of 15 bits; then the frame's own header, whose lowest
        // bit says that it is no key frame.
        let picture = 0x8000 | (frame & 0x7fff) as u16;
        let [high, low] = picture.to_be_bytes();
        let descriptor = [if start { 0x90 } else { 0x80 }, 0x80, high, low, u8::from(!key)];
        let mut bytes = vec![part as u8; VIDEO_BYTES];
        bytes.iter_mut().zip(descriptor).for_each(|(byte, value)| *byte = value);
        Payload {
            at,
            track: 1,
            timestamp: (frame * 3000) as u32,
            marker: part + 1 == PACKETS_PER_FRAME,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(mut source: Source) -> Vec<Payload> {
        std::iter::from_fn(|| source.next(Duration::from_millis(999))).collect()
    }

    #[test]
    fn a_second_has_thirty_frames_and_fifty_packets_of_sound() {
        for spaced in [false, true] {
            let payloads = second(Source::new(spaced));
            assert_eq!(payloads.iter().filter(|payload| payload.track == 0).count(), 50);
            assert_eq!(payloads.iter().filter(|payload| payload.track == 1).count(), 180);
            assert!(payloads.is_sorted_by_key(|payload| payload.at));
            let mut times: Vec<_> = payloads.iter().filter(|one| one.track == 1).map(|one| one.at).collect();
            times.dedup();
            assert_eq!(times.len(), if spaced { 180 } else { 30 });
        }
    }

    #[test]
    fn without_video_there_is_sound_alone() {
        let source = Source { has_video: false, ..Source::new(false) };
        assert!(second(source).iter().all(|payload| payload.track == 0));
    }
}
