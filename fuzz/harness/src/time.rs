//! When the virtual time of all targets begins. No time of the machine has a part in what they do.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// An instant can be had in no other way; which one it is plays no part.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The beginning.
pub(crate) fn epoch() -> Instant {
    *EPOCH
}

/// The time of day at the moment `now`.
pub(crate) fn wall(now: Instant) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + now.duration_since(epoch())
}
