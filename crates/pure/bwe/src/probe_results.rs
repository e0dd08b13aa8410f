//! What a probe has shown: how fast its packets left, and how fast they came. Bounds are those of libwebrtc's
//! `ProbeBitrateEstimator`; but where that takes the time from the first arrival to the last, which jitter stretches, this
//! takes the slope of the arrivals over the departures, and leaves what it is uncertain by.

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
    /// The first to be told of: departures and arrivals are summed up from there, in milliseconds.
    origin: Option<(i64, i64)>,
    sums: Sums,
}

/// Of departures `x` and arrivals `y`.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        (self.x, self.y) = (self.x + x, self.y + y);
        (self.xx, self.xy, self.yy) = (self.xx + x * x, self.xy + x * y, self.yy + y * y);
    }

    /// How long arrivals take for each unit of time that departures took, by least squares, and its standard error.
    fn stretch(&self) -> Option<(f64, f64)> {
        let spread = self.xx - self.x * self.x / self.count;
        if self.count < 3.0 || spread <= 0.0 {
            return None;
        }
        let slope = (self.xy - self.x * self.y / self.count) / spread;
        let residual = (self.yy - self.y * self.y / self.count - slope * slope * spread).max(0.0);
        Some((slope, (residual / (self.count - 2.0) / spread).sqrt()))
    }
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
            origin: None,
            sums: Sums::default(),
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
        } else if sent == self.last_sent {
            self.last_sent_bytes += bytes;
        }
        let (x, y) = *self.origin.get_or_insert((sent, arrival));
        self.sums.add((sent - x) as f64 / 1000.0, (arrival - y) as f64 / 1000.0);
    }

    fn bitrate(&self) -> Option<Bitrate> {
        let enough = f64::from(self.seen) >= ENOUGH * f64::from(self.packets)
            && self.seen_bytes as f64 >= ENOUGH * self.bytes as f64;
        if !enough {
            return None;
        }
        // The last to leave, alone or in a group, only mark the end.
        let micros = (self.last_sent - self.first_sent) as f64;
        if micros <= 0.0 || micros > LONGEST {
            return None;
        }
        let bits = self.seen_bytes.saturating_sub(u64::from(self.last_sent_bytes)) as f64 * 8.0;
        let (left, (slope, error)) = (bits * 1e6 / micros, self.sums.stretch()?);
        let stretch = slope + 0.3 * error;
        if stretch < 1.0 / TOO_FAST {
            return None;
        }
        let came = left / stretch;
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

    #[test]
    fn jitter_does_not_hide_what_comes() {
        let id = ProbeId::from(0);
        let mut results = ProbeResults::default();
        results.expect(&ProbeCluster { id, bitrate: Bitrate::kbps(4000), packets: 20, bytes: 20_000 });
        let jitter = [9, 2, 14, 0, 11, 6, 3, 12, 8, 1, 10, 5, 13, 4, 7, 0, 12, 3, 9, 6];
        let shown = jitter.iter().zip(0..).fold(None, |_, (jitter, n)| {
            results.arrived(id, n * 2_000, 90_000 + n * 2_000 + jitter * 1_000, 1000)
        });
        let shown = shown.unwrap().as_bps() / 1000;
        assert!((3_200..=4_000).contains(&shown), "{shown}");
    }
}
