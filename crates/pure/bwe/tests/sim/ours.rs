//! Our sender: estimator and pacer, driven as a router would; and a browser's receiver, that only tells what arrived.

use crate::measure::Kind;
use crate::source::AUDIO_BYTES;
use crate::world::{Datagram, Pair};
use bwe::pacer::{Packet, Priority};
use bwe::{Bitrate, Config, Estimator, Pacer, PacketKind, PeerTime, reports};
use std::time::{Duration, Instant};

/// Padding packets are no larger than their one byte of length allows.
const MAX_PADDING: u32 = 255 + 40;
/// The receiver's clock is another one.
const OFFSET: i64 = 12_345_678_901;

pub(crate) struct Ours {
    epoch: Instant,
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer,
    sequence: u64,
    frame: u64,
    receiver: Receiver,
    /// The longest that anything waited in the pacer.
    pub(crate) held: Duration,
    pub(crate) refused: u32,
}

impl Ours {
    pub(crate) fn new(max: Bitrate) -> Self {
        let epoch = Instant::now();
        let config = Config { start: Bitrate::kbps(300), min: Bitrate::kbps(80), max };
        Self {
            epoch,
            estimator: Estimator::new(epoch, config),
            pacer: Pacer::new(epoch, config.start),
            sequence: 1,
            frame: 0,
            receiver: Receiver::default(),
            held: Duration::ZERO,
            refused: 0,
        }
    }

    fn push(&mut self, now: Instant, bytes: u32, priority: Priority) {
        let pushed = self.pacer.push(now, Packet { reference: 0, bytes, priority });
        self.refused += u32::from(pushed.is_err());
    }

    fn depart(&mut self, now: Instant, wire: u32, kind: Kind, sent_as: PacketKind) -> Datagram {
        let body = self.sequence.to_be_bytes().to_vec();
        self.estimator.sent(now, self.sequence, wire, sent_as);
        self.sequence += 1;
        Datagram { wire, kind, body: [body, wire.to_be_bytes().to_vec()].concat() }
    }

    fn pace(&mut self, now: Instant, forth: &mut Vec<Datagram>) {
        loop {
            self.pacer.set_target(self.estimator.target());
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
                forth.push(self.depart(now, packet.bytes, kind, sent_as));
            }
            let mut left = release.padding;
            while left > 0 {
                let bytes = left.clamp(60, MAX_PADDING);
                let sent_as =
                    if release.kind == PacketKind::Media { PacketKind::Padding } else { release.kind };
                forth.push(self.depart(now, bytes, Kind::Padding, sent_as));
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
        back.extend(self.receiver.feedback(now));
        let now = self.epoch + Duration::from_micros(now);
        if self.estimator.poll_timeout().is_some_and(|at| at <= now) {
            self.estimator.handle_timeout(now);
        }
        self.pace(now, forth);
    }

    fn at_receiver(&mut self, now: u64, body: &[u8]) {
        let sequence = u64::from_be_bytes(body[..8].try_into().unwrap());
        let bytes = u32::from_be_bytes(body[8..].try_into().unwrap());
        self.receiver.arrived(now, sequence, bytes);
    }

    fn at_sender(&mut self, now: u64, body: &[u8]) {
        let numbers: Vec<u64> =
            body.chunks_exact(8).map(|number| u64::from_be_bytes(number.try_into().unwrap())).collect();
        let arrivals =
            numbers[2..].chunks_exact(2).map(|pair| (pair[0], PeerTime::from_ticks(pair[1].cast_signed())));
        let now = self.epoch + Duration::from_micros(now);
        self.estimator.feedback(now, reports(numbers[0], numbers[1] as u16, arrivals));
    }
}

/// As libwebrtc has it: feedback takes 5 % of what arrives, each 50 to 250 ms, from the lowest number that was not yet
/// reported to the highest.
#[derive(Clone, Debug, Default)]
struct Receiver {
    arrivals: Vec<(u64, i64)>,
    next: u64,
    due: u64,
    bytes: u64,
    bitrate: f64,
}

impl Receiver {
    fn arrived(&mut self, now: u64, sequence: u64, bytes: u32) {
        self.arrivals.push((sequence, (now.cast_signed() + OFFSET) / 250));
        self.bytes += u64::from(bytes);
    }

    fn feedback(&mut self, now: u64) -> Option<Datagram> {
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
        let head = [first, highest + 1 - first];
        let said = arrivals.iter().flat_map(|&(sequence, ticks)| [sequence, ticks.cast_unsigned()]);
        let body = head.into_iter().chain(said).flat_map(u64::to_be_bytes).collect();
        Some(Datagram { wire: 0, kind: Kind::Padding, body })
    }
}
