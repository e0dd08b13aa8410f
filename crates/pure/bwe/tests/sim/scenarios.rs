//! The networks, and what must be reached on each.

use crate::link::{Conditions, Trace};
use crate::measure::Measured;
use crate::ours::Ours;
use crate::world::run;
use bwe::Bitrate;

/// A network with a name, and when it is steady.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) conditions: Conditions,
    /// Seconds: where utilisation is measured.
    pub(crate) steady: Vec<(f64, f64)>,
    /// Seconds at which the capacity rises.
    pub(crate) rises: Vec<f64>,
}

fn plain(trace: Trace) -> Conditions {
    Conditions { trace, queue: 500_000, delay: 25_000, loss: 0.0, jitter: 2_000, reorder: false, cross: 0.0 }
}

fn constant(name: &'static str, conditions: Conditions) -> Scenario {
    let seconds = conditions.trace.micros() as f64 / 1e6;
    Scenario { name, conditions, steady: vec![(5.0, seconds)], rises: vec![0.0] }
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    let two = || Trace::steps(&[(60.0, 2000.0)]);
    let steps = Trace::steps(&[(20.0, 3000.0), (20.0, 1000.0), (20.0, 300.0), (20.0, 2000.0)]);
    let reordering = Conditions { loss: 0.1, jitter: 50_000, reorder: true, ..plain(two()) };
    vec![
        Scenario {
            name: "3 → 1 → 0.3 → 2 Mbit/s",
            conditions: plain(steps),
            steady: vec![(5.0, 20.0), (25.0, 40.0), (45.0, 60.0), (65.0, 80.0)],
            rises: vec![0.0, 60.0],
        },
        constant("2 Mbit/s", plain(two())),
        constant("0.3 Mbit/s", plain(Trace::steps(&[(60.0, 300.0)]))),
        constant("10 Mbit/s", plain(Trace::steps(&[(60.0, 10_000.0)]))),
        constant("10 % loss, 50 ms jitter, reordering", reordering.clone()),
        constant("10 % loss, 50 ms jitter, in order", Conditions { reorder: false, ..reordering.clone() }),
        constant("50 ms jitter, reordering", Conditions { loss: 0.0, ..reordering }),
        constant("2 % loss", Conditions { loss: 0.02, ..plain(two()) }),
        constant("200 ms RTT", Conditions { delay: 100_000, ..plain(two()) }),
        constant("30 ms queue", Conditions { queue: 30_000, ..plain(two()) }),
        constant("wi-fi", Conditions { jitter: 5_000, ..plain(Trace::wifi(60, 7)) }),
        constant("LTE", Conditions { jitter: 8_000, delay: 35_000, ..plain(Trace::lte(80, 11)) }),
    ]
}

/// 1 Mbit/s of others for 5 s of each 10 on 3 Mbit/s.
pub(crate) fn shared() -> Conditions {
    Conditions { cross: 1e6, ..plain(Trace::steps(&[(60.0, 3000.0)])) }
}

pub(crate) const MAX: Bitrate = Bitrate::kbps(20_000);

pub(crate) fn ours(conditions: &Conditions, seed: u64) -> (Measured, Ours) {
    let mut pair = Ours::new(MAX);
    let measured = run(&mut pair, conditions, seed);
    (measured, pair)
}
