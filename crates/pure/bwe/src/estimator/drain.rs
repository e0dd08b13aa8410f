//! After over-use the queue is still there: for a moment less is sent than the network carries, so that it empties.

use crate::Bitrate;

/// A queue as long as this (microseconds) has this part of the bitrate for itself, a shorter one less.
const LONG: f64 = 300_000.0;
const PART: f64 = 0.75;
/// It has emptied.
const EMPTY: i64 = 12_000;
/// It does not empty: others fill it, or the way through the network has become longer.
const LONGEST: i64 = 2_000_000;

/// Times in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain {
    began: Option<i64>,
    queue: i64,
}

impl Drain {
    /// There was over-use.
    pub(super) fn begin(&mut self, now: i64) {
        self.began.get_or_insert(now);
    }

    pub(super) fn look(&mut self, now: i64, queue: i64) {
        self.queue = queue;
        if queue < EMPTY || self.began.is_some_and(|began| now - began > LONGEST) {
            self.began = None;
        }
    }

    /// What may be sent, of what the network carries.
    pub(super) fn apply(&self, bitrate: Bitrate) -> Bitrate {
        if self.began.is_none() {
            return bitrate;
        }
        let part = (self.queue as f64 / LONG).min(1.0);
        bitrate.scale(1.0 - part * PART)
    }
}
