//! What a publisher sends under one SSRC.

use super::offer::Line;
use super::packet::{Descriptor, Sent};
use super::publisher::Habits;
use crate::network::Dice;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// A track's source.
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: u32,
    pub(crate) next_index: u64,
    pub(crate) next_rtx: u64,
    pub(crate) timestamp: u32,
    pub(crate) next_frame: Instant,
    pub(crate) frames: u32,
    /// Packets under this SSRC.
    pub(crate) count: u64,
    pub(crate) wants_key: bool,
    pub(crate) kept: HashMap<u16, (Rc<Sent>, Vec<u8>, Instant)>,
    pub(crate) descriptor: Descriptor,
}

impl Source {
    pub(crate) fn new(now: Instant, line: &Line, habits: Habits, dice: &mut Dice) -> Self {
        let (ssrc, rtx_ssrc) = line.ssrcs.unwrap_or((dice.roll() as u32, dice.roll() as u32));
        let late = dice.chance(habits.late_starts);
        Self {
            ssrc,
            rtx_ssrc,
            next_index: if late { 0x1_0000 - 1 - dice.below(200) } else { dice.below(0x7000) },
            next_rtx: 0,
            timestamp: if dice.chance(50) {
                u32::MAX - dice.below(200_000) as u32
            } else {
                dice.roll() as u32
            },
            next_frame: now,
            frames: dice.below(0x7fff) as u32,
            count: 0,
            wants_key: true,
            kept: HashMap::new(),
            descriptor: Descriptor {
                picture_bits: [0, 7, 15][dice.below(3) as usize],
                layers: dice.chance(50),
            },
        }
    }
}
