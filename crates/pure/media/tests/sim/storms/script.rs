//! What a seed decides: how bad the networks are, and which troubles there are.

use crate::forwarding::publisher::Habits;
use crate::network::{Dice, Link};
use sdp::Kind;
use std::time::Duration;

/// What befalls somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A home router gives another port.
    Rebinding,
    /// From Wi-Fi to mobile: another address, after a while without any.
    Move,
    /// Nothing gets through, one way or both, for less than the timeout.
    Outage,
    /// Or for longer.
    LongOutage,
    /// The router's process is stopped for a while.
    Standstill,
    /// The time of day of the router's host is set.
    SetClock,
    /// The time of day of a publisher is set.
    SetTheirClock,
    /// The router's host was suspended.
    Leap,
    Come,
    Leave,
    /// A client begins ICE anew.
    Restart,
    /// Somebody sends what he has no right to.
    Stranger,
}

const TROUBLES: [(Trouble, u64); 12] = [
    (Trouble::Rebinding, 6),
    (Trouble::Move, 3),
    (Trouble::Outage, 4),
    (Trouble::LongOutage, 1),
    (Trouble::Standstill, 2),
    (Trouble::SetClock, 3),
    (Trouble::SetTheirClock, 3),
    (Trouble::Leap, 1),
    (Trouble::Come, 4),
    (Trouble::Leave, 2),
    (Trouble::Restart, 5),
    (Trouble::Stranger, 20),
];

pub(super) struct Script {
    pub(super) length: Duration,
    pub(super) streams: usize,
    pub(super) listeners: usize,
    /// Milliseconds from one trouble to the next, at most.
    pub(super) pause: u64,
    /// Those of this seed, with their weights.
    troubles: Vec<(Trouble, u64)>,
    /// Percent, and milliseconds.
    loss: u64,
    duplicates: u64,
    jitter: u64,
}

impl Script {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut some =
            |percent: u64, up_to: u64| if dice.chance(percent) { dice.below(up_to + 1) } else { 0 };
        let (loss, duplicates, jitter) = (some(60, 25), some(50, 15), some(60, 100));
        let length = Duration::from_millis(4_000 + some(100, 10_000) + some(30, 25_000));
        let (streams, listeners) = (1 + some(40, 1) as usize, 1 + some(100, 2) as usize);
        let pause = 200 + some(100, 2_000);
        let troubles = TROUBLES.into_iter().filter(|_| dice.chance(50)).collect();
        Self { length, streams, listeners, pause, troubles, loss, duplicates, jitter }
    }

    /// The next trouble, if there is any at all.
    pub(super) fn trouble(&self, dice: &mut Dice) -> Option<Trouble> {
        let sum: u64 = self.troubles.iter().map(|(_, weight)| weight).sum();
        let mut at = dice.below(sum);
        self.troubles.iter().find_map(|(trouble, weight)| {
            let chosen = at < *weight;
            at = at.saturating_sub(*weight);
            chosen.then_some(*trouble)
        })
    }

    /// But for strangers, who are always there.
    pub(super) fn calm_down(&mut self) {
        (self.loss, self.duplicates, self.jitter) = (0, 0, 0);
        self.troubles.retain(|(trouble, _)| *trouble == Trouble::Stranger);
    }

    pub(super) fn link(&self, dice: &mut Dice) -> Link {
        Link {
            delay: Duration::from_millis(2 + dice.below(100)),
            jitter: Duration::from_millis(dice.below(self.jitter + 1)),
            loss_percent: dice.below(self.loss + 1),
            duplicate_percent: dice.below(self.duplicates + 1),
            cut: false,
        }
    }

    pub(super) fn kinds(&self, dice: &mut Dice) -> Vec<Kind> {
        match dice.below(6) {
            0 => vec![Kind::Video],
            1 => vec![Kind::Audio],
            _ => vec![Kind::Audio, Kind::Video],
        }
    }

    /// A frame or two a second, so that many calls fit into a minute.
    pub(super) fn habits(&self) -> Habits {
        Habits {
            nothing: 0,
            foreign: 0,
            leaps: 0,
            keys: 5,
            late_starts: 0,
            frame_packets: 2,
            even: false,
            pace: 12,
        }
    }
}
