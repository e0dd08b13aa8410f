//! Packets of one subscriber that leave, or wait until its network carries them.

use super::outgoing::{Departure, OutgoingTrack};
use super::segments::Place;
use crate::batch::Outbox;
use crate::network::{Burst, Waiting, What};
use crate::stream::cache::{Entry, PacketCache};
use bwe::pacer::Priority;

/// Who they are for, what is stamped on them, and what may leave.
pub(super) struct Leaving<'a> {
    /// The subscription: its index and its number.
    pub(super) index: usize,
    pub(super) serial: u64,
    pub(super) departure: Departure<'a>,
    pub(super) burst: Burst<'a>,
    /// Some wait.
    pub(super) held: bool,
}

impl Leaving<'_> {
    /// A packet that is to leave for the first time, on this of the subscription's tracks.
    #[inline(always)]
    pub(super) fn packet(
        &mut self,
        (carrier, track): (usize, &mut OutgoingTrack),
        cache: &PacketCache,
        entry: &Entry,
        place: &Place,
        out: &mut Outbox<'_>,
    ) {
        if self.burst.passes(!track.is_video(), || track.size_of(entry)) {
            track.send(cache, entry, place, &mut self.departure, out);
        } else {
            self.hold(carrier, track.size_of(entry), entry, place);
        }
    }

    #[cold]
    fn hold(&mut self, track: usize, bytes: u32, entry: &Entry, place: &Place) {
        let what = What::Media(*place);
        let waiting = Waiting { subscription: self.index, serial: self.serial, track, what };
        let frame = u64::from(entry.header.timestamp) | self.serial << 32;
        self.held |= self.burst.hold(waiting, bytes, Priority::Video { frame });
    }
}
