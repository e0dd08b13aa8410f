//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): which
//! packets of a transport arrived, and when.

use super::writer::Body;
use crate::NoRoom;
use crate::fields::{array_at, u8_at, u16_at, u32_at};
use crate::packet::Malformed;

/// Where the chunks begin in the body: SSRCs, base, count, reference time, feedback count.
const CHUNKS: usize = 16;
/// One unit of reference time (64 ms) in units of delta (250 µs).
pub(super) const TICKS_PER_REFERENCE: i64 = 256;

/// Feedback about one span of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// Who says so.
    pub sender: u32,
    /// One of the streams; it is about the whole transport.
    pub media: u32,
    /// The transport-wide number of the first packet that it is about.
    pub base: u16,
    /// How many packets it is about; those that [`TransportFeedback::arrivals`] leaves out are lost.
    pub count: u16,
    /// The receiver's clock, in units of 64 ms, modulo 2^24.
    pub reference_time: u32,
    /// Counts the feedback packets, modulo 256.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let fixed = || {
            let [t0, t1, t2, feedback_count] = array_at(body, 12)?;
            Some(Self {
                sender: u32_at(body, 0)?,
                media: u32_at(body, 4)?,
                base: u16_at(body, 8)?,
                count: u16_at(body, 10)?,
                reference_time: u32::from_be_bytes([0, t0, t1, t2]),
                feedback_count,
                chunks: &[],
                deltas: &[],
            })
        };
        let head = fixed().ok_or(Malformed::TooShort("the end of transport feedback"))?;
        let rest = body.get(CHUNKS..).unwrap_or_default();
        let (chunks, delta_bytes) = measure(rest, head.count)?;
        let split = rest.split_at_checked(chunks);
        let (chunks, rest) = split.ok_or(Malformed::TooShort("the statuses of transport feedback"))?;
        let deltas =
            rest.get(..delta_bytes).ok_or(Malformed::TooShort("the deltas of transport feedback"))?;
        Ok(Self { chunks, deltas, ..head })
    }

    /// The packets that arrived, in the order of their numbers. As many as the packet has deltas, whatever the count
    /// says: the work is bounded by its size.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            chunks: self.chunks,
            deltas: self.deltas,
            left: self.count,
            next: self.base,
            chunk: Chunk { symbols: Symbols::Run(0), len: 0 },
            ticks: i64::from(self.reference_time) * TICKS_PER_REFERENCE,
        }
    }
}

/// A packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// When, by the receiver's clock, in units of 250 µs (modulo the reference time's 2^24 × 64 ms; without that in
    /// [`super::FeedbackUnwrapper`]).
    pub ticks: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbols {
    /// All the same.
    Run(u16),
    /// From the highest of 14 bits down, this many bits each.
    Vector { bits: u16, width: u16 },
}

/// What is left of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chunk {
    symbols: Symbols,
    len: u16,
}

impl Chunk {
    /// Reads a chunk for at most `left` packets.
    fn read(word: u16, left: u16) -> Self {
        let (symbols, len) = match word >> 14 {
            0 | 1 => (Symbols::Run((word >> 13) & 3), word & 0x1fff),
            2 => (Symbols::Vector { bits: word & 0x3fff, width: 1 }, 14),
            _ => (Symbols::Vector { bits: word & 0x3fff, width: 2 }, 7),
        };
        Self { symbols, len: len.min(left) }
    }

    /// The next symbol.
    #[inline]
    fn take(&mut self) -> Option<u16> {
        self.len = self.len.checked_sub(1)?;
        match &mut self.symbols {
            Symbols::Run(symbol) => Some(*symbol),
            Symbols::Vector { bits, width } => {
                let symbol = *bits >> (14 - *width);
                *bits = (*bits << *width) & 0x3fff;
                Some(symbol)
            }
        }
    }

    /// How many bytes of deltas its packets have; `None` for the reserved symbol.
    fn delta_bytes(mut self) -> Option<usize> {
        if let Symbols::Run(symbol) = self.symbols {
            return (symbol < 3).then(|| usize::from(symbol) * usize::from(self.len));
        }
        let mut bytes = 0;
        while let Some(symbol) = self.take() {
            bytes += usize::from((symbol < 3).then_some(symbol)?);
        }
        Some(bytes)
    }
}

/// How many bytes the chunks for `count` packets have, and how many their deltas.
fn measure(rest: &[u8], count: u16) -> Result<(usize, usize), Malformed> {
    let (mut at, mut left, mut deltas) = (0, count, 0);
    while left > 0 {
        let word = u16_at(rest, at).ok_or(Malformed::TooShort("the statuses of transport feedback"))?;
        let chunk = Chunk::read(word, left);
        deltas += chunk.delta_bytes().ok_or(Malformed::Invalid("status in transport feedback"))?;
        left -= chunk.len;
        at += 2;
    }
    Ok((at, deltas))
}

