//! The virtual time of all targets: when it begins, and how it passes. No time of the machine has a part in what they do.

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

/// A router whose time is virtual.
pub(crate) trait Timed {
    fn now(&mut self) -> &mut Instant;

    /// When the router wants to be driven next.
    fn due(&self) -> Option<Instant>;

    /// Drives it.
    fn timeout(&mut self);

    /// Lets time pass, and drives the router whenever it is due.
    fn pass(&mut self, time: Duration) {
        let until = *self.now() + time;
        let mut rounds = 0;
        while let Some(due) = self.due().filter(|due| *due <= until) {
            rounds += 1;
            assert!(rounds < 200_000, "timers without end");
            let now = (*self.now()).max(due);
            *self.now() = now;
            self.timeout();
            assert!(self.due().is_none_or(|next| next > now), "time moves on");
        }
        *self.now() = until;
        self.timeout();
    }
}
