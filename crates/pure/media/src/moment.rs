//! The time of a call, by both of the clocks that were passed in.

use rtp::NtpTime;
use std::time::{Instant, SystemTime};

/// One moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// For all that waits.
    pub(crate) now: Instant,
    /// For what peers are told.
    pub(crate) wall: NtpTime,
}

impl Moment {
    pub(crate) fn new(now: Instant, wall: SystemTime) -> Self {
        Self { now, wall: NtpTime::from_system(wall) }
    }
}
