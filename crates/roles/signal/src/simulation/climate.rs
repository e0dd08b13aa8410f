//! How bad a run is, decided by its seed.

use super::dice::Dice;
use std::time::Duration;

/// How often what goes wrong, in a thousand.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    /// Store calls that fail, half of them after they were done.
    pub(super) store_fails: u64,
    /// Store calls that take long, half of them before they are done.
    pub(super) store_late: u64,
    /// How long at most, in milliseconds.
    pub(super) store_late_ms: u64,
    /// Questions for events that are answered with the room's state.
    pub(super) log_forgotten: u64,
    pub(super) events_lost: u64,
    pub(super) events_doubled: u64,
    pub(super) events_late: u64,
    pub(super) events_late_ms: u64,
    /// Whether whole parts fail for some time.
    pub(super) troubles: bool,
    /// How long the clients act.
    pub(super) lasts: Duration,
}

impl Climate {
    pub(super) fn of(dice: &Dice) -> Self {
        let fair = dice.chance(120);
        let some = |levels: &[u64]| if fair { 0 } else { *dice.pick(levels) };
        Self {
            store_fails: some(&[0, 0, 10, 60]),
            store_late: some(&[0, 20, 150, 400]),
            store_late_ms: *dice.pick(&[30, 500, 6000]),
            log_forgotten: some(&[0, 0, 100, 600]),
            events_lost: some(&[0, 50, 300, 900]),
            events_doubled: some(&[0, 50, 300]),
            events_late: some(&[0, 50, 500]),
            events_late_ms: *dice.pick(&[20, 300, 5000]),
            troubles: !fair && dice.chance(750),
            lasts: dice.ms(8_000, 24_000),
        }
    }
}
