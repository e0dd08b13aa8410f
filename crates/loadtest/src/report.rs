//! What a test came to, for people and for programs.

mod chart;
mod json;
mod page;
mod table;

use crate::load::{Ending, Measurement};
use crate::options::Options;

/// All figures of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// What was measured, as a whole and second by second.
    pub measurement: Measurement,
    /// All of it, from the first connection to the last packet.
    pub ending: Ending,
}

impl Report {
    /// Whether every connection came up and nothing was lost but what was thrown away.
    ///
    /// # Errors
    /// What went wrong, in one line.
    pub fn verdict(&self) -> Result<(), String> {
        self.ending.verdict()
    }

    /// Why the figures say more about the generator than about the server, if they do.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        self.measurement.whole.doubts()
    }

    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        table::write(self)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        json::write(self)
    }

    /// A page that needs nothing but itself.
    #[must_use]
    pub fn html(&self) -> String {
        page::write(self)
    }
}

/// A sample report for the tests of what is written.
#[cfg(test)]
mod example {
    use super::*;
    use crate::load::Connections;
    use crate::sample::{GeneratorUse, Sample, ServerUse};
    use crate::totals::{Totals, TrackTotals};
    use std::time::Duration;

    pub(super) fn report() -> Report {
        let video = TrackTotals {
            sent: 180,
            expected: 1800,
            received: 1800,
            arrived: 1800,
            ..TrackTotals::default()
        };
        let mut totals = Totals { video, ..Totals::default() };
        (1..=100).for_each(|micros| totals.delay.record(Duration::from_micros(micros)));
        totals.first_media.record(Duration::from_millis(40));
        let sample = Sample {
            elapsed: Duration::from_secs(1),
            totals: totals.clone(),
            lost: 0,
            subscriptions: 10,
            server: Some(ServerUse {
                cpu: Duration::from_millis(5),
                resident_bytes: 50 << 20,
                micros_per_packet: 2.78,
                packets_per_core_second: 360_000.0,
            }),
            generator: GeneratorUse { busiest_thread: 0.1, cores: 0.1, socket_drops: 0 },
        };
        let connections = Connections { publishers: 1, subscribers: 10, ..Connections::default() };
        Report {
            options: Options::default(),
            measurement: Measurement { whole: sample.clone(), series: vec![sample.clone(), sample] },
            ending: Ending { totals, connections },
        }
    }
}
