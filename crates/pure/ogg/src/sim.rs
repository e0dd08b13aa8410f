//! For tests: a sender and a network in virtual time, and a reader that accepts nothing but a sound file.

use ogg::{Page, Recording, opus};
use std::time::Duration;

/// A packet on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// When its sound was made, in seconds of the call.
    pub(crate) capture: f64,
    /// When it comes.
    pub(crate) arrival: f64,
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    /// Counts the packets.
    pub(crate) id: u64,
}

/// What is said in a call, and what the network does to it. Times in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) now: f64,
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    /// By how much the sender's clock is fast.
    pub(crate) ppm: f64,
    /// Samples of a packet.
    pub(crate) frame: u32,
    pub(crate) loss: f64,
    /// The most that the network adds to a packet's way.
    pub(crate) jitter: f64,
    pub(crate) doubled: f64,
    pub(crate) sent: Vec<Sent>,
    /// The state of the dice, and the count of the next packet.
    pub(crate) random: u64,
    pub(crate) id: u64,
}

/// The time that the fastest packet needs.
const TRANSIT: f64 = 0.030;

impl Call {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: 0.0,
            index: 65_000,
            timestamp: u32::MAX - 480_000,
            ppm: 0.0,
            frame: 960,
            loss: 0.0,
            jitter: 0.0,
            doubled: 0.0,
            sent: Vec::new(),
            random: seed | 1,
            id: 0,
        }
    }

    /// From 0 to 1.
    pub(crate) fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Packet after packet.
    pub(crate) fn talk(&mut self, seconds: f64) {
        let until = self.now + seconds;
        while self.now < until {
            self.send();
            self.pass(self.frame);
        }
    }

    /// One packet each 400 ms.
    pub(crate) fn quiet(&mut self, seconds: f64) {
        let until = self.now + seconds;
        while self.now < until {
            self.send();
            self.pass(19_200);
        }
    }

    /// No packets, while the timestamps run.
    pub(crate) fn mute(&mut self, seconds: f64) {
        self.pass((seconds * 48_000.0) as u32);
    }

    /// No packets, and the timestamps stand still.
    pub(crate) fn pause(&mut self, seconds: f64) {
        self.now += seconds;
    }

    fn send(&mut self) {
        let arrival = self.now + TRANSIT + self.random() * self.jitter;
        let sent =
            Sent { capture: self.now, arrival, index: self.index, timestamp: self.timestamp, id: self.id };
        self.index += 1;
        self.id += 1;
        if self.random() >= self.loss {
            if self.random() < self.doubled {
                self.sent.push(Sent { arrival: arrival + 0.01, ..sent.clone() });
            }
            self.sent.push(sent);
        }
    }

    fn pass(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.now += f64::from(samples) / 48_000.0 / (1.0 + self.ppm / 1e6);
    }

    /// Lets everything arrive, with `payload` of the packet's count, and ends the recording when the call ends. Returns
    /// the file.
    pub(crate) fn record(&self, recording: &mut Recording, payload: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
        let mut sent: Vec<_> = self.sent.iter().filter(|sent| sent.arrival <= self.now).collect();
        sent.sort_by(|a, b| a.arrival.total_cmp(&b.arrival));
        let mut file = Vec::new();
        for packet in sent {
            let at = Duration::from_secs_f64(packet.arrival);
            tick_until(recording, at, &mut file);
            recording.push(at, packet.index, packet.timestamp, &payload(packet.id));
        }
        let end = Duration::from_secs_f64(self.now);
        tick_until(recording, end, &mut file);
        recording.finish(end);
        file.extend_from_slice(recording.output());
        recording.clear_output();
        file
    }
}

fn tick_until(recording: &mut Recording, at: Duration, file: &mut Vec<u8>) {
    while let Some(due) = recording.next_timeout().filter(|due| *due < at) {
        recording.tick(due);
        assert!(recording.next_timeout().unwrap() > due, "a tick does what is due");
    }
    file.extend_from_slice(recording.output());
    recording.clear_output();
}

/// A packet in a file.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// Samples from the start of what is heard; those that are skipped lie before zero.
    pub(crate) start: i64,
    pub(crate) bytes: Vec<u8>,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) channels: u8,
    pub(crate) packets: Vec<Packet>,
    /// Samples that are heard.
    pub(crate) duration: i64,
    pub(crate) pages: usize,
}

/// Reads a file, and panics at anything that is not as it should be.
pub(crate) fn read(bytes: &[u8]) -> File {
    let (mut file, mut rest, mut position, mut skip) = (File::default(), bytes, 0, 0);
    while !rest.is_empty() {
        let page = Page::parse(rest).expect("a page with the right checksum").expect("a whole page");
        rest = &rest[page.len()..];
        assert_eq!(page.sequence as usize, file.pages);
        assert_eq!((page.begins(), page.ends()), (file.pages == 0, rest.is_empty()));
        assert!(page.is_self_contained());
        let packets: Vec<_> = page.packets().collect();
        file.pages += 1;
        match file.pages {
            1 => {
                assert!(packets.len() == 1 && packets[0].starts_with(b"OpusHead\x01"), "{packets:?}");
                file.channels = packets[0][9];
                skip = i64::from(u16::from_le_bytes([packets[0][10], packets[0][11]]));
            }
            2 => assert!(packets.len() == 1 && packets[0].starts_with(b"OpusTags")),
            _ => audio(&mut file, &page, &packets, &mut position, skip),
        }
    }
    assert!(file.pages > 2, "no sound");
    file
}

fn audio(file: &mut File, page: &Page<'_>, packets: &[&[u8]], position: &mut i64, skip: i64) {
    assert!(!packets.is_empty());
    let start = *position;
    for packet in packets {
        file.packets.push(Packet { start: *position - skip, bytes: packet.to_vec() });
        *position += i64::from(opus::duration(packet).expect("an Opus packet"));
    }
    assert!(*position - start <= 48_000, "a page of more than a second");
    let granule = page.granule as i64;
    if page.ends() {
        assert!((start..=*position).contains(&granule), "{start} {granule} {position}");
    } else {
        assert_eq!(granule, *position);
    }
    file.duration = granule - skip;
}
