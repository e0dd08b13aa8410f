//! What a receiver reports about a stream (RFC 3550 section 6.4.1, appendices A.3 and A.8).

use std::time::{Duration, Instant};

use crate::NtpTime;
use crate::ntp;
use crate::rtcp::ReportBlock;

/// Statistics of one incoming stream.
#[derive(Clone, Debug)]
pub struct ReceiverStats {
    clock_rate: u32,
    /// First and highest extended sequence number.
    span: Option<(u64, u64)>,
    received: u64,
    bytes: u64,
    /// At the last report: expected and received.
    prior: (u64, u64),
    /// Arrival of the last packet, and its timestamp.
    transit: Option<(Instant, u32)>,
    /// Scaled by 16, appendix A.8.
    jitter: u64,
    last_sr: Option<(NtpTime, Instant)>,
}

impl ReceiverStats {
    /// Before the first packet. `clock_rate` of the codec, in Hz.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            span: None,
            received: 0,
            bytes: 0,
            prior: (0, 0),
            transit: None,
            jitter: 0,
            last_sr: None,
        }
    }

    /// A packet came: its extended sequence number, its timestamp, its length in bytes. Not for packets that an RTX
    /// stream brought: those are received on that one.
    #[inline]
    pub fn received(&mut self, now: Instant, sequence: u64, timestamp: u32, len: usize) {
        self.received += 1;
        self.bytes += len as u64;
        let newest = match &mut self.span {
            Some((first, highest)) => {
                // One that the first overtook moves the beginning, or there would be more packets than expected.
                *first = (*first).min(sequence);
                let newest = sequence > *highest;
                *highest = (*highest).max(sequence);
                newest
            }
            None => {
                self.span = Some((sequence, sequence));
                true
            }
        };
        if newest {
            self.transit(now, timestamp);
        }
    }

    /// Packets of one frame share a timestamp and leave as a burst, so jitter is measured where the timestamp changes.
    #[inline]
    fn transit(&mut self, now: Instant, timestamp: u32) {
        let Some((before, last)) = self.transit else {
            self.transit = Some((now, timestamp));
            return;
        };
        if last == timestamp {
            return;
        }
        self.transit = Some((now, timestamp));
        let arrived = now.saturating_duration_since(before);
        let arrived = (arrived.as_micros() * u128::from(self.clock_rate) / 1_000_000) as u64 as i64;
        let stamped = i64::from(timestamp.wrapping_sub(last).cast_signed());
        let difference = arrived.saturating_sub(stamped).unsigned_abs();
        // A stream that starts again or was paused is not jitter.
        if difference < u64::from(self.clock_rate) * 5 {
            self.jitter = (self.jitter + difference).saturating_sub((self.jitter + 8) >> 4);
        }
    }

    /// A sender report about the stream came.
    pub fn sender_report(&mut self, now: Instant, ntp: NtpTime) {
        self.last_sr = Some((ntp, now));
    }

    /// The block for the next receiver report; `None` before the first packet. Begins the next interval for the
    /// fraction lost.
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let (_, highest) = self.span?;
        let (expected, received) = (self.expected(), self.received);
        let (expected_before, received_before) = std::mem::replace(&mut self.prior, (expected, received));
        let expected_interval = expected.saturating_sub(expected_before);
        let lost_interval = expected_interval.saturating_sub(received.saturating_sub(received_before));
        let fraction = (lost_interval * 256).checked_div(expected_interval).unwrap_or(0);
        let delay = |(_, at): (NtpTime, Instant)| ntp::short(now.saturating_duration_since(at));
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            total_lost: i32::try_from(self.lost()).unwrap_or(if self.lost() < 0 {
                i32::MIN
            } else {
                i32::MAX
            }),
            highest_sequence: ntp::low32(highest),
            jitter: self.jitter(),
            last_sr: self.last_sr.map_or(0, |(ntp, _)| ntp.middle()),
            delay_since_last_sr: self.last_sr.map_or(0, delay),
        })
    }

    fn expected(&self) -> u64 {
        self.span.map_or(0, |(first, highest)| (highest - first).saturating_add(1))
    }

    /// Packets lost since the start; negative where there were more duplicates.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.expected().cast_signed().saturating_sub(self.received.cast_signed())
    }

    /// In timestamp units.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// Packets received since the start.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.received
    }

    /// Bytes received since the start.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The round trip by a report block about a stream of ours, which came at `now` by the clock that our sender reports
