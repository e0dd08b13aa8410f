//! A packet that waits for its turn.

use crate::subscription::segments::Place;

/// What waits, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Index of the subscription, and its number, which no other ever has.
    pub(crate) subscription: usize,
    pub(crate) serial: u64,
    /// Index of its track.
    pub(crate) track: usize,
    pub(crate) what: What,
}

/// A packet, as it will be found in its stream's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// For the first time, at this place.
    Media(Place),
    /// Again: what was sent with this sequence number.
    Repair(u16),
}
