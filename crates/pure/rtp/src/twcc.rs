//! The receiving side of transport-wide congestion control: when each packet of a transport arrived, for the feedback
//! that its sender steers its bitrate by. The format itself is in [`crate::rtcp`].

use std::time::{Duration, Instant};

use crate::NoRoom;
use crate::rtcp::{FeedbackPart, Status, Writer};
use crate::sequence::ExtendedSequence;

/// How many packets are remembered (half a second of 2000 packets/s). Where more came since the last feedback, the
/// older ones are never reported, which their sender takes for lost.
pub const WINDOW: usize = 1024;

/// How often feedback goes out; libwebrtc sends it every 50 to 250 ms, by bitrate.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// Feedback goes out early after this many packets, so that a burst neither grows it nor waits.
pub const EARLY: u32 = 200;

/// How many packets one feedback is about, at the most. Its worst size is then 20 + 2 × 58 + 2 × 400 bytes.
pub const MAX_STATUSES: usize = 400;

/// Arrival times are counted in 250 µs.
const TICK_MICROS: u128 = 250;

/// A slot of the ring without an arrival.
const NOT_ARRIVED: i64 = i64::MIN;

/// The arrivals of one transport.
#[derive(Clone, Debug)]
pub struct ArrivalLog {
    numbers: ExtendedSequence,
    /// Ticks since `epoch`, by number modulo [`WINDOW`]; those from `highest - WINDOW + 1` to `highest`.
    ticks: Vec<i64>,
    highest: u64,
    /// The first number that the next feedback is about.
    next: u64,
    epoch: Option<Instant>,
    /// Arrivals since the last feedback.
    pending: u32,
    due: Option<Instant>,
    feedback_count: u8,
}

impl Default for ArrivalLog {
    fn default() -> Self {
        Self::new()
    }
}

