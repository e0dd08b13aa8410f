//! Packets of one subscriber that leave, or wait until its network carries them.

use super::meter::Meter;
use super::outgoing::{Departure, OutgoingTrack};
use super::segments::Place;
use crate::batch::Outbox;
use crate::network::{Network, Waiting, What};
use crate::stream::cache::{Entry, PacketCache};
use crate::transport::ice::Path;
use bwe::pacer::Priority;
use bwe::{LegId, PacketKind};
use rtp::extension::AbsSendTime;
use rtp::srtp::Sender;
use std::time::Instant;

/// Who they are for, and what is stamped on them.
pub(super) struct Leaving<'a> {
    /// The subscription: its index and its number.
    pub(super) index: usize,
    pub(super) serial: u64,
    pub(super) path: Path,
    pub(super) sender: &'a Sender,
    pub(super) time: AbsSendTime,
    pub(super) now: Instant,
    /// Its next transport-wide number, and its connection where those are counted.
    pub(super) sequence: &'a mut u64,
    pub(super) leg: Option<LegId>,
    pub(super) network: &'a mut Network,
    /// Some wait.
    pub(super) held: bool,
}

impl Leaving<'_> {
    /// A packet that is to leave for the first time, on this of the subscription's tracks.
    #[inline]
    pub(super) fn packet(
        &mut self,
        (carrier, track): (usize, &mut OutgoingTrack),
        cache: &PacketCache,
        entry: &Entry,
        place: &Place,
        out: &mut Outbox<'_>,
    ) {
        // Of a network of which nothing is known nothing is counted.
        if self.network.is_paced() {
            let bytes = track.size_of(entry);
            if !track.is_video() {
                self.network.pacer.passed(bytes);
            } else if !self.network.pacer.pass(self.now, bytes) {
                return self.hold(carrier, entry, place, bytes);
            }
        }
        let meter = Meter {
            sequence: self.sequence,
            estimator: self.leg.map(|leg| (&mut self.network.estimator, leg)),
            now: self.now,
            kind: PacketKind::Media,
        };
        let mut departure = Departure { path: self.path, sender: self.sender, time: self.time, meter };
        track.send(cache, entry, place, &mut departure, out);
    }

    fn hold(&mut self, track: usize, entry: &Entry, place: &Place, bytes: u32) {
        let what = What::Media(*place);
        let waiting = Waiting { subscription: self.index, serial: self.serial, track, what };
        let frame = u64::from(entry.header.timestamp) | self.serial << 32;
        self.held |= self.network.hold(self.now, waiting, bytes, Priority::Video { frame });
    }
}
