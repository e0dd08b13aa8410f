//! What was counted, by kind of media. Everything only grows, so that a window is a difference.

use crate::client::Kind;
use crate::histogram::Histogram;

/// Counts of all tracks of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackTotals {
    /// Packets that publishers sent.
    pub sent: u64,
    /// Packets that were sent to a stream while somebody had it, times who had it.
    pub expected: u64,
    /// Different ones of these that subscribers got, repairs included.
    pub received: u64,
    /// Packets that reached a subscriber's socket, whatever became of them.
    pub arrived: u64,
    /// Numbers that are missing between a track's first and newest packet.
    pub missing: u64,
    /// Packets that came again without having been asked for.
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    /// Packets that came again because they had been asked for.
    pub repairs: u64,
    /// Packets that were thrown away to play a bad network; repairs that were are not among them.
    pub thrown: u64,
}

impl TrackTotals {
    /// Sums of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// What has come since `earlier`. `missing` may shrink, and is then 0.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        self.combine(earlier, u64::saturating_sub)
    }

    fn combine(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            sent: with(self.sent, other.sent),
            expected: with(self.expected, other.expected),
            received: with(self.received, other.received),
            arrived: with(self.arrived, other.arrived),
            missing: with(self.missing, other.missing),
            duplicates: with(self.duplicates, other.duplicates),
            reordered: with(self.reordered, other.reordered),
            repairs: with(self.repairs, other.repairs),
            thrown: with(self.thrown, other.thrown),
        }
    }
}

/// All that a thread, or all of them, have counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Opus.
    pub audio: TrackTotals,
    /// VP8.
    pub video: TrackTotals,
    /// From a publisher's hands to a subscriber's, of the packets that were opened.
    pub delay: Histogram,
    /// From the `subscribe` request to the first packet.
    pub first_media: Histogram,
    /// How late packets left, measured against their schedule.
    pub lateness: Histogram,
    /// Packets that were not authentic.
    pub unauthentic: u64,
    /// Connections that ended by themselves.
    pub ended: u64,
    /// Datagrams that the kernel would not take.
    pub unsent: u64,
}

impl Totals {
    /// The counts of one kind.
    pub(crate) fn of(&mut self, kind: Kind) -> &mut TrackTotals {
        match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        }
    }

    /// Audio and video together.
    #[must_use]
    pub fn both(&self) -> TrackTotals {
        self.audio.plus(self.video)
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        self.audio = self.audio.plus(other.audio);
        self.video = self.video.plus(other.video);
        self.delay.add(&other.delay);
        self.first_media.add(&other.first_media);
        self.lateness.add(&other.lateness);
        self.unauthentic += other.unauthentic;
        self.ended += other.ended;
        self.unsent += other.unsent;
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            audio: self.audio.since(earlier.audio),
            video: self.video.since(earlier.video),
            delay: self.delay.since(&earlier.delay),
            first_media: self.first_media.since(&earlier.first_media),
            lateness: self.lateness.since(&earlier.lateness),
            unauthentic: self.unauthentic.saturating_sub(earlier.unauthentic),
            ended: self.ended.saturating_sub(earlier.ended),
            unsent: self.unsent.saturating_sub(earlier.unsent),
        }
    }
}
