//! The recorder's thread: takes packets from the queue and has them written.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use media::{TapId, Tape, TappedTrack};
use model::ids::NodeId;
use ogg::Channels;

use super::queue::{Message, Queue};
use super::recording::{Recording, Wanted};
use super::room_call::RoomCalls;
use super::room_index::Entry;
use super::sidecar::{Anchor, Common, Gaps, Packets, Rtp, Sidecar, Whose};
use super::syncer::Syncer;
use super::{RecordConfig, Subject, mend, place};
use crate::directory::Directory;

/// How often files are looked after in which nothing is written.
const TICK: Duration = Duration::from_millis(200);

/// After a failure, the time until another file is tried.
const RETRY: Duration = Duration::from_secs(10);

/// All files, and what they are of.
#[derive(Debug)]
pub(super) struct Writer {
    config: RecordConfig,
    node: NodeId,
    /// Who is in a room.
    directory: Arc<Directory>,
    queue: Queue,
    syncer: Syncer,
    live: HashMap<TapId, Live>,
    rooms: RoomCalls,
}

/// A stream that is recorded.
#[derive(Debug)]
struct Live {
    subject: Subject,
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    index: usize,
    channels: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Box<Recording>),
    Failed(Instant),
}

impl Writer {
    pub(super) fn new(
        config: RecordConfig,
        node: NodeId,
        directory: Arc<Directory>,
        queue: Queue,
        syncer: Syncer,
    ) -> Self {
        let rooms = RoomCalls::new(Arc::clone(&queue.shared.indices));
        Self { config, node, directory, queue, syncer, live: HashMap::new(), rooms }
    }

