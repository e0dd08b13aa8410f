//! What a window of time was like.

use crate::totals::{Totals, TrackTotals};
use std::time::{Duration, Instant};

/// The generator is the bottleneck above this part of a core: what it measures then is itself.
const BUSY: f64 = 0.8;

/// Packets that leave later than this are no load as it was asked for: a third of a frame's time.
const LATE: Duration = Duration::from_millis(10);

/// What there was at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) totals: Totals,
    /// CPU time and resident memory of the server's processes, where they are all known.
    pub(crate) server: Option<(u64, u64)>,
    /// CPU time of each media thread.
    pub(crate) threads: Vec<u64>,
    pub(crate) drops: u64,
    pub(crate) subscriptions: usize,
}

/// What the server's processes used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerUse {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory at the end, in bytes.
    pub resident_bytes: u64,
    /// CPU time of a packet that reached a subscriber, in µs.
    pub micros_per_packet: f64,
    /// Packets that reached subscribers, per second of a core.
    pub packets_per_core_second: f64,
}

/// How the generator itself fared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GeneratorUse {
    /// The busiest media thread's part of a core.
    pub busiest_thread: f64,
    /// Of all media threads together, in cores.
    pub cores: f64,
    /// Datagrams that its sockets dropped because nobody read them in time.
    pub socket_drops: u64,
}

/// A window of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its length.
    pub elapsed: Duration,
    /// What was counted in it.
    pub totals: Totals,
    /// Numbers that are missing at its end, of all subscriptions, beyond those that were at its beginning.
    pub lost: u64,
    /// Subscriptions at its end.
    pub subscriptions: usize,
    /// The server's part, where its processes were named.
    pub server: Option<ServerUse>,
    /// The generator's part.
    pub generator: GeneratorUse,
}

impl Sample {
    pub(crate) fn between(before: &Moment, after: &Moment) -> Self {
        let elapsed = after.at.saturating_duration_since(before.at);
        let seconds = elapsed.as_secs_f64().max(1e-9);
        let totals = after.totals.since(&before.totals);
        let arrived = totals.both().arrived;
        let shares = after.threads.iter().zip(&before.threads);
        let shares = shares.map(|(after, before)| after.saturating_sub(*before) as f64 / 1e9 / seconds);
        Self {
            elapsed,
            lost: totals.both().missing,
            subscriptions: after.subscriptions,
            server: after.server.zip(before.server).map(|(after, before)| server_use(after, before, arrived)),
            generator: GeneratorUse {
                busiest_thread: shares.clone().fold(0.0, f64::max),
                cores: shares.sum(),
                socket_drops: after.drops.saturating_sub(before.drops),
            },
            totals,
        }
    }

    /// Audio and video together.
    #[must_use]
    pub fn both(&self) -> TrackTotals {
        self.totals.both()
    }

    /// Packets that reached subscribers, per second.
    #[must_use]
    pub fn packets_per_second(&self) -> f64 {
        self.both().arrived as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The part of the expected packets that is missing.
    #[must_use]
    pub fn lost_part(&self) -> f64 {
        self.lost as f64 / self.both().expected.max(1) as f64
    }

    /// Why the figures say more about the generator than about the server, if they do.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let busy = self.generator.busiest_thread;
        if busy > BUSY {
            doubts.push(format!("a thread of the generator was busy {:.0} % of the time", busy * 100.0));
        }
        if self.generator.socket_drops > 0 {
            let drops = self.generator.socket_drops;
            doubts.push(format!("{drops} datagrams were dropped at the generator's sockets"));
        }
        if let Some(late) = self.totals.lateness.quantile(0.99).filter(|late| *late > LATE) {
            doubts.push(format!("publishers sent up to {:.0} ms late (p99)", late.as_secs_f64() * 1e3));
        }
        if self.totals.unsent > 0 {
            doubts.push(format!("the kernel did not take {} datagrams of publishers", self.totals.unsent));
        }
        doubts
    }
}

fn server_use(after: (u64, u64), before: (u64, u64), arrived: u64) -> ServerUse {
    let nanos = after.0.saturating_sub(before.0);
    ServerUse {
        cpu: Duration::from_nanos(nanos),
        resident_bytes: after.1,
        micros_per_packet: nanos as f64 / 1e3 / arrived.max(1) as f64,
        packets_per_core_second: arrived as f64 / (nanos.max(1) as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: Instant, packets: u64) -> Moment {
        let mut totals = Totals::default();
        totals.video = TrackTotals { expected: packets, received: packets, arrived: packets, ..totals.video };
        Moment {
            at,
            totals,
            server: Some((packets * 2_000, 1 << 20)),
            threads: vec![packets * 900_000, 0],
            drops: 3,
            subscriptions: 4,
        }
    }

    #[test]
    fn a_window_is_what_happened_between_two_moments() {
        let start = Instant::now();
        let sample = Sample::between(&moment(start, 1000), &moment(start + Duration::from_secs(1), 2000));
        assert_eq!((sample.both().expected, sample.lost), (1000, 0));
        let server = sample.server.unwrap();
        assert!((server.micros_per_packet - 2.0).abs() < 1e-9);
        assert!((server.packets_per_core_second - 500_000.0).abs() < 1e-3);
        assert!((sample.packets_per_second() - 1000.0).abs() < 1e-6);
        assert!((sample.generator.busiest_thread - 0.9).abs() < 1e-9);
        assert_eq!(sample.doubts(), ["a thread of the generator was busy 90 % of the time"]);
    }
}