/// The packets that arrived; see [`TransportFeedback::arrivals`].
#[derive(Clone, Copy, Debug)]
pub struct Arrivals<'a> {
    chunks: &'a [u8],
    deltas: &'a [u8],
    left: u16,
    next: u16,
    chunk: Chunk,
    ticks: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Chunk { symbols: Symbols::Run(0), len } = self.chunk {
                // Lost ones are skipped at once: a packet can claim 65,535 of them in a few bytes.
                self.next = self.next.wrapping_add(len);
                self.chunk.len = 0;
            }
            let Some(symbol) = self.chunk.take() else {
                let (word, rest) = self.chunks.split_first_chunk()?;
                self.chunks = rest;
                self.chunk = Chunk::read(u16::from_be_bytes(*word), self.left);
                self.left -= self.chunk.len;
                continue;
            };
            let sequence = self.next;
            self.next = sequence.wrapping_add(1);
            let (delta, len) = match symbol {
                0 => continue,
                1 => (i64::from(u8_at(self.deltas, 0)?), 1),
                _ => (i64::from(u16_at(self.deltas, 0)?.cast_signed()), 2),
            };
            self.deltas = self.deltas.get(len..)?;
            self.ticks += delta;
            return Some(Arrival { sequence, ticks: self.ticks });
        }
    }

    /// Chunk by chunk, which is quicker than one by one.
    #[inline]
    fn fold<B, F: FnMut(B, Arrival) -> B>(mut self, init: B, mut arrived: F) -> B {
        let mut told = init;
        loop {
            let Chunk { symbols, len } = self.chunk;
            match symbols {
                Symbols::Run(0) => self.next = self.next.wrapping_add(len),
                // A byte for each.
                Symbols::Run(1) => {
                    let (deltas, rest) =
                        self.deltas.split_at_checked(usize::from(len)).unwrap_or((self.deltas, &[]));
                    for delta in deltas {
                        self.ticks += i64::from(*delta);
                        told = arrived(told, Arrival { sequence: self.next, ticks: self.ticks });
                        self.next = self.next.wrapping_add(1);
                    }
                    self.deltas = rest;
                }
                Symbols::Run(_) | Symbols::Vector { .. } => {
                    while let Some(symbol) = self.chunk.take() {
                        let sequence = self.next;
                        self.next = sequence.wrapping_add(1);
                        let Some(delta) = self.delta(symbol) else { continue };
                        self.ticks += delta;
                        told = arrived(told, Arrival { sequence, ticks: self.ticks });
                    }
                }
            }
            let Some((word, rest)) = self.chunks.split_first_chunk() else { return told };
            self.chunks = rest;
            self.chunk = Chunk::read(u16::from_be_bytes(*word), self.left);
            self.left -= self.chunk.len;
        }
    }
}

impl Arrivals<'_> {
    /// The same, so many ticks later.
    pub(super) fn later(mut self, ticks: i64) -> Self {
        self.ticks = self.ticks.saturating_add(ticks);
        self
    }

    /// The delta of the next packet, which has this symbol; `None`: it did not arrive.
    #[inline]
    fn delta(&mut self, symbol: u16) -> Option<i64> {
        let (delta, len) = match symbol {
            0 => return None,
            1 => (i64::from(u8_at(self.deltas, 0)?), 1),
            _ => (i64::from(u16_at(self.deltas, 0)?.cast_signed()), 2),
        };
        self.deltas = self.deltas.get(len..)?;
        Some(delta)
    }
}

/// What is said about one packet: lost, or its delta to the one before, in 250 µs.
pub(crate) type Status = Option<i16>;

/// What the writer needs for one feedback packet.
pub(crate) struct FeedbackPart<'s> {
    pub(crate) media: u32,
    pub(crate) base: u16,
    pub(crate) reference_time: u32,
    pub(crate) feedback_count: u8,
    pub(crate) statuses: &'s [Status],
}

impl FeedbackPart<'_> {
    /// Writes everything after the sender's SSRC.
    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), NoRoom> {
        body.u32(self.media)?;
        body.u16(self.base)?;
        body.u16(u16::try_from(self.statuses.len()).map_err(|_| NoRoom)?)?;
        body.u32((self.reference_time << 8) | u32::from(self.feedback_count))?;
        let mut rest = self.statuses;
        while let Some(first) = rest.first() {
            let (word, len) = chunk_for(symbol(first), rest);
            body.u16(word)?;
            rest = rest.get(len..).unwrap_or_default();
        }
        self.statuses.iter().flatten().try_for_each(|&delta| match u8::try_from(delta) {
            Ok(small) => body.bytes(&[small]),
            Err(_) => body.bytes(&delta.to_be_bytes()),
        })
    }
}

fn symbol(status: &Status) -> u16 {
    match status {
        None => 0,
        Some(0..=255) => 1,
        Some(_) => 2,
    }
}

/// The chunk that says most about the first of `statuses`, and how many it covers: a run where one is longer than what
/// a vector holds, else a vector of one bit each where that is enough.
fn chunk_for(first: u16, statuses: &[Status]) -> (u16, usize) {
    let run = statuses.iter().take(0x1fff).take_while(|status| symbol(status) == first).count();
    let vector = |width: usize| {
        let len = (14 / width).min(statuses.len());
        let bits = statuses
            .iter()
            .take(len)
            .enumerate()
            .fold(0, |bits, (n, status)| bits | (symbol(status) << (14 - width * (n + 1))));
        (bits, len)
    };
    let narrow = statuses.iter().take(14).all(|status| symbol(status) < 2);
    if run >= if narrow { 14 } else { 7 } || run == statuses.len() {
        return ((first << 13) | run as u16, run);
    }
    if narrow {
        let (bits, len) = vector(1);
        return (0x8000 | bits, len);
    }
    let (bits, len) = vector(2);
    (0xc000 | bits, len)
}
