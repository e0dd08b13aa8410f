//! One audio track of a call, from its first packet to its last.
//!
//! The truth is the call's time. A packet waits 200 ms for those that it overtook; then it is put where the call was
//! when its sound was made, a constant delay apart: its timestamp, by what the fastest packets of the last seconds
//! needed. Packets that follow each other stay together until the sender's clock has run away by more than half of one;
//! then something is inserted, or one is left out. In a gap, which is filled anyway, the fill takes up the difference.

use crate::clock::{Clocks, Moment};
use crate::header::{Head, Tags};
use crate::numbers::{Number, Numbers};
use crate::opus;
use crate::stats::{Anchor, Stats};
use crate::writer::{MAX_QUIET, Writer};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a packet waits, from its place in the call, for those before it: 200 ms. One that is later
/// than that is lost to the file.
pub const HOLD: Duration = Duration::from_millis(200);

const HOLD_SAMPLES: i64 = 9_600;

/// The longest payload in bytes: what fits a datagram. Longer ones are malformed.
pub const MAX_PAYLOAD: usize = 1_500;

/// How many packets wait at most: three times those of 2.5 ms in [`HOLD`]. More are refused.
pub const MAX_HELD: usize = 256;

/// Where nothing came, the file stays so much behind the packets that may still come: 60 ms, which is more than a packet
/// that follows the last one may stand from its place.
const SLACK: i64 = 2_880;

/// Silence that is not known to end is written in whole packets of 20 ms.
const FRAME: i64 = 960;

/// By how much more than half its duration a packet may stand from its place: 5 ms, so that leaving one out does not make
/// the next insertion due.
const TOLERANCE: i64 = 240;

/// Times beyond this (700 years) are cut, so that nothing overflows.
const MAX_TIME: i64 = 1 << 50;

#[derive(Clone, Debug)]
struct Held {
    arrival: i64,
    moment: Moment,
    timestamp: u32,
    /// Samples.
    duration: i64,
    payload: Vec<u8>,
}

/// One audio track on its way into a file. All times are since the recording's start, monotonic; one that is before an
/// earlier one is taken for that.
#[derive(Clone, Debug)]
pub struct Recording {
    now: i64,
    numbers: Numbers,
    clocks: Clocks,
    /// Packets that wait, by their number.
    held: BTreeMap<u64, Held>,
    /// The number of the last packet that left `held`.
    settled: Option<u64>,
    /// What the packet that follows the last one begins with; `None` after a gap.
    next: Option<Moment>,
    writer: Writer,
    stats: Stats,
    finished: bool,
}

impl Recording {
    /// The header pages are in [`output`](Self::output). `serial` tells apart streams of one file, and should be random
    /// (RFC 3533 section 4).
    #[must_use]
    pub fn new(head: Head, tags: &Tags, serial: u32) -> Self {
        Self {
            now: 0,
            numbers: Numbers::default(),
            clocks: Clocks::default(),
            held: BTreeMap::new(),
            settled: None,
            next: None,
            writer: Writer::new(head, tags, serial),
            stats: Stats::default(),
            finished: false,
        }
    }

    /// A packet came: its extended sequence number, its RTP timestamp, and its payload without padding.
    pub fn push(&mut self, at: Duration, index: u64, timestamp: u32, payload: &[u8]) {
        if self.finished {
            return;
        }
        self.pass(at);
        self.stats.received += 1;
        match self.numbers.number(index, self.now) {
            Number::New(number) => self.hold(number, timestamp, payload),
            Number::Duplicate => self.stats.duplicates += 1,
            Number::Stray => self.stats.refused += 1,
        }
        self.advance();
    }

    /// Time passed. What is due leaves: at the latest at [`next_timeout`](Self::next_timeout) this must be called.
    pub fn tick(&mut self, at: Duration) {
        if !self.finished {
            self.pass(at);
            self.advance();
        }
    }

