//! What a probe has shown: how fast its packets left, and how fast they came (libwebrtc's `ProbeBitrateEstimator`).

use crate::Bitrate;
use crate::probing::{ProbeCluster, ProbeId};

/// Probes whose results may still come.
const KEPT: usize = 4;
/// This part of the packets and of the bytes must have come. (libwebrtc.)
const ENOUGH: f64 = 0.8;
/// Longer ones measure nothing, in microseconds. (libwebrtc.)
const LONGEST: f64 = 1e6;
/// Packets that come so much faster than they left were held up together: no measurement. (libwebrtc.)
const TOO_FAST: f64 = 2.0;
/// Whoever receives less than this of what was sent has a full link; and so much of it is taken. (libwebrtc.)
const FULL: f64 = 0.9;
const TAKEN: f64 = 0.95;

/// Times in microseconds.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    id: ProbeId,
    packets: u32,
    bytes: u64,
    seen: u32,
    seen_bytes: u64,
    first_sent: i64,
    last_sent: i64,
    last_sent_bytes: u32,
    first_arrival: i64,
    first_arrival_bytes: u32,
    last_arrival: i64,
}

/// The probes that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbeResults {
    clusters: [Option<Cluster>; KEPT],
    next: usize,
}

impl ProbeResults {
    pub(crate) fn expect(&mut self, probe: &ProbeCluster) {
        let cluster = Cluster {
            id: probe.id,
            packets: probe.packets,
            bytes: probe.bytes,
            seen: 0,
            seen_bytes: 0,
            first_sent: i64::MAX,
            last_sent: i64::MIN,
            last_sent_bytes: 0,
            first_arrival: i64::MAX,
            first_arrival_bytes: 0,
            last_arrival: i64::MIN,
        };
        if let Some(slot) = self.clusters.get_mut(self.next % KEPT) {
            *slot = Some(cluster);
        }
        self.next += 1;
    }

    /// A packet of a probe arrived; gives what the probe has shown so far, once it is enough.
    pub(crate) fn arrived(&mut self, id: ProbeId, sent: i64, arrival: i64, bytes: u32) -> Option<Bitrate> {
        let cluster = self.clusters.iter_mut().flatten().find(|cluster| cluster.id == id)?;
        cluster.add(sent, arrival, bytes);
        cluster.bitrate()
    }
}

impl Cluster {
    fn add(&mut self, sent: i64, arrival: i64, bytes: u32) {
        (self.seen, self.seen_bytes) = (self.seen + 1, self.seen_bytes + u64::from(bytes));
        self.first_sent = self.first_sent.min(sent);
        if sent > self.last_sent {
            (self.last_sent, self.last_sent_bytes) = (sent, bytes);
        }
        if arrival < self.first_arrival {
            (self.first_arrival, self.first_arrival_bytes) = (arrival, bytes);
        }
        self.last_arrival = self.last_arrival.max(arrival);
    }

    fn bitrate(&self) -> Option<Bitrate> {
        let enough = f64::from(self.seen) >= ENOUGH * f64::from(self.packets)
            && self.seen_bytes as f64 >= ENOUGH * self.bytes as f64;
        if !enough {
            return None;
        }
        // The last to leave and the first to come only mark the ends.
        let rate = |marker: u32, from: i64, to: i64| {
            let micros = (to - from) as f64;
            let bits = self.seen_bytes.saturating_sub(u64::from(marker)) as f64 * 8.0;
            (micros > 0.0 && micros <= LONGEST).then(|| bits * 1e6 / micros)
        };
        let left = rate(self.last_sent_bytes, self.first_sent, self.last_sent)?;
        let came = rate(self.first_arrival_bytes, self.first_arrival, self.last_arrival)?;
        if came > TOO_FAST * left {
            return None;
        }
        Some(Bitrate::from_f64(if came < FULL * left { came * TAKEN } else { left.min(came) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten packets of 1000 bytes, so many microseconds apart.
    fn run(left: i64, came: i64) -> Option<Bitrate> {
        let id = ProbeId::from(7);
        let mut results = ProbeResults::default();
        results.expect(&ProbeCluster { id, bitrate: Bitrate::kbps(4000), packets: 10, bytes: 10_000 });
        (0..10).fold(None, |_, n| results.arrived(id, n * left, 90_000 + n * came, 1000))
    }

    #[test]
    fn it_is_the_slower_of_leaving_and_coming() {
        assert_eq!(run(2_000, 2_000), Some(Bitrate::kbps(4000)));
        assert_eq!(run(2_000, 4_000), Some(Bitrate::kbps(1900)), "a full link is not taken whole");
        assert_eq!(run(2_000, 1_800), Some(Bitrate::kbps(4000)));
        assert_eq!(run(2_000, 500), None, "held up together");
        assert_eq!(run(0, 0), None);
    }
}
