//! What a track takes: bytes a second of each of its spatial and temporal layers, as they came.

use super::frame::SPATIAL_LAYERS;
use std::time::{Duration, Instant};

/// Temporal layers that are told apart; what is above counts as the highest (VP8 has two bits for them).
pub(crate) const TEMPORAL_LAYERS: usize = 4;

/// How long is counted before it counts.
const WINDOW: Duration = Duration::from_millis(500);
/// The part of the old rate that stays.
const KEPT: u64 = 1;
const PARTS: u64 = 2;

/// A track that was not heard for so long does not send: cameras in the dark send five frames a second.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// By spatial and temporal layer.
type PerLayer = [[u64; TEMPORAL_LAYERS]; SPATIAL_LAYERS];

/// The rates of one track.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    since: Option<Instant>,
    latest: Option<Instant>,
    bytes: PerLayer,
    /// In bits per second.
    rates: Option<PerLayer>,
    /// The highest spatial and temporal layer that was seen.
    highest: (u8, u8),
}

impl Rates {
    /// A packet came, of so many bytes on a subscriber's wire.
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, (spatial, temporal): (u8, u8), bytes: usize) {
        let spatial = usize::from(spatial).min(SPATIAL_LAYERS - 1);
        let temporal = usize::from(temporal).min(TEMPORAL_LAYERS - 1);
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= WINDOW {
            self.roll(now, since);
        }
        if let Some(sum) = self.bytes.get_mut(spatial).and_then(|layers| layers.get_mut(temporal)) {
            *sum += bytes as u64;
        }
        self.highest = (self.highest.0.max(spatial as u8), self.highest.1.max(temporal as u8));
        self.latest = Some(now);
    }

    fn roll(&mut self, now: Instant, since: Instant) {
        let elapsed = now.saturating_duration_since(since);
        // After a silence the old rates are the better guess.
        if elapsed < SILENT_AFTER {
            let micros = elapsed.as_micros().max(1) as u64;
            let new = self.bytes.map(|layers| layers.map(|bytes| bytes * 8_000_000 / micros));
            let old = self.rates.unwrap_or(new);
            let mean = |(old, new): (&u64, &u64)| (old * KEPT + new * (PARTS - KEPT)) / PARTS;
            let mut rates = new;
            for (rates, (old, new)) in rates.iter_mut().zip(old.iter().zip(&new)) {
                for (rate, pair) in rates.iter_mut().zip(old.iter().zip(new)) {
                    *rate = mean(pair);
                }
            }
            self.rates = Some(rates);
        }
        self.bytes = PerLayer::default();
        self.since = Some(now);
    }

    /// Whether something came of late.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.latest.is_some_and(|at| now < at + SILENT_AFTER)
    }

    /// Bits per second up to a spatial and a temporal layer, as they were while they were sent; `None`: nothing is
    /// known.
    pub(crate) fn up_to(&self, spatial: u8, temporal: u8) -> Option<u64> {
        let rates = self.rates.as_ref()?.iter().take(usize::from(spatial) + 1);
        Some(rates.flat_map(|layers| layers.iter().take(usize::from(temporal) + 1)).sum())
    }

    /// Bits per second of all of it.
    pub(crate) fn all(&self) -> Option<u64> {
        self.up_to(u8::MAX, u8::MAX)
    }

    /// The highest spatial and temporal layer that was seen.
    pub(crate) fn highest(&self) -> (u8, u8) {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    #[test]
    fn each_temporal_layer_has_a_rate_of_its_own() {
        let mut rates = Rates::default();
        assert_eq!((rates.all(), rates.is_live(epoch())), (None, false));
        let mut now = epoch();
        for frame in 0..120u32 {
            now += Duration::from_millis(20);
            rates.arrived(now, (0, (frame % 2) as u8), 1000);
            rates.arrived(now, (1, (frame % 2) as u8), 500);
        }
        let (base, low, all) =
            (rates.up_to(0, 0).unwrap(), rates.up_to(0, 1).unwrap(), rates.up_to(1, 1).unwrap());
        assert!((180_000..=220_000).contains(&base), "{base}");
        assert!((380_000..=420_000).contains(&low), "{low}");
        assert!((570_000..=630_000).contains(&all), "{all}");
        assert_eq!((rates.all(), rates.highest()), (Some(all), (1, 1)));
        assert!(rates.is_live(now + SILENT_AFTER / 2) && !rates.is_live(now + SILENT_AFTER));
        // What it took is remembered for when it comes again.
        now += 10 * SILENT_AFTER;
        rates.arrived(now, (0, 0), 1000);
        assert_eq!(rates.all(), Some(all));
    }
}
