//! Our sender: estimator and pacer, driven as a router would; and a browser's receivers, that only tell what arrived. One
//! connection carries it all, or several do: audio the first, frames the others by turns.

use crate::measure::Kind;
use crate::source::AUDIO_BYTES;
use crate::world::{Datagram, Pair};
use bwe::pacer::{Packet, Priority};
use bwe::{Bitrate, Config, Estimator, LegId, Pacer, PacketKind, PeerTime, reports};
use std::time::{Duration, Instant};

/// Padding packets are no larger than their one byte of length allows.
const MAX_PADDING: u32 = 255 + 40;
/// The receivers' clocks are other ones, each so far from the one before.
const OFFSET: i64 = 12_345_678_901;

pub(crate) struct Ours {
    epoch: Instant,
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer,
    legs: Vec<Leg>,
    frame: u64,
    padded: usize,
    /// The longest that anything waited in the pacer.
    pub(crate) held: Duration,
    pub(crate) refused: u32,
}

/// A connection, with the receiver at its other end.
struct Leg {
    id: LegId,
    sequence: u64,
    receiver: Receiver,
}

impl Ours {
    pub(crate) fn new(max: Bitrate) -> Self {
        Self::with_legs(max, 1)
    }

    pub(crate) fn with_legs(max: Bitrate, legs: usize) -> Self {
        let epoch = Instant::now();
        let config = Config { start: Bitrate::kbps(300), min: Bitrate::kbps(80), max };
        let mut estimator = Estimator::new(epoch, config);
        let leg = |n: usize| Leg {
            id: estimator.add_leg(epoch),
            sequence: 1,
            receiver: Receiver { clock: OFFSET * (n as i64 + 1), ..Receiver::default() },
        };
        let legs = (0..legs).map(leg).collect();
        Self {
            epoch,
            estimator,
            pacer: Pacer::new(epoch, config.start),
            legs,
            frame: 0,
            padded: 0,
            held: Duration::ZERO,
            refused: 0,
        }
    }

    /// Of the legs for frames, by turns.
    fn leg_of(&self, turn: usize) -> usize {
        if self.legs.len() == 1 { 0 } else { 1 + turn % (self.legs.len() - 1) }
    }

    fn push(&mut self, now: Instant, bytes: u32, priority: Priority) {
        let leg = if priority == Priority::Audio { 0 } else { self.leg_of(self.frame as usize) };
        let pushed = self.pacer.push(now, Packet { reference: leg as u64, bytes, priority });
        self.refused += u32::from(pushed.is_err());
    }

    fn depart(&mut self, now: Instant, on: usize, wire: u32, kind: Kind, sent_as: PacketKind) -> Datagram {
        let leg = &mut self.legs[on];
        let body = [on as u64, leg.sequence, u64::from(wire)].map(u64::to_be_bytes).concat();
        self.estimator.sent(now, leg.id, leg.sequence, wire, sent_as);
        leg.sequence += 1;
        Datagram { wire, kind, body }
    }

    fn pace(&mut self, now: Instant, forth: &mut Vec<Datagram>) {
        loop {
            self.pacer.set_target(self.estimator.target());
            self.pacer.set_room(self.estimator.room(now));
            if !self.pacer.is_probing()
                && let Some(cluster) = self.estimator.poll_probe(now)
            {
                self.pacer.probe(cluster);
            }
            let release = self.pacer.poll(now);
            self.held = self.held.max(self.pacer.oldest(now));
            while let Some(packet) = self.pacer.pop() {
                let (kind, sent_as) = match packet.priority {
                    Priority::Audio => (Kind::Audio, PacketKind::Media),
                    _ => (Kind::Video, release.kind),
                };
                forth.push(self.depart(now, packet.reference as usize, packet.bytes, kind, sent_as));
            }
            let mut left = release.padding;
            while left > 0 {
                let bytes = left.clamp(60, MAX_PADDING);
                self.padded += 1;
                let on = self.leg_of(self.padded);
                forth.push(self.depart(now, on, bytes, Kind::Padding, release.kind));
                self.pacer.padded(1, bytes);
                left = left.saturating_sub(bytes);
            }
            if release.again != Some(now) {
                return;
            }
        }
    }
}

