//! Where virtual time begins in tests: an `Instant` can only be had from the clock, once.

use std::time::Instant;

/// Some moment; all that matters is the distance from it.
#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
pub(crate) fn start() -> Instant {
    Instant::now()
}
