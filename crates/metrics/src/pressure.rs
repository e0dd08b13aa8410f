//! Whether memory is short: told by whoever watches the process, asked by whoever would take on something new.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Yes or no. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Pressure(Arc<AtomicBool>);

impl Pressure {
    /// Whether nothing new should be taken on.
    #[must_use]
    pub fn is_high(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on it is so. Answers whether that is a change.
    pub fn set(&self, high: bool) -> bool {
        self.0.swap(high, Ordering::Relaxed) != high
    }
}
