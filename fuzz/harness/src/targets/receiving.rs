//! What a receiver keeps of a stream: numbers, losses, arrival times, clocks. Hostile values, and honest ones, which must
//! be told as they were.

use super::named;
use crate::script::Script;
use crate::time::epoch;
use rtp::NtpTime;
use rtp::clock::{RemoteClock, RtpClock};
use rtp::rtcp::{self, Packet, ReportBlock, Writer};
use rtp::sequence::ExtendedSequence;
use rtp::stats::{ReceiverStats, round_trip};
use rtp::twcc::{ArrivalLog, MAX_STATUSES, WINDOW};
use std::collections::HashMap;
use std::time::Duration;

/// What arrival times are counted in.
const TICK: u128 = 250;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let rate = [90_000, 48_000, 8_000, 0, u32::MAX][script.below(5)];
    let mut state = Receiving {
        now: Duration::ZERO,
        numbers: ExtendedSequence::new(),
        stats: ReceiverStats::new(rate),
        log: ArrivalLog::new(),
        remote: RemoteClock::new(),
        clock: RtpClock::new(rate),
        first: None,
        arrived: HashMap::new(),
        sequence: 0,
        timestamp: 0,
        reported: 0,
    };
    while !script.is_empty() {
        match script.below(6) {
            0 | 1 => {
                let sequence = state.sequence.wrapping_add(u16::from(script.byte()) % 4);
                state.receive(sequence, u32::from(script.byte()) * 90);
            }
            2 => state.receive(script.u16(), script.u32()),
            3 => state.now += Duration::from_micros(u64::from(script.u16()) * 10),
            4 => state.report(&mut script),
            _ => state.feedback(&mut script),
        }
    }
}

struct Receiving {
    now: Duration,
    numbers: ExtendedSequence,
    stats: ReceiverStats,
    log: ArrivalLog,
    remote: RemoteClock,
    clock: RtpClock,
    /// When the first packet came.
    first: Option<Duration>,
    /// Ticks of the packets that a feedback may still be about.
    arrived: HashMap<u16, Vec<u128>>,
    sequence: u16,
    timestamp: u32,
    reported: u64,
}

impl Receiving {
    fn receive(&mut self, sequence: u16, ticks: u32) {
        let now = epoch() + self.now;
        let before = self.numbers.highest();
        let number = self.numbers.extend(sequence);
        assert_eq!((number & 0xffff) as u16, sequence);
        assert_eq!(self.numbers.highest(), Some(before.map_or(number, |before| before.max(number))));
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.stats.received(now, number, self.timestamp, 100);
        self.log.received(now, sequence);
        let first = *self.first.get_or_insert(self.now);
        self.arrived.entry(sequence).or_default().push((self.now - first).as_micros() / TICK);
        self.sequence = sequence;
    }

    fn report(&mut self, script: &mut Script<'_>) {
        let now = epoch() + self.now;
        let (_, theirs, rtp) = (script.u64(), NtpTime::from_bits(script.u64()), script.u32());
        self.stats.sender_report(now, theirs);
        let contradicted = self.remote.observe(now, theirs);
        self.clock.observe(theirs, rtp);
        // Exact where it was said.
        assert_eq!(self.clock.rtp_at(theirs), Some(rtp));
        assert_eq!(self.clock.ntp_at(rtp), Some(theirs));
        let then = self.remote.theirs(now).expect("it was observed");
        assert!(!contradicted || then == theirs, "a clock that was set is believed at once");
        let later = NtpTime::from_bits(script.u64());
        let _ = (self.clock.rtp_at(later), self.clock.ntp_at(script.u32()));
        if let Some(block) = self.stats.report(now, 7) {
            assert!(self.first.is_some());
            let trip = round_trip(later, &block);
            assert!(trip.is_none_or(|trip| trip <= Duration::from_secs(1 << 16)));
        }
        let stranger = ReportBlock {
            last_sr: script.u32(),
            delay_since_last_sr: script.u32(),
            ..ReportBlock::default()
        };
        let _ = round_trip(later, &stranger);
    }

    /// Every arrival that is told was one, at its time.
    fn feedback(&mut self, script: &mut Script<'_>) {
        let mut buffer = vec![0; if script.bit() { 1200 } else { usize::from(script.byte()) }];
        let mut more = true;
        let mut rounds = 0;
        while more {
            rounds += 1;
            assert!(rounds <= WINDOW + 1, "it ends");
            let mut writer = Writer::new(&mut buffer);
            let Ok(left) = self.log.write(1, 2, &mut writer) else {
                assert!(writer.is_empty());
                return;
            };
            more = left;
            for packet in rtcp::packets(writer.written()) {
                let Ok(Packet::TransportCc(feedback)) = packet else { panic!("{packet:?}") };
                assert!(usize::from(feedback.count) <= MAX_STATUSES);
                let arrivals: Vec<_> = feedback.arrivals().collect();
                assert!(!arrivals.is_empty(), "feedback about nothing");
                self.reported += arrivals.len() as u64;
                for arrival in arrivals {
                    let ticks = self.arrived.get(&arrival.sequence).expect("it came");
                    let told = arrival.ticks.rem_euclid(1 << 32) as u128;
                    assert!(ticks.iter().any(|ticks| ticks % (1 << 32) == told), "{told} of {ticks:?}");
                }
            }
        }
        assert!(!self.log.is_due(epoch() + self.now), "all is told");
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("steady", [vec![0], [0, 1, 33, 3, 3, 0xe8].repeat(30), vec![5, 1]].concat()),
        ("losses", [vec![1], [0, 3, 10, 3, 0x10, 0, 5, 1].repeat(10)].concat()),
        (
            "leaps",
            [
                vec![0],
                vec![
                    2, 0xff, 0xf0, 0, 0, 0, 1, 2, 0, 5, 0x80, 0, 0, 0, 3, 0xff, 0xff, 5, 1, 2, 0x7f, 0, 0, 0,
                    0, 0, 5, 0, 40,
                ],
            ]
            .concat(),
        ),
        ("clocks", [vec![0, 0, 1, 3, 4], (0u8..40).collect()].concat()),
        ("odd-rate", [vec![3, 0, 1, 3, 3, 0xff, 0xff, 0, 1, 3, 4], vec![0xff; 40]].concat()),
    ])
}
