//! What a receiver asks for: only what is missing, not for ever, and every gap has an end.

use super::named;
use crate::script::Script;
use crate::time::epoch;
use rtp::nack::{MAX_GAP, MAX_MISSING, MAX_REQUESTS, MAX_TRIES, NackGenerator, Received};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut model = Model { nacks: NackGenerator::new(), now: Duration::ZERO, ..Model::default() };
    while !script.is_empty() {
        match script.below(8) {
            0..=2 => model.receive(model.highest.saturating_add(u64::from(script.byte()) % 4)),
            3 => model.receive(model.highest.saturating_add(u64::from(script.u16()))),
            4 => model.receive(model.highest.saturating_sub(u64::from(script.u16()))),
            5 => model.now += Duration::from_millis(u64::from(script.byte()) * 4),
            6 => model.poll(&mut script),
            _ => model.forget(u64::from(script.u16())),
        }
    }
}

#[derive(Default)]
struct Model {
    nacks: NackGenerator,
    now: Duration,
    started: bool,
    highest: u64,
    received: HashSet<u64>,
    asked: HashMap<u16, u32>,
    /// Numbers that were skipped, and what became of them.
    skipped: u64,
    recovered: u64,
    given_up: u64,
    forgotten: u64,
}

impl Model {
    fn receive(&mut self, sequence: u64) {
        let missing = self.nacks.missing() as u64;
        let was = self.nacks.received(epoch() + self.now, sequence);
        match was {
            Received::Newest => {
                assert!(!self.started || sequence > self.highest);
                if self.started {
                    let gap = sequence - self.highest - 1;
                    self.skipped += gap;
                    if gap > MAX_GAP {
                        assert_eq!(self.nacks.missing(), 0);
                    }
                }
                (self.started, self.highest) = (true, sequence);
            }
            Received::Recovered => {
                assert!(!self.received.contains(&sequence), "{sequence} came before");
                self.recovered += 1;
                assert_eq!(self.nacks.missing() as u64, missing - 1);
            }
            Received::Late => assert_eq!(self.nacks.missing() as u64, missing),
        }
        self.received.insert(sequence);
        self.asked.remove(&((sequence & 0xffff) as u16));
        self.settle();
    }

    fn poll(&mut self, script: &mut Script<'_>) {
        let round_trip = script.bit().then(|| Duration::from_millis(u64::from(script.u16())));
        let mut out = vec![7];
        self.nacks.poll(epoch() + self.now, round_trip, &mut out);
        assert_eq!(out.remove(0), 7, "it appends");
        assert!(out.len() <= MAX_REQUESTS);
        assert!(out.len() <= self.nacks.missing());
        for number in out {
            // Two numbers share their low bits only where the stream ran through all of them in between.
            let times = self.asked.entry(number).or_default();
            *times += 1;
            assert!(
                *times <= u32::from(MAX_TRIES) || self.highest > 60_000,
                "{number} is asked for {times} times"
            );
            if self.highest < 0x1_0000 {
                assert!(!self.received.contains(&u64::from(number)), "{number} is there");
            }
        }
        self.settle();
    }

    fn forget(&mut self, behind: u64) {
        let before = self.nacks.missing();
        self.nacks.forget_before(self.highest.saturating_sub(behind));
        self.forgotten += (before - self.nacks.missing()) as u64;
        self.settle();
    }

    fn settle(&mut self) {
        self.given_up += self.nacks.take_given_up();
        let missing = self.nacks.missing();
        assert!(missing <= MAX_MISSING);
        assert_eq!(self.skipped, self.recovered + self.given_up + self.forgotten + missing as u64);
        assert_eq!(self.nacks.poll_timeout().is_some(), missing > 0);
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    named([
        ("gap-and-repair", vec![0, 1, 0, 3, 5, 2, 6, 0, 4, 0, 1, 6, 0, 5, 30, 6, 1, 0, 20]),
        ("until-given-up", [vec![0, 1, 0, 3], [5, 120, 6, 0].repeat(12)].concat()),
        ("until-it-was-asked-often", [vec![0, 1, 0, 3], [5, 10, 6, 1, 0, 0].repeat(30)].concat()),
        ("many", [[3, 1, 0].repeat(4), vec![5, 9, 6, 0, 5, 9, 6, 0]].concat()),
        ("leap", vec![0, 1, 0, 3, 3, 0x10, 0, 6, 0, 7, 0, 0]),
        ("forgotten", vec![0, 1, 0, 3, 0, 2, 7, 0, 1, 5, 200, 6, 0]),
    ])
}