/// carry; `None` when the block does not say, or says nonsense.
#[must_use]
pub fn round_trip(now: NtpTime, block: &ReportBlock) -> Option<Duration> {
    if block.last_sr == 0 {
        return None;
    }
    let ticks = now.middle().wrapping_sub(block.last_sr).wrapping_sub(block.delay_since_last_sr);
    // 16.16 wraps after 18 hours; a "negative" value, or more than a minute, is a lie or a clock that was set.
    (ticks < 60 << 16).then(|| ntp::from_short(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn loss_over_the_wrap() {
        let now = crate::test_time::start();
        let mut stats = ReceiverStats::new(90_000);
        assert_eq!(stats.report(now, 5), None);
        for sequence in [0xfffe, 0xffff, 0x1_0001, 0x1_0002] {
            stats.received(now, sequence, 0, 100);
        }
        let block = stats.report(now, 5).unwrap();
        assert_eq!((block.ssrc, block.highest_sequence, block.total_lost), (5, 0x1_0002, 1));
        assert_eq!(block.fraction_lost, 51); // a fifth of 256
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0, 0));
        stats.received(now, 0x1_0000, 0, 100);
        let block = stats.report(now, 5).unwrap();
        assert_eq!((block.fraction_lost, block.total_lost), (0, 0));
        stats.received(now, 0x1_0000, 0, 100);
        assert_eq!(stats.report(now, 5).unwrap().total_lost, -1);
        assert_eq!((stats.packets(), stats.bytes()), (6, 600));
    }

    #[test]
    fn jitter_follows_the_formula() {
        let start = crate::test_time::start();
        let mut stats = ReceiverStats::new(48_000);
        let mut expected = 0.0_f64;
        let mut last = None;
        for n in 0..200u64 {
            let arrival = n * 20 + (n * 7) % 5;
            stats.received(start + MS * arrival as u32, n, (n * 960) as u32, 10);
            let transit = arrival as f64 * 48.0 - n as f64 * 960.0;
            if let Some(last) = last.replace(transit) {
                expected += ((transit - last).abs() - expected) / 16.0;
            }
        }
        assert!((f64::from(stats.jitter()) - expected).abs() < 3.0, "{} {expected}", stats.jitter());
    }

    #[test]
    fn a_round_trip_by_what_both_report() {
        let start = crate::test_time::start();
        let ours = NtpTime::from_unix(Duration::from_secs(1_700_000_000));
        let mut theirs = ReceiverStats::new(90_000);
        theirs.received(start, 1, 1, 1);
        theirs.sender_report(start, ours);
        let block = theirs.report(start + 500 * MS, 1).unwrap();
        let round_trip = |ms: u64| round_trip(ours + Duration::from_millis(ms), &block);
        let measured = round_trip(580).unwrap();
        assert!(measured > 79 * MS && measured <= 80 * MS, "{measured:?}");
        assert_eq!(round_trip(100), None);
        assert_eq!(super::round_trip(ours, &ReportBlock::default()), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(
            packets in prop::collection::vec((0u64..1 << 48, any::<u32>(), 0u64..100_000_000), 1..50),
            (now, last_sr, delay) in any::<(u64, u32, u32)>(),
        ) {
            let start = crate::test_time::start();
            let mut stats = ReceiverStats::new(90_000);
            for (sequence, timestamp, ms) in packets {
                let now = start + Duration::from_millis(ms);
                stats.received(now, sequence, timestamp, 1200);
                prop_assert!(stats.report(now, 1).is_some());
            }
            let block = ReportBlock { last_sr, delay_since_last_sr: delay, ..ReportBlock::default() };
            let _ = round_trip(NtpTime::from_bits(now), &block);
        }
    }
}
