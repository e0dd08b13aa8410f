//! A publisher's camera and microphone: which packet leaves when.

use crate::client::{Client, Kind, Outgoing};
use crate::frames::{self, Frames, OPUS_MAX};
use crate::options::Options;
use crate::socket::Burst;
use crate::stamp::Stamp;
use crate::totals::Totals;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Opus packets have 20 ms.
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);

/// Who is later than this does not catch up but begins anew: a burst of a second is no load that anybody wanted.
const GIVE_UP_AFTER: Duration = Duration::from_secs(1);

/// How many packets of each kind a stream has sent; subscribers on other threads look at it.
#[derive(Debug, Default)]
pub(crate) struct StreamCounters {
    audio: AtomicU64,
    video: AtomicU64,
}

impl StreamCounters {
    pub(crate) fn sent(&self, kind: Kind) -> u64 {
        self.of(kind).load(Ordering::Acquire)
    }

    fn of(&self, kind: Kind) -> &AtomicU64 {
        match kind {
            Kind::Audio => &self.audio,
            Kind::Video => &self.video,
        }
    }
}

/// One track and when its next packet is due.
#[derive(Debug)]
struct Track {
    kind: Kind,
    /// The client's number of it.
    index: usize,
    due: Instant,
    sent: u64,
    timestamp: u32,
}

/// The schedule of one publisher.
#[derive(Debug)]
pub(crate) struct Emitter {
    tracks: Vec<Track>,
    stream: u32,
    epoch: Instant,
    counters: Arc<StreamCounters>,
    frames: Frames,
    /// The payloads of a frame, and which is next.
    sizes: Vec<usize>,
    part: usize,
    frame_interval: Duration,
    spaced: bool,
    key_wanted: bool,
    /// It has stopped.
    silent: bool,
}

impl Emitter {
    /// Begins at `first`, with a key frame.
    pub(crate) fn new(
        client: &Client,
        options: &Options,
        stream: u32,
        epoch: Instant,
        counters: Arc<StreamCounters>,
        first: Instant,
    ) -> Self {
        let track = |(index, kind)| Track { kind, index, due: first, sent: 0, timestamp: 0 };
        Self {
            tracks: client.sending().enumerate().map(track).collect(),
            stream,
            epoch,
            counters,
            frames: Frames::default(),
            sizes: frames::sizes(options.frame_bytes(), options.packet),
            part: 0,
            frame_interval: Duration::from_secs(1) / options.fps,
            spaced: options.spaced,
            key_wanted: true,
            silent: false,
        }
    }

    pub(crate) fn want_key_frame(&mut self) {
        self.key_wanted = true;
    }

    /// Stops for good.
    pub(crate) fn silence(&mut self) {
        self.silent = true;
    }

    /// Its schedule begins no earlier than this: nothing is late for not having been connected.
    pub(crate) fn begin(&mut self, now: Instant) {
        let now = |due: Instant| due.max(now);
        self.tracks.iter_mut().for_each(|track| track.due = now(track.due));
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.tracks.iter().map(|track| track.due).min().filter(|_| !self.silent)
    }

    /// Adds to the burst what is due.
    pub(crate) fn emit(&mut self, now: Instant, client: &mut Client, totals: &mut Totals, burst: &mut Burst) {
        for at in 0..self.tracks.len() {
            while let Some(track) = self.tracks.get_mut(at).filter(|track| track.due <= now && !self.silent) {
                totals.lateness.record(now - track.due);
                if now - track.due > GIVE_UP_AFTER {
                    track.due = now;
                }
                let before = track.sent;
                let kind = track.kind;
                match kind {
                    Kind::Audio => self.emit_audio(at, now, client, burst),
                    Kind::Video => self.emit_video(at, now, client, burst),
                }
                let sent = self.tracks.get(at).map_or(0, |track| track.sent);
                totals.of(kind).sent += sent - before;
                self.counters.of(kind).store(sent, Ordering::Release);
            }
        }
    }

    fn emit_audio(&mut self, at: usize, now: Instant, client: &mut Client, burst: &mut Burst) {
        let Some(track) = self.tracks.get_mut(at) else { return };
        let mut payload = [0; OPUS_MAX];
        let len = frames::opus(track.sent, &mut payload);
        if let Some(payload) = payload.get_mut(..len) {
            Stamp::new(track.sent, self.stream, self.epoch, now).write(payload);
            track.seal(now, false, payload, client, burst);
        }
        track.due += AUDIO_INTERVAL;
        track.timestamp = track.timestamp.wrapping_add(960);
    }

    /// The rest of the frame, or one packet of it.
    fn emit_video(&mut self, at: usize, now: Instant, client: &mut Client, burst: &mut Burst) {
        let Some(track) = self.tracks.get_mut(at) else { return };
        if self.part == 0 {
            self.frames.begin(std::mem::take(&mut self.key_wanted));
        }
        let until = if self.spaced { self.part + 1 } else { self.sizes.len() };
        let mut buffer = [0; crate::options::MAX_PACKET];
        while self.part < until {
            let size = self.sizes.get(self.part).copied().unwrap_or(0);
            let last = self.part + 1 == self.sizes.len();
            if let Some(payload) = buffer.get_mut(..size) {
                self.frames.fill(self.part == 0, payload);
                Stamp::new(track.sent, self.stream, self.epoch, now).write(payload);
                track.seal(now, last, payload, client, burst);
            }
            self.part += 1;
        }
        let parts = u32::try_from(if self.spaced { self.sizes.len() } else { 1 }).unwrap_or(1);
        track.due += self.frame_interval / parts;
        if self.part == self.sizes.len() {
            self.part = 0;
            let ticks = (self.frame_interval.as_nanos() * 90_000).div_ceil(1_000_000_000);
            track.timestamp = track.timestamp.wrapping_add(ticks as u32);
        }
    }
}

impl Track {
    fn seal(&mut self, now: Instant, marker: bool, payload: &[u8], client: &mut Client, burst: &mut Burst) {
        let packet = Outgoing { marker, timestamp: self.timestamp, payload };
        if burst.add(|out| client.send(now, self.index, &packet, out)) {
            self.sent += 1;
        }
    }
}
