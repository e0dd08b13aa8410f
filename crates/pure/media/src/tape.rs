//! Audio on its way to a recording: copies of what a tapped stream's publisher sent, for the router's owner to take
//! away after each call.

use std::ops::Range;
use std::time::Instant;

/// Packets that can wait on a tape. The owner empties it after each batch, which holds far fewer; what exceeds this
/// is left out.
const MAX_PACKETS: usize = 4096;

/// The name of a recording; its owner gives it, and never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TapId(pub u64);

/// Opus packets of tapped streams, in the order in which they came.
#[derive(Debug, Default)]
pub struct Tape {
    packets: Vec<Entry>,
    bytes: Vec<u8>,
}

/// One packet of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapedPacket<'a> {
    /// The recording that it belongs to.
    pub tap: TapId,
    /// Which of the stream's tracks: an index into [`Tapped::tracks`].
    pub track: usize,
    /// When it came.
    pub at: Instant,
    /// The packet's number: one more than the one before it, and never the same twice. Numbers that are missing are
    /// packets that have not come (yet).
    pub number: u64,
    /// RTP timestamp, modulo 2^32; it runs on when the publisher changes its SSRC.
    pub timestamp: u32,
    /// The Opus packet.
    pub payload: &'a [u8],
}

#[derive(Debug)]
struct Entry {
    tap: TapId,
    track: usize,
    at: Instant,
    number: u64,
    timestamp: u32,
    range: Range<usize>,
}

/// A stream that was found, and is tapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// Whether its publisher has sent media already. If not, [`StreamLive`](crate::Event::StreamLive) follows.
    pub live: bool,
    /// Its tracks that are recorded.
    pub tracks: Vec<TappedTrack>,
}

/// A track of a tapped stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TappedTrack {
    /// The stream's index of it, as [`TapedPacket::track`] has it.
    pub index: usize,
    /// One or two, as negotiated (`stereo`, or `sprop-stereo`).
    pub channels: u8,
}

impl Tape {
    pub(crate) fn push(&mut self, packet: &TapedPacket<'_>) {
        if self.packets.len() >= MAX_PACKETS {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet.payload);
        self.packets.push(Entry {
            tap: packet.tap,
            track: packet.track,
            at: packet.at,
            number: packet.number,
            timestamp: packet.timestamp,
            range: start..self.bytes.len(),
        });
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// What it takes up, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + self.packets.len() * size_of::<Entry>()
    }

    /// The packets.
    pub fn packets(&self) -> impl Iterator<Item = TapedPacket<'_>> {
        self.packets.iter().map(|entry| TapedPacket {
            tap: entry.tap,
            track: entry.track,
            at: entry.at,
            number: entry.number,
            timestamp: entry.timestamp,
            payload: self.bytes.get(entry.range.clone()).unwrap_or_default(),
        })
    }
}