    /// When to call [`tick`](Self::tick), unless a packet comes before; `None` after the end. Less than a second away.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        (!self.finished).then(|| time(self.writer.page_due()))
    }

    /// The recording ended: all that waits is written, and silence until `at`. Everything after this is ignored.
    pub fn finish(&mut self, at: Duration) {
        if self.finished {
            return;
        }
        self.tick(at);
        let end = self.now;
        while let Some((number, held)) = self.held.pop_first() {
            if self.writer.cursor() < end {
                self.settle(number, &held);
            } else {
                self.stats.late += 1;
            }
        }
        self.writer.finish(end);
        self.finished = true;
    }

    /// Whole pages, to be appended to the file. It grows until it is [cleared](Self::clear_output).
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.writer.output()
    }

    /// What was in the output is in the file.
    pub fn clear_output(&mut self) {
        self.writer.clear_output();
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            lost: self.numbers.lost(),
            restarts: self.clocks.restarts() + self.numbers.restarts(),
            gaps: self.writer.gaps,
            concealed: time(self.writer.concealed),
            silence: time(self.writer.silence),
            duration: time(self.writer.cursor()),
            ..self.stats
        }
    }

    fn pass(&mut self, at: Duration) {
        self.now = self.now.max(samples(at));
        self.writer.allow();
    }

    fn hold(&mut self, number: u64, timestamp: u32, payload: &[u8]) {
        let duration = match opus::duration(payload) {
            Ok(duration) if payload.len() <= MAX_PAYLOAD => i64::from(duration),
            _ => {
                self.stats.malformed += 1;
                return;
            }
        };
        // A late one tells about the clock nevertheless.
        let moment = self.clocks.observe(number, timestamp, self.now);
        if self.settled.is_some_and(|settled| number <= settled) {
            self.stats.late += 1;
        } else if self.held.len() >= MAX_HELD {
            self.stats.refused += 1;
        } else {
            let payload = payload.to_vec();
            self.held.insert(number, Held { arrival: self.now, moment, timestamp, duration, payload });
        }
    }

    /// Writes what is due: packets whose place is [`HOLD`] ago, and the page.
    fn advance(&mut self) {
        let horizon = self.now - HOLD_SAMPLES;
        while let Some(first) = self.held.first_entry() {
            // What a new clock says is worth nothing until it has been seen for a while: behind a network that stood still,
            // its first packets are the slowest.
            let known = self.clocks.started(first.get().moment).is_none_or(|started| started <= horizon);
            if !known || place(&self.clocks, first.get()) > horizon {
                break;
            }
            let (number, held) = first.remove_entry();
            self.settle(number, &held);
        }
        if self.now >= self.writer.page_due() {
            self.keep_pace(horizon - SLACK);
            self.writer.flush();
        }
    }

    fn keep_pace(&mut self, until: i64) {
        let missing = (until - self.writer.cursor()) / FRAME * FRAME;
        if missing > 0 {
            self.writer.fill_gap(missing);
            self.next = None;
        }
    }

    /// Puts a packet at its place, or leaves it out.
    fn settle(&mut self, number: u64, held: &Held) {
        self.settled = Some(number);
        let behind = place(&self.clocks, held) - self.writer.cursor();
        let follows = self.next == Some(held.moment);
        let after = held.moment.after(held.duration);
        if self.is_over(held, behind, follows) {
            let count = if follows { &mut self.stats.left_out } else { &mut self.stats.late };
            *count += 1;
            self.next = follows.then_some(after);
            return;
        }
        if !follows {
            self.writer.fill_gap(behind);
        } else if behind > held.duration / 2 + TOLERANCE {
            self.stats.inserted += self.writer.fill(behind);
        }
        self.write(held);
        self.next = Some(after);
    }

    /// Whether the file has gone past the packet's place, for good. One in which nothing can be heard goes earlier.
    fn is_over(&self, held: &Held, behind: i64, follows: bool) -> bool {
        let quiet = follows && held.payload.len() <= MAX_QUIET;
        let tolerance = if quiet { 0 } else { TOLERANCE };
        behind < -(held.duration / 2 + tolerance)
    }

    fn write(&mut self, held: &Held) {
        let anchor = Anchor { timestamp: held.timestamp, at: time(self.writer.cursor()) };
        self.stats.first.get_or_insert(anchor);
        self.stats.last = Some(anchor);
        self.stats.written += 1;
        self.writer.packet(&held.payload, held.duration);
    }
}

fn place(clocks: &Clocks, held: &Held) -> i64 {
    clocks.place(held.moment).unwrap_or(held.arrival)
}

fn samples(time: Duration) -> i64 {
    let samples = time.as_nanos() * 48 / 1_000_000;
    i64::try_from(samples).unwrap_or(MAX_TIME).min(MAX_TIME)
}

fn time(samples: i64) -> Duration {
    let micros = u128::from(samples.max(0).unsigned_abs()) * 1_000_000 / 48;
    Duration::from_nanos(u64::try_from(micros).unwrap_or(u64::MAX))
}
