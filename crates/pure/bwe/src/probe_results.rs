//! What a probe has shown: how fast its packets left, and how fast they came. Bounds are those of libwebrtc's
//! `ProbeBitrateEstimator`; but where that takes the time from the first arrival to the last, which jitter stretches, this
//! takes the slope of the arrivals over the departures, and leaves what it is uncertain by.

use crate::Bitrate;
use crate::estimator::LegId;
use crate::probing::{ProbeCluster, ProbeId};

/// Legs of a probe whose arrivals are measured; what takes a further one is counted, no more.
const PARTS: usize = 4;
/// Probes whose results may still come.
const KEPT: usize = 4;
/// This part of the packets and of the bytes must have come. (libwebrtc: 0.8, which a tenth of losses often misses.)
const ENOUGH: f64 = 0.7;
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
    parts: [Option<Part>; PARTS],
}

/// What of a probe took one leg: its clock is its own.
#[derive(Clone, Copy, Debug)]
struct Part {
    leg: LegId,
    /// The first to be told of: departures and arrivals are summed up from there, in milliseconds.
    origin: (i64, i64),
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

    /// Sums of squares about the means: of departures, of both, of arrivals.
    fn about_means(&self) -> (f64, f64, f64) {
        let (x, y, count) = (self.x, self.y, self.count.max(1.0));
        (self.xx - x * x / count, self.xy - x * y / count, self.yy - y * y / count)
    }
}

/// How long arrivals take for each unit of time that departures took, by least squares with one slope for all legs, and
/// its standard error.
fn stretch<'a>(parts: impl Iterator<Item = &'a Part>) -> Option<(f64, f64)> {
    let (mut free, mut xx, mut xy, mut yy) = (-1.0, 0.0, 0.0, 0.0);
    for part in parts {
        let about = part.sums.about_means();
        (xx, xy, yy) = (xx + about.0, xy + about.1, yy + about.2);
        // Each leg's clock takes one.
        free += part.sums.count - 1.0;
    }
    if free < 1.0 || xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let residual = (yy - slope * slope * xx).max(0.0);
    Some((slope, (residual / free / xx).sqrt()))
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
            parts: [None; PARTS],
        };
        if let Some(slot) = self.clusters.get_mut(self.next % KEPT) {
            *slot = Some(cluster);
        }
        self.next += 1;
    }

    /// A leg is no more, and its number may soon mean another.
    pub(crate) fn forget(&mut self, leg: LegId) {
        for part in self.clusters.iter_mut().flatten().flat_map(|cluster| &mut cluster.parts) {
            part.take_if(|part| part.leg == leg);
        }
    }

    /// A packet of a probe arrived; gives what the probe has shown so far, once it is enough.
    pub(crate) fn arrived(
        &mut self,
        (id, leg): (ProbeId, LegId),
        sent: i64,
        arrival: i64,
        bytes: u32,
    ) -> Option<Bitrate> {
        let cluster = self.clusters.iter_mut().flatten().find(|cluster| cluster.id == id)?;
        cluster.add(leg, sent, arrival, bytes);
        cluster.bitrate()
    }
}

impl Cluster {
    fn add(&mut self, leg: LegId, sent: i64, arrival: i64, bytes: u32) {
        (self.seen, self.seen_bytes) = (self.seen + 1, self.seen_bytes + u64::from(bytes));
        self.first_sent = self.first_sent.min(sent);
        if sent > self.last_sent {
            (self.last_sent, self.last_sent_bytes) = (sent, bytes);
        } else if sent == self.last_sent {
            self.last_sent_bytes += bytes;
        }
        let of_leg = |part: &&mut Option<Part>| part.is_none_or(|part| part.leg == leg);
        if let Some(part) = self.parts.iter_mut().find(of_leg) {
            let fresh = Part { leg, origin: (sent, arrival), sums: Sums::default() };
            let Part { origin: (x, y), sums, .. } = part.get_or_insert(fresh);
            sums.add((sent - *x) as f64 / 1000.0, (arrival - *y) as f64 / 1000.0);
        }
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
        let (left, (slope, error)) = (bits * 1e6 / micros, stretch(self.parts.iter().flatten())?);
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

    const LEG: LegId = LegId::first();

    /// Ten packets of 1000 bytes, so many microseconds apart.
    fn run(left: i64, came: i64) -> Option<Bitrate> {
        let id = ProbeId::from(7);
        let mut results = ProbeResults::default();
        results.expect(&ProbeCluster { id, bitrate: Bitrate::kbps(4000), packets: 10, bytes: 10_000 });
        (0..10).fold(None, |_, n| results.arrived((id, LEG), n * left, 90_000 + n * came, 1000))
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
            results.arrived((id, LEG), n * 2_000, 90_000 + n * 2_000 + jitter * 1_000, 1000)
        });
        let shown = shown.unwrap().as_bps() / 1000;
        assert!((3_200..=4_000).contains(&shown), "{shown}");
    }
}
