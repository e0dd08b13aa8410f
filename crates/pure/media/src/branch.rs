//! A stream's continuation on another router: one copy of each packet goes over, whatever the number of subscribers
//! there. The *root* is the router that has the publisher; it copies. The other one has a stream of the same name, a
//! *branch*, whose subscribers it serves from a cache of its own; what they lack and it cannot give, it wishes for.
//!
//! Copies and wishes are carried by the routers' owner, over whatever it likes. Both may be lost: what was lost is
//! wished for when a subscriber misses it.

use crate::stream::frame::Frame;
use crate::stream::layers::Layer;
use rtp::Header;
use rtp::clock::{RemoteClock, RtpClock};
use rtp::rtcp::SenderInfo;
use sdp::{Line, Name};
use std::ops::Range;
use std::time::Instant;

/// Packets that wait for the owner. It takes them after each call, which leads to far fewer; what exceeds this is left
/// out.
const MAX_PACKETS: usize = 4096;

/// The name of a branch; the owner of both routers gives it, and never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchId(pub u64);

/// What a branch must know of its stream before the first packet.
#[derive(Clone, Debug)]
pub struct Outline {
    pub(crate) name: Name,
    pub(crate) tracks: Vec<TrackOutline>,
    /// The tracks of each medium.
    pub(crate) media: Vec<Range<usize>>,
    pub(crate) clock: RemoteClock,
    pub(crate) live: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct TrackOutline {
    pub(crate) line: Line,
    pub(crate) layer: Option<Layer>,
    pub(crate) clock: RtpClock,
    pub(crate) shift: u32,
}

/// What came of a stream, on its way to a branch.
#[derive(Debug, Default)]
pub struct Copies {
    packets: Vec<Packet>,
    reports: Vec<Report>,
    bytes: Vec<u8>,
    since: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Packet {
    track: usize,
    number: u64,
    header: Header,
    frame: Frame,
    padding: u8,
    range: Range<usize>,
}

/// What a sender report of the publisher said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) track: usize,
    /// When it came.
    pub(crate) at: Instant,
    pub(crate) info: SenderInfo,
    /// What is added to the publisher's timestamps.
    pub(crate) shift: u32,
}

/// One packet of these.
pub(crate) struct Copied<'a> {
    /// Index of the track in the stream.
    pub(crate) track: usize,
    /// As the root numbers it.
    pub(crate) number: u64,
    pub(crate) header: Header,
    pub(crate) frame: Frame,
    pub(crate) padding: u8,
    pub(crate) bytes: &'a [u8],
}

/// What a branch asks its root for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A key frame of this track.
    KeyFrame {
        /// Index of the track in the stream.
        track: usize,
    },
    /// A packet that its subscribers lack and that never came over.
    Packet {
        /// Index of the track in the stream.
        track: usize,
        /// As the root numbers it.
        number: u64,
    },
    /// Which of the stream's tracks somebody there takes, or wants to: bit n is track n. Said again now and then.
    Layers {
        /// The tracks.
        tracks: u32,
    },
}

impl Copies {
    pub(crate) fn push(&mut self, packet: &Copied<'_>) {
        if self.packets.len() >= MAX_PACKETS {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet.bytes);
        self.packets.push(Packet {
            track: packet.track,
            number: packet.number,
            header: packet.header,
            frame: packet.frame,
            padding: packet.padding,
            range: start..self.bytes.len(),
        });
    }

    pub(crate) fn report(&mut self, report: Report) {
        if self.reports.len() < MAX_PACKETS {
            self.reports.push(report);
        }
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = Copied<'_>> {
        self.packets.iter().map(|packet| Copied {
            track: packet.track,
            number: packet.number,
            header: packet.header,
            frame: packet.frame,
            padding: packet.padding,
            bytes: self.bytes.get(packet.range.clone()).unwrap_or_default(),
        })
    }

    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter()
    }

    /// When the first of the packets came to the root; `None` where they were sent before.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Packets that came at this time follow, or later ones.
    pub(crate) fn begin(&mut self, since: Option<Instant>) {
        self.since = self.since.or(since);
    }

    /// The number of packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether there is nothing to carry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.reports.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.reports.clear();
        self.since = None;
        self.bytes.clear();
    }
}