impl ArrivalLog {
    /// Before the first packet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            numbers: ExtendedSequence::new(),
            ticks: vec![NOT_ARRIVED; WINDOW],
            highest: 0,
            next: 0,
            epoch: None,
            pending: 0,
            due: None,
            feedback_count: 0,
        }
    }

    /// A packet with this transport-wide sequence number arrived.
    #[inline]
    pub fn received(&mut self, now: Instant, sequence: u16) {
        let number = self.numbers.extend(sequence);
        let epoch = *self.epoch.get_or_insert_with(|| {
            (self.highest, self.next) = (number, number);
            now
        });
        if number > self.highest {
            self.advance(number);
        } else if self.highest - number >= WINDOW as u64 {
            return; // older than the log
        }
        let ticks = now.saturating_duration_since(epoch).as_micros() / TICK_MICROS;
        let slot = self.slot(number);
        if *slot != NOT_ARRIVED {
            return; // a duplicate; the first one counts
        }
        *slot = i64::try_from(ticks).unwrap_or(i64::MAX);
        // One that comes late, after its number was reported as lost, is reported again.
        self.next = self.next.min(number);
        self.pending += 1;
        self.due.get_or_insert(now + INTERVAL);
    }

    fn advance(&mut self, number: u64) {
        let first_new = (self.highest + 1).max(number.saturating_sub(WINDOW as u64 - 1));
        for skipped in first_new..=number {
            *self.slot(skipped) = NOT_ARRIVED;
        }
        self.highest = number;
        self.next = self.next.max(number.saturating_sub(WINDOW as u64 - 1));
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the ring has WINDOW slots, and the index is taken modulo WINDOW"
    )]
    fn slot(&mut self, number: u64) -> &mut i64 {
        &mut self.ticks[(number % WINDOW as u64) as usize]
    }

    fn arrival(&self, number: u64) -> Option<i64> {
        let ticks = self.ticks.get((number % WINDOW as u64) as usize).copied();
        ticks.filter(|&ticks| ticks != NOT_ARRIVED)
    }

    /// When to write feedback; `None` while nothing arrives.
    #[inline]
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether feedback should be written now.
    #[inline]
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.pending >= EARLY || self.due.is_some_and(|due| due <= now)
    }

    /// Writes one feedback packet about what arrived since the last one. True when there is more: call again. When
    /// nothing arrived, nothing is written. `media` is the SSRC of any stream of the transport.
    ///
    /// # Errors
    /// [`NoRoom`], and the arrivals stay for the next time.
    pub fn write(&mut self, sender: u32, media: u32, writer: &mut Writer<'_>) -> Result<bool, NoRoom> {
        let Some((base, mut last)) = self.first_unreported() else {
            self.settle();
            return Ok(false);
        };
        let reference = last.div_euclid(256);
        last = reference * 256;
        let mut statuses: [Status; MAX_STATUSES] = [None; MAX_STATUSES];
        let (mut count, mut end) = (0, base);
        for (number, status) in (base..=self.highest).zip(&mut statuses) {
            if let Some(ticks) = self.arrival(number) {
                // A delta that does not fit begins the next feedback.
                let Ok(delta) = i16::try_from(ticks - last) else { break };
                *status = Some(delta);
                last = ticks;
                end = number + 1;
                count = (end - base) as usize;
            }
        }
        let part = FeedbackPart {
            media,
            base: (base & 0xffff) as u16,
            reference_time: (reference & 0x00ff_ffff) as u32,
            feedback_count: self.feedback_count,
            statuses: statuses.get(..count).unwrap_or_default(),
        };
        writer.transport_cc(sender, &part)?;
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.next = end;
        let more = self.next <= self.highest;
        if !more {
            self.settle();
        }
        Ok(more)
    }

    /// The first number that is to be reported. Lost packets before the first arrival are part of the report, so that
    /// their sender hears of them, unless they are too many for one.
    fn first_unreported(&self) -> Option<(u64, i64)> {
        let arrived = |number| self.arrival(number).map(|ticks| (number, ticks));
        let (first, ticks) = (self.next..=self.highest).find_map(arrived).filter(|_| self.epoch.is_some())?;
        let base = if first - self.next < MAX_STATUSES as u64 / 2 { self.next } else { first };
        Some((base, ticks))
    }

    fn settle(&mut self) {
        self.pending = 0;
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Packet, packets};
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    /// All the feedback that is to be written: (number, ticks) of the arrivals, and the lost ones.
    fn feedback(log: &mut ArrivalLog) -> (Vec<(u16, i64)>, Vec<u16>) {
        let (mut arrived, mut lost) = (Vec::new(), Vec::new());
        loop {
            let mut out = [0; 1100];
            let mut writer = Writer::new(&mut out);
            let more = log.write(1, 2, &mut writer).unwrap();
            for packet in packets(writer.written()) {
                let Packet::TransportCc(feedback) = packet.unwrap() else { panic!() };
                assert_eq!((feedback.sender, feedback.media), (1, 2));
                let got: Vec<_> =
                    feedback.arrivals().map(|arrival| (arrival.sequence, arrival.ticks)).collect();
                let all = (0..feedback.count).map(|n| feedback.base.wrapping_add(n));
                lost.extend(all.filter(|number| got.iter().all(|(sequence, _)| sequence != number)));
                arrived.extend(got);
            }
            if !more {
                return (arrived, lost);
            }
        }
    }

    #[test]
    fn arrivals_and_losses_are_reported_once() {
        let start = crate::test_time::start();
        let mut log = ArrivalLog::new();
        assert_eq!(log.poll_timeout(), None);
        log.received(start, 65_534);
        log.received(start + MS, 65_535);
        log.received(start + 3 * MS, 1); // 0 is lost
        assert_eq!(log.poll_timeout(), Some(start + INTERVAL));
        assert!(!log.is_due(start + 99 * MS) && log.is_due(start + 100 * MS));
        assert_eq!(feedback(&mut log), (vec![(65_534, 0), (65_535, 4), (1, 12)], vec![0]));
        assert_eq!(log.poll_timeout(), None);
        assert_eq!(feedback(&mut log), (vec![], vec![]));
        log.received(start + 150 * MS, 3);
        assert_eq!(feedback(&mut log), (vec![(3, 600)], vec![2]));
    }

    #[test]
    fn a_late_packet_is_reported_after_all() {
        let start = crate::test_time::start();
        let mut log = ArrivalLog::new();
        log.received(start, 10);
        log.received(start + MS, 12);
        assert_eq!(feedback(&mut log).1, [11]);
        log.received(start + 110 * MS, 11);
        assert_eq!(feedback(&mut log), (vec![(11, 440), (12, 4)], vec![]));
        log.received(start + 120 * MS, 11); // a duplicate
        assert_eq!(feedback(&mut log), (vec![], vec![]));
    }

    #[test]
    fn long_silence_and_bursts() {
        let start = crate::test_time::start();
        let mut log = ArrivalLog::new();
        log.received(start, 1);
        log.received(start + Duration::from_secs(60), 2);
        assert_eq!(feedback(&mut log), (vec![(1, 0), (2, 240_000)], vec![]));
        for n in 3..1003 {
            log.received(start + Duration::from_secs(61), n);
        }
        assert!(log.is_due(start + Duration::from_secs(61)));
        let (arrived, lost) = feedback(&mut log);
        assert_eq!((arrived.len(), lost.len()), (1000, 0));
        log.received(start + Duration::from_secs(62), 31_000); // a jump beyond the log
        let (arrived, lost) = feedback(&mut log);
        assert_eq!((arrived, lost.len()), (vec![(31_000, 248_000)], 0));
    }

    #[test]
    fn without_room_nothing_is_forgotten() {
        let start = crate::test_time::start();
        let mut log = ArrivalLog::new();
        log.received(start, 7);
        let mut small = [0; 20];
        assert_eq!(log.write(1, 2, &mut Writer::new(&mut small)), Err(NoRoom));
        assert_eq!(feedback(&mut log).0, [(7, 0)]);
    }

    proptest! {
        #[test]
        fn every_arrival_is_reported_with_its_time(
            first in any::<u16>(),
            steps in prop::collection::vec((prop_oneof![8 => 1u16..4, 1 => 1u16..300], 0u64..90_000, any::<bool>()), 1..400),
        ) {
            let start = crate::test_time::start();
            let mut log = ArrivalLog::new();
            let (mut sequence, mut micros, mut unreported) = (first, 0, 0);
            let (mut sent, mut got) = (vec![(first, 0)], Vec::new());
            log.received(start, first);
            for (ahead, wait, flush) in steps {
                sequence = sequence.wrapping_add(ahead);
                micros += wait;
                unreported += usize::from(ahead);
                log.received(start + Duration::from_micros(micros), sequence);
                sent.push((sequence, (micros / 250) as i64));
                // Beyond the log's window they would be forgotten.
                if flush || unreported > WINDOW - 300 {
                    unreported = 0;
                    got.extend(feedback(&mut log).0);
                }
            }
            got.extend(feedback(&mut log).0);
            prop_assert_eq!(got, sent);
        }
    }
}
