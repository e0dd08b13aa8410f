//! What may leave at one time: asked of the pacer once, however many packets it is.

use super::{Waiting, hold};
use bwe::Pacer;
use bwe::pacer::Priority;
use slab::Slab;
use std::time::Instant;

/// Packets of one subscription that leave now, or wait. Ends with [`Burst::end`].
pub(crate) struct Burst<'a> {
    pub(super) pacer: &'a mut Pacer,
    pub(super) waiting: &'a mut Slab<Waiting>,
    pub(super) now: Instant,
    /// Of a network of which nothing is known nothing is counted.
    pub(super) paced: bool,
    /// Bytes that may leave, once somebody has asked who may not always.
    pub(super) allowance: Option<u64>,
    /// Bytes that have left.
    pub(super) passed: u64,
}

impl Burst<'_> {
    /// Whether a packet may leave now, of which this gives the bytes. Audio always may.
    #[inline(always)]
    pub(crate) fn passes(&mut self, always: bool, bytes: impl FnOnce() -> u32) -> bool {
        if !self.paced {
            return true;
        }
        if !always {
            let Self { pacer, now, .. } = self;
            if *self.allowance.get_or_insert_with(|| pacer.allowance(*now)) <= self.passed {
                return false;
            }
        }
        self.passed += u64::from(bytes());
        true
    }

    /// Holds a packet back. False: too much waits already, and it is lost.
    pub(crate) fn hold(&mut self, waiting: Waiting, bytes: u32, priority: Priority) -> bool {
        hold(self.pacer, self.waiting, self.now, waiting, bytes, priority)
    }

    /// Tells the pacer what has left.
    #[inline]
    pub(crate) fn end(self) {
        if self.passed > 0 {
            self.pacer.passed(self.passed);
        }
    }
}
