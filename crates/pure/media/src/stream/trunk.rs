//! Where a branch gets its packets from: its wishes on their way to the root.

use crate::branch::{BranchId, Wish};
use std::collections::VecDeque;

/// Packets that were wished for lately, so that each is wished for once: of all subscribers' losses those that never
/// came over are few.
const REMEMBERED: usize = 256;

/// The way to the root.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) branch: BranchId,
    asked: VecDeque<(usize, u64)>,
}

impl Trunk {
    pub(crate) fn new(branch: BranchId) -> Self {
        Self { branch, asked: VecDeque::new() }
    }

    /// A subscriber lacks a packet that is not here. Returns the wish, if it was not told before.
    pub(crate) fn miss(&mut self, track: usize, number: u64) -> Option<Wish> {
        if self.asked.contains(&(track, number)) {
            return None;
        }
        if self.asked.len() >= REMEMBERED {
            self.asked.pop_front();
        }
        self.asked.push_back((track, number));
        Some(Wish::Packet { track, number })
    }
}