impl Pair for Ours {
    fn target(&self) -> f64 {
        self.estimator.target().as_f64()
    }

    fn offer(&mut self, now: u64, audio: bool, frame: &[u32]) {
        let now = self.epoch + Duration::from_micros(now);
        if audio {
            self.push(now, AUDIO_BYTES, Priority::Audio);
        }
        self.frame += 1;
        for &bytes in frame {
            self.push(now, bytes, Priority::Video { frame: self.frame });
        }
    }

    fn step(&mut self, now: u64, forth: &mut Vec<Datagram>, back: &mut Vec<Datagram>) {
        for (leg, n) in self.legs.iter_mut().zip(0..) {
            back.extend(leg.receiver.feedback(now, n));
        }
        let now = self.epoch + Duration::from_micros(now);
        if self.estimator.poll_timeout().is_some_and(|at| at <= now) {
            self.estimator.handle_timeout(now);
        }
        self.pace(now, forth);
    }

    fn at_receiver(&mut self, now: u64, body: &[u8]) {
        let [on, sequence, wire] = numbers(body)[..] else { unreachable!("it is ours") };
        self.legs[on as usize].receiver.arrived(now, sequence, wire);
    }

    fn at_sender(&mut self, now: u64, body: &[u8]) {
        let numbers = numbers(body);
        let arrivals =
            numbers[3..].chunks_exact(2).map(|pair| (pair[0], PeerTime::from_ticks(pair[1].cast_signed())));
        let now = self.epoch + Duration::from_micros(now);
        let leg = self.legs[numbers[0] as usize].id;
        self.estimator.feedback(now, leg, reports(numbers[1], numbers[2] as u16, arrivals));
    }
}

fn numbers(body: &[u8]) -> Vec<u64> {
    body.chunks_exact(8).map(|number| u64::from_be_bytes(number.try_into().unwrap())).collect()
}

/// As libwebrtc has it: feedback takes 5 % of what arrives, each 50 to 250 ms, from the lowest number that was not yet
/// reported to the highest.
#[derive(Clone, Debug, Default)]
struct Receiver {
    arrivals: Vec<(u64, i64)>,
    next: u64,
    due: u64,
    bytes: u64,
    clock: i64,
    bitrate: f64,
}

impl Receiver {
    fn arrived(&mut self, now: u64, sequence: u64, bytes: u64) {
        self.arrivals.push((sequence, (now.cast_signed() + self.clock) / 250));
        self.bytes += bytes;
    }

    fn feedback(&mut self, now: u64, leg: u64) -> Option<Datagram> {
        if now < self.due || self.arrivals.is_empty() {
            return None;
        }
        let elapsed = (now + 100_000 - self.due) as f64 / 1e6;
        self.bitrate += (self.bytes as f64 * 8.0 / elapsed - self.bitrate) * 0.3;
        self.bytes = 0;
        self.due = now + (68.0 * 8.0 / (0.05 * self.bitrate) * 1e6).clamp(50e3, 250e3) as u64;
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.sort_unstable();
        let (lowest, highest) = (arrivals[0].0, arrivals[arrivals.len() - 1].0);
        let first = if self.next == 0 { lowest } else { self.next.min(lowest) };
        self.next = self.next.max(highest + 1);
        let head = [leg, first, highest + 1 - first];
        let said = arrivals.iter().flat_map(|&(sequence, ticks)| [sequence, ticks.cast_unsigned()]);
        let body = head.into_iter().chain(said).flat_map(u64::to_be_bytes).collect();
        Some(Datagram { wire: 0, kind: Kind::Padding, body })
    }
}
