//! The recorder's thread: takes packets from the queue and has them written.

use std::collections::HashMap;
#[cfg(test)]
use std::panic::resume_unwind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use media::{TapId, Tape, TappedTrack};
use model::ids::NodeId;
use ogg::Channels;

use super::completion::Completion;
use super::queue::{Message, Queue};
use super::recording::{Recording, Wanted};
use super::room_call::RoomCalls;
use super::room_index::Entry;
use super::sidecar::{Common, Sidecar, Whose, numbers};
use super::syncer::Syncer;
use super::teller::{Job, Story, Teller};
use super::{RecordConfig, Subject, mend, space};
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
    teller: Teller,
    live: HashMap<TapId, Live>,
    rooms: RoomCalls,
    stopping: bool,
    /// When it was found out how much of the disk is free.
    looked: Option<Instant>,
}

/// What the writer has to do with.
pub(super) struct Edges {
    pub(super) directory: Arc<Directory>,
    pub(super) queue: Queue,
    pub(super) syncer: Syncer,
    pub(super) teller: Teller,
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

/// Why a recording does not begin.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error("{} MiB of the disk are free, which is less than record.min_free", free / (1024 * 1024))]
    Full { free: u64 },
    #[error(transparent)]
    Disk(io::Error),
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
        Edges { directory, queue, syncer, teller }: Edges,
    ) -> Self {
        let (live, rooms) = (HashMap::new(), RoomCalls::default());
        Self { config, node, directory, queue, syncer, teller, live, rooms, stopping: false, looked: None }
    }

    /// Until it is told to stop, and has told everything.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.queue.shared);
        if let Err(error) = mend::start(self.config.clone(), self.node.clone(), Arc::clone(&shared)) {
            tracing::warn!(%error, "recordings that an earlier run left open stay as they are");
        }
        while catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            // Its message and place were printed by the panic hook.
            tracing::error!("a bug: the recorder panicked; its recordings end, and others begin");
            if catch_unwind(AssertUnwindSafe(|| self.recover())).is_err() {
                self.live.clear();
                shared.open.store(0, Ordering::Relaxed);
            }
            thread::sleep(TICK);
        }
        shared.ending.store(true, Ordering::Relaxed);
        self.teller.end();
    }

    fn work(&mut self) {
        let mut ticked = Instant::now();
        while !self.stopping {
            match self.queue.next(TICK.saturating_sub(ticked.elapsed())) {
                Some(Message::Begin { tap, subject, tracks, at, wall }) => {
                    self.begin(tap, subject, &tracks, (at, wall));
                }
                Some(Message::Packets(tape)) => self.write(&tape),
                Some(Message::Seen { rid, uid }) => self.rooms.seen(&rid, uid),
                Some(Message::End { tap, at, reason }) => self.end(tap, at, reason),
                Some(Message::Stop) => self.stopping = true,
                #[cfg(test)]
                Some(Message::Panic) => resume_unwind(Box::new("as a bug would have it")),
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
        self.list(true);
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
            Track { index, channels, state: self.open(&subject, channels, (at, wall), false) }
        };
        let tracks = tracks.iter().map(open).collect();
        self.live.insert(tap, Live { subject, tracks });
    }

    /// `again`: it could not be written before, which was told and counted then.
    fn open(&self, subject: &Subject, channels: u8, (at, wall): (Instant, SystemTime), again: bool) -> State {
        let shared = &self.queue.shared;
        let channels = if channels == 2 { Channels::Stereo } else { Channels::Mono };
        let wanted = Wanted { dir: &self.config.dir, subject, channels, at, wall };
        let opened = self.see_room().and_then(|()| Recording::create(&wanted).map_err(NotBegun::Disk));
        match opened {
            Ok(recording) => {
                tracing::info!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?recording.place.audio(), "recording");
                count(&shared.started, 1);
                count(&shared.open, 1);
                count(&shared.bytes, recording.len());
                return State::Open(Box::new(recording));
            }
            Err(error) if again => tracing::debug!(mid = %subject.mid, %error, "still cannot record"),
            Err(error) => {
                count(
                    if matches!(error, NotBegun::Full { .. }) { &shared.refused } else { &shared.failed },
                    1,
                );
                tracing::error!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, %error, "cannot record");
            }
        }
        State::Failed(Instant::now())
    }

    /// Whether there is room for one more recording.
    fn see_room(&self) -> Result<(), NotBegun> {
        let free = space::free(&self.config.dir);
        self.queue.shared.free.store(free, Ordering::Relaxed);
        if free >= self.config.min_free { Ok(()) } else { Err(NotBegun::Full { free }) }
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
                Err(error) => self.give_up(packet.tap, packet.track, &error.to_string()),
            }
        }
    }

    /// Silence where nothing came, and another try where nothing could be written.
    fn tick(&mut self, now: Instant) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= RETRY) {
            self.looked = Some(now);
            // Who wants to record is told.
            let _ = self.see_room();
        }
        self.list(false);
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
                Err(error) => self.give_up(tap, index, &error.to_string()),
            },
            State::Failed(since) if since.elapsed() >= RETRY => {
                let channels = track.channels;
                let Some(subject) = self.live.get(&tap).map(|live| live.subject.clone()) else { return };
                let state = self.open(&subject, channels, (now, SystemTime::now()), true);
                if let Some(track) = self.live.get_mut(&tap).and_then(|live| live.tracks.get_mut(n)) {
                    track.state = state;
                }
            }
            State::Failed(_) => {}
        }
    }

    /// A file cannot be written any more. What is in it stays, and can be opened.
    fn give_up(&mut self, tap: TapId, index: usize, why: &str) {
        let Some(live) = self.live.get_mut(&tap) else { return };
        let Some(track) = live.tracks.iter_mut().find(|track| track.index == index) else { return };
        let state = std::mem::replace(&mut track.state, State::Failed(Instant::now()));
        let State::Open(recording) = state else { return };
        let (subject, channels) = (live.subject.clone(), track.channels);
        self.lost(&recording, Whose::new(&subject, index, channels), &subject, why);
    }

    /// Ends a file after what could be written.
    fn lost(&mut self, recording: &Recording, whose: Whose, subject: &Subject, why: &str) {
        let shared = &self.queue.shared;
        shared.failed.fetch_add(1, Ordering::Relaxed);
        shared.open.fetch_sub(1, Ordering::Relaxed);
        let file = recording.place.audio();
        tracing::error!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, ?file, why, "a recording is lost from here on");
        match recording.cut() {
            Ok(Completion::Complete(complete)) => {
                self.tell(recording, whose, subject, complete.duration, why);
            }
            Ok(Completion::Empty) => drop(fs::remove_file(self.config.dir.join(file))),
            other => tracing::debug!(?other, "it is looked at again at the next start"),
        }
    }

    fn end(&mut self, tap: TapId, at: Instant, reason: &'static str) {
        let Some(Live { subject, tracks }) = self.live.remove(&tap) else { return };
        for Track { index, channels, state } in tracks {
            let State::Open(mut recording) = state else { continue };
            let whose = Whose::new(&subject, index, channels);
            match recording.finish(at) {
                Ok(written) => {
                    let shared = &self.queue.shared;
                    shared.open.fetch_sub(1, Ordering::Relaxed);
                    count(&shared.bytes, written);
                    count(&shared.finished, 1);
                    let duration = recording.stats().duration;
                    self.tell(&recording, whose, &subject, duration, reason);
                }
                Err(error) => self.lost(&recording, whose, &subject, &error.to_string()),
            }
        }
        self.rooms.end(&subject.rid, SystemTime::now());
    }

    /// Has it told what there is to tell of a recording.
    fn tell(
        &mut self,
        recording: &Recording,
        whose: Whose,
        subject: &Subject,
        duration: Duration,
        ended: &str,
    ) {
        let (audio, sidecar) = (recording.place.audio(), recording.place.sidecar());
        let (start, people) = (recording.start, self.rooms.people(&subject.rid));
        let common = Common { audio: &audio, node: &self.node, start, duration, people: &people, ended };
        let json = Sidecar::new(&common, whose, numbers(&recording.stats())).to_json();
        tracing::info!(rid = %subject.rid, uid = %subject.uid, mid = %subject.mid, file = ?audio, seconds = duration.as_secs(), reason = ended, "recorded");
        self.rooms.add(&subject.rid, Entry::new(&audio, subject, start, start + duration));
        let story = Story { audio, sidecar, json, file: recording.file() };
        if !self.teller.hand_in(Job::Story(story)) {
            tracing::error!(file = ?recording.place.audio(), "too many recordings wait to be told of: the next start tells of this one");
        }
    }

    /// Has the indices of rooms written that have changed.
    fn list(&mut self, all: bool) {
        for rid in self.rooms.due(all) {
            let Some(call) = self.rooms.call(&rid, &self.node) else { continue };
            if self.teller.hand_in(Job::Index { rid: rid.clone(), call }) {
                self.rooms.written(&rid);
            } else if all {
                tracing::error!(%rid, "the index of a room lacks its last recordings: too many wait to be told of");
            }
        }
    }

    /// After a bug: what is in the files stays, and other files are begun.
    fn recover(&mut self) {
        let taps: Vec<TapId> = self.live.keys().copied().collect();
        for tap in taps {
            let tracks =
                self.live.get(&tap).map(|live| live.tracks.iter().map(|track| track.index).collect());
            let tracks: Vec<usize> = tracks.unwrap_or_default();
            tracks.into_iter().for_each(|index| self.give_up(tap, index, "a bug: the recorder panicked"));
        }
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
