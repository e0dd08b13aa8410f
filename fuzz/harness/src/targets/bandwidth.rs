//! What a subscriber's network carries, when packets leave and who gets how much of it: estimator, pacer and allocator,
//! called in any order with anything. What is believed stays within its bounds; what the pacer took leaves once, in its
//! order, and at last; and nobody is given more than there is.

mod pacing;
mod seeds;
mod sharing;

use crate::script::Script;
use crate::time::epoch;
use bwe::{Bitrate, Config, Estimator, LegId, PacketKind, PeerTime, reports};
use pacing::Pacing;
pub(crate) use seeds::seeds;
use sharing::Sharing;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The longest script.
const MAX_STEPS: usize = 600;
/// Connections at a time: their number is the owner's to bound.
const MAX_LEGS: usize = 4;
/// What was sent and not yet spoken of, as far as the receiver here remembers.
const REMEMBERED: usize = 512;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::new(&mut script);
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        world.step(&mut script);
        world.check();
    }
    world.pacing.drain(world.now);
}

/// A connection, and what its receiver has not yet spoken of.
struct Leg {
    id: LegId,
    next: u64,
    sent: VecDeque<(u64, Instant)>,
}

struct World {
    now: Instant,
    config: Config,
    estimator: Estimator,
    legs: Vec<Leg>,
    pacing: Pacing,
    sharing: Sharing,
    /// As what packets leave.
    kind: PacketKind,
}

fn bitrate(script: &mut Script<'_>) -> Bitrate {
    Bitrate::bps(script.u64() >> script.below(64))
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let usual = Config { start: Bitrate::kbps(300), min: Bitrate::kbps(80), max: Bitrate::kbps(100_000) };
        let config = if script.bit() {
            Config { start: bitrate(script), min: bitrate(script), max: bitrate(script) }
        } else {
            usual
        };
        let now = epoch();
        let mut estimator = Estimator::new(now, config);
        let id = estimator.add_leg(now);
        let pacing = Pacing::new(now, estimator.target());
        let legs = vec![Leg { id, next: 0, sent: VecDeque::new() }];
        Self { now, config, estimator, legs, pacing, sharing: Sharing::default(), kind: PacketKind::Media }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.below(16) {
            0 => self.pass(Duration::from_micros(u64::from(script.u16()) << script.below(20))),
            1 | 2 => self.send(script),
            3 => {
                let (sequence, bytes) = (script.u64() >> script.below(64), script.u32());
                let leg = self.leg(script);
                self.estimator.sent(self.now, leg, sequence, bytes, self.kind);
            }
            4 | 5 => self.truth(script),
            6 => {
                let leg = self.leg(script);
                let near = self.legs.first().map_or(0, |leg| leg.next);
                let said = script.list(40, |script| {
                    let far = script.u64() >> script.below(64);
                    let sequence = if script.bit() { near.wrapping_sub(far) } else { far };
                    let at = script.u64().cast_signed() >> script.below(64);
                    (sequence, script.bit().then(|| PeerTime::from_ticks(at)))
                });
                self.estimator.feedback(self.now, leg, said);
            }
            7 => {
                let (first, count) = (script.u64() >> script.below(64), script.u16());
                let tick = script.u64().cast_signed() >> script.below(64);
                let arrivals = script.list(20, |script| {
                    (first.wrapping_add(u64::from(script.byte())), PeerTime::from_micros(tick))
                });
                let leg = self.leg(script);
                self.estimator.feedback(self.now, leg, reports(first, count, arrivals));
            }
            8 => {
                let (leg, bitrate) = (self.leg(script), bitrate(script));
                self.estimator.remb(self.now, leg, bitrate);
            }
            9 => assert_eq!(self.estimator.state().target, self.estimator.target()),
            10 => self.estimator.want(bitrate(script)),
            11 => self.join_or_leave(script),
            12 => self.pacing.push(self.now, script),
            13 => self.pacing.steer(self.now, script),
            14 => {
                self.pacing.set(self.estimator.target(), self.estimator.room(self.now));
                if let Some(cluster) = self.estimator.poll_probe(self.now) {
                    assert!(cluster.packets > 0 && cluster.bitrate <= self.config.max.max(self.config.min));
                    self.pacing.probe(cluster);
                }
                self.kind = self.pacing.release(self.now, script.below(256));
            }
            _ => {
                let budget = if script.bit() { self.estimator.target() } else { bitrate(script) };
                self.sharing.allocate(self.now, budget, script);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.estimator.poll_timeout().is_some_and(|due| due <= self.now) {
            self.estimator.handle_timeout(self.now);
        }
    }

    /// One that is there, or that has been.
    fn leg(&self, script: &mut Script<'_>) -> LegId {
        let at = script.below(MAX_LEGS);
        self.legs.get(at).or(self.legs.first()).expect("one at the least").id
    }

    /// Packets leave, one each so often.
    fn send(&mut self, script: &mut Script<'_>) {
        let (at, packets) = (script.below(self.legs.len()), script.below(64));
        let (bytes, every) = (u32::from(script.u16()), Duration::from_micros(u64::from(script.u16())));
        for _ in 0..packets {
            let leg = &mut self.legs[at];
            self.estimator.sent(self.now, leg.id, leg.next, bytes, self.kind);
            leg.sent.push_back((leg.next, self.now));
            if leg.sent.len() > REMEMBERED {
                leg.sent.pop_front();
            }
            leg.next = leg.next.saturating_add(1);
            self.pass(every);
        }
    }

    /// All that was sent has arrived, each so much later than the one before, or is lost.
    fn truth(&mut self, script: &mut Script<'_>) {
        let at = script.below(self.legs.len());
        let (later, lost, jump) = (script.byte(), script.byte(), script.u16());
        let leg = &mut self.legs[at];
        let start = epoch();
        let arrived = |n: usize, sent: Instant| {
            let late = n as i64 * i64::from(later) * 50 + i64::from(jump) * 20;
            PeerTime::from_micros(sent.duration_since(start).as_micros() as i64 + late)
        };
        let said = leg.sent.drain(..).enumerate().map(|(n, (sequence, sent))| {
            let is_lost = lost > 0 && n % 256 % usize::from(lost) == 0;
            (sequence, (!is_lost).then(|| arrived(n, sent)))
        });
        self.estimator.feedback(self.now, leg.id, said);
    }

    fn join_or_leave(&mut self, script: &mut Script<'_>) {
        let at = script.below(MAX_LEGS);
        if at > 0 && at < self.legs.len() {
            let leg = self.legs.swap_remove(at);
            self.estimator.remove_leg(leg.id);
        } else if self.legs.len() < MAX_LEGS {
            let id = self.estimator.add_leg(self.now);
            assert!(self.legs.iter().all(|leg| leg.id != id), "a number is one leg's alone");
            self.legs.push(Leg { id, next: script.u64() >> script.below(64), sent: VecDeque::new() });
        }
    }

    fn check(&self) {
        let Config { min, max, .. } = self.config;
        let (target, state) = (self.estimator.target(), self.estimator.state());
        assert!((min..=max.max(min)).contains(&target), "{target} of {min} to {max}");
        assert_eq!(state.target, target);
        assert!(state.delay_based >= min && state.delay_based <= max.max(min), "{state:?}");
        self.pacing.check(self.now);
    }
}