    /// Until it is told to stop.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.queue.shared);
        if let Err(error) = mend::start(self.config.clone(), self.node.clone(), shared) {
            tracing::warn!(%error, "recordings that an earlier run left open stay as they are");
        }
        let mut ticked = Instant::now();
        loop {
            match self.queue.next(TICK.saturating_sub(ticked.elapsed())) {
                Some(Message::Begin { tap, subject, tracks, at, wall }) => {
                    self.begin(tap, subject, &tracks, (at, wall));
                }
                Some(Message::Packets(tape)) => self.write(&tape),
                Some(Message::Seen { rid, uid }) => self.rooms.seen(&rid, uid),
                Some(Message::End { tap, at, reason }) => self.end(tap, at, reason),
                Some(Message::Stop) => break,
                None => {}
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick(ticked);
            }
        }
        let taps: Vec<TapId> = self.live.keys().copied().collect();
        for tap in taps {
            self.end(tap, Instant::now(), "the SFU ended");
        }
    }

    fn begin(
        &mut self,
        tap: TapId,
        subject: Subject,
        tracks: &[TappedTrack],
        (at, wall): (Instant, SystemTime),
    ) {
        let people = self.directory.people(&subject.rid);
        self.rooms.begin(&subject, people, at, wall);
        let open = |track: &TappedTrack| {
            let (index, channels) = (track.index, track.channels);
            Track { index, channels, state: self.open(&subject, channels, at, wall) }
        };
        let tracks = tracks.iter().map(open).collect();
        self.live.insert(tap, Live { subject, tracks });
    }

    fn open(&self, subject: &Subject, channels: u8, at: Instant, wall: SystemTime) -> State {
        let channels = if channels == 2 { Channels::Stereo } else { Channels::Mono };
        match Recording::create(&Wanted { dir: &self.config.dir, subject, channels, at, wall }) {
            Ok(recording) => {
                tracing::info!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?recording.place.audio(), "recording");
                let shared = &self.queue.shared;
                shared.started.fetch_add(1, Ordering::Relaxed);
                shared.open.fetch_add(1, Ordering::Relaxed);
                shared.bytes.fetch_add(recording.len(), Ordering::Relaxed);
                State::Open(Box::new(recording))
            }
            Err(error) => {
                self.queue.shared.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, %error, "cannot record");
                State::Failed(Instant::now())
            }
        }
    }

    fn write(&mut self, tape: &Tape) {
        for packet in tape.packets() {
            let Some(live) = self.live.get_mut(&packet.tap) else { continue };
            let Some(track) = live.tracks.iter_mut().find(|track| track.index == packet.track) else {
                continue;
            };
            let State::Open(recording) = &mut track.state else { continue };
            match recording.push(&packet) {
                Ok(written) => count(&self.queue.shared.bytes, written),
                Err(error) => self.give_up(packet.tap, packet.track, &error),
            }
        }
    }

    /// Silence where nothing came, and another try where nothing could be written.
    fn tick(&mut self, now: Instant) {
        self.rooms.forget();
        let taps: Vec<TapId> = self.live.keys().copied().collect();
        for tap in taps {
            let tracks = self.live.get(&tap).map_or(0, |live| live.tracks.len());
            for n in 0..tracks {
                self.tick_track(tap, n, now);
            }
        }
    }

    fn tick_track(&mut self, tap: TapId, n: usize, now: Instant) {
        let Some(track) = self.live.get_mut(&tap).and_then(|live| live.tracks.get_mut(n)) else { return };
        let index = track.index;
        match &mut track.state {
            State::Open(recording) => match recording.tick(now, &self.syncer) {
                Ok(written) => count(&self.queue.shared.bytes, written),
                Err(error) => self.give_up(tap, index, &error),
            },
            State::Failed(since) if since.elapsed() >= RETRY => {
                let channels = track.channels;
                let Some(subject) = self.live.get(&tap).map(|live| live.subject.clone()) else { return };
                let state = self.open(&subject, channels, now, SystemTime::now());
                if let Some(track) = self.live.get_mut(&tap).and_then(|live| live.tracks.get_mut(n)) {
                    track.state = state;
                }
            }
            State::Failed(_) => {}
        }
    }

    /// A file cannot be written any more. What is in it stays, and can be opened.
    fn give_up(&mut self, tap: TapId, index: usize, error: &io::Error) {
        let Some(live) = self.live.get_mut(&tap) else { return };
        let Some(track) = live.tracks.iter_mut().find(|track| track.index == index) else { return };
        let state = std::mem::replace(&mut track.state, State::Failed(Instant::now()));
        let State::Open(recording) = state else { return };
        let (subject, channels) = (live.subject.clone(), track.channels);
        let shared = &self.queue.shared;
        shared.failed.fetch_add(1, Ordering::Relaxed);
        shared.open.fetch_sub(1, Ordering::Relaxed);
        tracing::error!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?recording.place.audio(), %error, "a recording is lost from here on");
        let whole = recording.file().set_len(recording.len()).and_then(|()| mend::complete(recording.file()));
        match whole {
            Ok(Some(_)) => {
                self.tell(&recording, Whose::new(&subject, index, channels), &subject, &error.to_string());
            }
            Ok(None) => drop(fs::remove_file(self.config.dir.join(recording.place.audio()))),
            Err(error) => tracing::debug!(%error, "it is completed at the next start"),
        }
    }

    fn end(&mut self, tap: TapId, at: Instant, reason: &'static str) {
        let Some(Live { subject, tracks }) = self.live.remove(&tap) else { return };
        for Track { index, channels, state } in tracks {
            let State::Open(mut recording) = state else { continue };
            let shared = &self.queue.shared;
            shared.open.fetch_sub(1, Ordering::Relaxed);
            match recording.finish(at, &self.syncer) {
                Ok(written) => {
                    count(&shared.bytes, written);
                    count(&shared.finished, 1);
                    self.tell(&recording, Whose::new(&subject, index, channels), &subject, reason);
                }
                Err(error) => {
                    count(&shared.failed, 1);
                    tracing::error!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?recording.place.audio(), %error, "a recording has lost its end");
                    let _ = recording
                        .file()
                        .set_len(recording.len())
                        .and_then(|()| mend::complete(recording.file()));
                }
            }
        }
        match self.rooms.end(&self.config.dir, &self.node, &subject.rid, SystemTime::now()) {
            Ok(index) => self.finished(&index),
            Err(error) => {
                tracing::error!(rid = %subject.rid, %error, "cannot write the index of a room's recordings");
            }
        }
    }

    /// Writes what is told about a recording.
    fn tell(&mut self, recording: &Recording, whose: Whose, subject: &Subject, ended: &str) {
        let (audio, sidecar) = (recording.place.audio(), recording.place.sidecar());
        let stats = recording.stats();
        let end = recording.start + stats.duration;
        let people = self.rooms.people(&subject.rid);
        let common =
            Common { audio: &audio, node: &self.node, start: recording.start, end, people: &people, ended };
        let told = Sidecar::new(&common, whose, stats.duration.as_secs_f64(), numbers(&stats));
        if let Err(error) = place::write_whole(&self.config.dir.join(&sidecar), &told.to_json()) {
            tracing::error!(file = ?sidecar, %error, "cannot write what is told about a recording");
            return;
        }
        tracing::info!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?audio, seconds = stats.duration.as_secs(), reason = ended, "recorded");
        let entry = Entry::new(&audio, subject, recording.start, end);
        self.rooms.add(&subject.rid, entry);
        self.finished(&audio);
        self.finished(&sidecar);
    }

    fn finished(&self, path: &Path) {
        if let Some(finished) = &self.config.finished {
            finished(path);
        }
    }
}

fn numbers(stats: &ogg::Stats) -> (Rtp, Packets, Gaps) {
    let anchor = |anchor: ogg::Anchor| Anchor { timestamp: anchor.timestamp, at: anchor.at.as_secs_f64() };
    let rtp = Rtp { clock_rate: ogg::RATE, first: stats.first.map(anchor), last: stats.last.map(anchor) };
    let packets = Packets {
        received: stats.received,
        written: stats.written,
        lost: stats.lost,
        late: stats.late,
        duplicate: stats.duplicates,
        malformed: stats.malformed,
        refused: stats.refused,
        left_out: stats.left_out,
        inserted: stats.inserted,
        restarts: stats.restarts,
    };
    let gaps = Gaps {
        count: stats.gaps,
        concealed: stats.concealed.as_secs_f64(),
        silent: stats.silence.as_secs_f64(),
    };
    (rtp, packets, gaps)
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
