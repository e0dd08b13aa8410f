//! One track in one file: opened, written page by page, and closed with what is told about it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::completion::{self, Completion};
use super::lock::{self, Lock};
use super::place::Place;
use super::syncer::Syncer;
use super::{Subject, utc};
use media::TapedPacket;
use model::ids::{RoomId, StreamId, UserId};
use ogg::{Channels, Head, Tags};

/// An open recording. Its file is locked, so that no other process takes it for one that a crash left.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) place: Place,
    pub(super) start: SystemTime,
    begun: Instant,
    file: Arc<File>,
    ogg: ogg::Recording,
    /// Bytes in the file: whole pages.
    len: u64,
    synced: Instant,
}

/// Where a recording is to be, and what it will hold.
pub(super) struct Wanted<'a> {
    pub(super) dir: &'a Path,
    pub(super) subject: &'a Subject,
    pub(super) channels: Channels,
    pub(super) at: Instant,
    pub(super) wall: SystemTime,
}

impl Recording {
    /// Makes the file and writes its headers.
    pub(super) fn create(wanted: &Wanted<'_>) -> io::Result<Self> {
        let random = || getrandom::u32().map_err(|error| io::Error::other(error.to_string()));
        let Wanted { dir, subject, wall, .. } = *wanted;
        let place = Place::new(&subject.rid, &subject.uid, wall, random()?);
        let path = dir.join(place.audio());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Self::begin(wanted, place, file, random).inspect_err(|_| drop(fs::remove_file(path)))
    }

    fn begin(
        &Wanted { subject, channels, at, wall, .. }: &Wanted<'_>,
        place: Place,
        file: File,
        random: impl Fn() -> io::Result<u32>,
    ) -> io::Result<Self> {
        // Nobody else knows of it yet.
        if lock::take(&file) == Lock::Others {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut recording = Self {
            place,
            start: wall,
            begun: at,
            file: Arc::new(file),
            ogg: ogg::Recording::new(Head { channels }, &tags(subject, wall), random()?),
            len: 0,
            synced: Instant::now(),
        };
        recording.write()?;
        Ok(recording)
    }

    /// Takes a packet. Answers the bytes written.
    pub(super) fn push(&mut self, packet: &TapedPacket<'_>) -> io::Result<u64> {
        self.ogg.push(self.since_begin(packet.at), packet.number, packet.timestamp, packet.payload);
        self.write()
    }

    /// Time passes.
    pub(super) fn tick(&mut self, now: Instant, syncer: &Syncer) -> io::Result<u64> {
        self.ogg.tick(self.since_begin(now));
        let written = self.write()?;
        if syncer.is_due(self.synced) {
            self.synced = now;
            syncer.sync(&self.file);
        }
        Ok(written)
    }

    /// The last page.
    pub(super) fn finish(&mut self, at: Instant) -> io::Result<u64> {
        self.ogg.finish(self.since_begin(at));
        self.write()
    }

    /// Ends the file after its last whole page, which is all that could be written.
    pub(super) fn cut(&self) -> io::Result<Completion> {
        self.file.set_len(self.len)?;
        completion::complete(&self.file)
    }

    pub(super) fn stats(&self) -> ogg::Stats {
        self.ogg.stats()
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    fn since_begin(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.begun)
    }

    fn write(&mut self) -> io::Result<u64> {
        let pages = self.ogg.output();
        if pages.is_empty() {
            return Ok(0);
        }
        (&*self.file).write_all(pages)?;
        let written = pages.len() as u64;
        self.len += written;
        self.ogg.clear_output();
        Ok(written)
    }
}

/// Whose recording a file says it is, and when it began.
pub(super) fn origin(tags: &Tags) -> Option<(Subject, SystemTime)> {
    let rid = RoomId::parse(tags.find("ROOM")?).ok()?;
    let uid = UserId::parse(tags.find("USER")?).ok()?;
    let mid = StreamId::parse(tags.find("STREAM")?).ok()?;
    Some((Subject { rid, uid, mid }, utc::parse(tags.find("DATE")?)?))
}

fn tags(subject: &Subject, start: SystemTime) -> Tags {
    let mut tags = Tags::new();
    for (name, value) in [
        ("ROOM", subject.rid.as_str()),
        ("USER", subject.uid.as_str()),
        ("STREAM", subject.mid.as_str()),
        ("DATE", &utc::rfc3339(start)),
        ("ENCODER", concat!("anabranch ", env!("CARGO_PKG_VERSION"))),
    ] {
        // The names are good, and ids are far shorter than what is taken.
        let added = tags.add(name, value);
        debug_assert!(added.is_ok());
    }
    tags
}
