//! From the network to the picture: estimator, allocator and pacer over a simulcast of three layers. How often it
//! switches, and that a pause is the last that it does.

use crate::link::Trace;
use crate::measure::Measured;
use crate::ours::Ours;
use crate::random::Random;
use crate::scenarios::plain;
use crate::source::{AUDIO_BYTES, OVERHEAD};
use crate::world::{Datagram, Pair, run};
use bwe::allocator::Layer;
use bwe::{Allocator, Bitrate, Media, Offer};
use std::time::{Duration, Instant};

const KBPS: [u64; 3] = [150, 500, 1500];
const FRAME: Duration = Duration::from_micros(33_333);
const PART: u32 = 1100 + OVERHEAD;
/// How uneven frames are, and how large is one that begins a layer.
const UNEVEN: f64 = 0.2;
const KEY: f64 = 4.0;

/// A simulcast of one sender, of which one layer or none goes to a subscriber.
struct Simulcast {
    ours: Ours,
    allocator: Allocator,
    epoch: Instant,
    random: Random,
    layer: Option<usize>,
    /// When which layer, and of what.
    changes: Vec<(u64, Option<usize>, Bitrate)>,
}

impl Simulcast {
    fn new(seed: u64) -> Self {
        let mut ours = Ours::new(Bitrate::kbps(20_000));
        let audio = audio();
        ours.estimator.want(Bitrate::kbps(KBPS[2]).saturating_add(audio));
        let (random, epoch) = (Random::new(seed), Instant::now());
        Self { ours, allocator: Allocator::new(), epoch, random, layer: None, changes: Vec::new() }
    }

    fn choose(&mut self, now: u64) -> bool {
        let layers = [0, 1, 2].map(|at: u8| Layer {
            bitrate: Bitrate::kbps(KBPS[usize::from(at)]),
            height: 180 << at,
            spatial: at,
            temporal: 0,
        });
        let offer = |id, media| Offer { id, priority: 0, max_height: None, max_bitrate: None, media };
        let offers = [offer(0, Media::Audio(audio())), offer(1, Media::Video(&layers))];
        let (at, budget) = (self.epoch + Duration::from_micros(now), self.ours.estimator.target());
        let layer = self.allocator.allocate(at, budget, offers.iter().copied())[1].layer;
        let changed = layer != self.layer;
        if changed {
            self.changes.push((now, layer, budget));
        }
        self.layer = layer;
        changed
    }

    /// Packets of the frame of the layer that is sent.
    fn frame(&mut self, begins: bool) -> Vec<u32> {
        let Some(layer) = self.layer else { return Vec::new() };
        let uneven = (1.0 + self.random.normal() * UNEVEN).clamp(0.4, 1.8) * if begins { KEY } else { 1.0 };
        let wire = (Bitrate::kbps(KBPS[layer]).bytes_in(FRAME) as f64 * uneven) as u32;
        let parts = wire.div_ceil(PART).max(1);
        vec![(wire / parts).max(OVERHEAD + 20); parts as usize]
    }
}

/// 50 packets a second.
fn audio() -> Bitrate {
    Bitrate::bps(u64::from(AUDIO_BYTES) * 8 * 50)
}

impl Pair for Simulcast {
    fn target(&self) -> f64 {
        self.ours.target()
    }

    fn offer(&mut self, now: u64, audio: bool, frame: &[u32]) {
        let frame = if frame.is_empty() {
            Vec::new()
        } else {
            let begins = self.choose(now);
            self.frame(begins)
        };
        self.ours.offer(now, audio, &frame);
    }

    fn step(&mut self, now: u64, forth: &mut Vec<Datagram>, back: &mut Vec<Datagram>) {
        self.ours.step(now, forth, back);
    }

    fn at_receiver(&mut self, now: u64, body: &[u8]) {
        self.ours.at_receiver(now, body);
    }

    fn at_sender(&mut self, now: u64, body: &[u8]) {
        self.ours.at_sender(now, body);
    }
}

fn simulcast(trace: Trace, seed: u64) -> (Measured, Simulcast) {
    let mut pair = Simulcast::new(seed);
    let measured = run(&mut pair, &plain(trace), seed);
    (measured, pair)
}

/// Switches within the worst minute.
fn switches(changes: &[(u64, Option<usize>, Bitrate)]) -> usize {
    let within = |from: u64| changes.iter().filter(|(at, ..)| (from..from + 60_000_000).contains(at)).count();
    changes.iter().map(|&(at, ..)| within(at)).max().unwrap_or(0)
}

/// A pause is there only where even the lowest layer does not fit beside audio, and from a higher layer nobody is paused
/// that could have had a lower one.
fn pauses_are_the_last(changes: &[(u64, Option<usize>, Bitrate)]) {
    let lowest = Bitrate::kbps(KBPS[0]).saturating_add(audio());
    for (at, _, budget) in changes.iter().filter(|(_, layer, _)| layer.is_none()) {
        assert!(*budget < lowest, "paused at {at} with {budget}");
    }
}

#[test]
fn steps_take_a_few_switches_and_the_best_layer_is_found_again() {
    let steps = [(20.0, 3000.0), (20.0, 1000.0), (20.0, 300.0), (20.0, 2000.0)];
    for seed in 1..5 {
        let (measured, pair) = simulcast(Trace::steps(&steps), seed);
        let at = |second: f64| {
            let before = pair.changes.iter().take_while(|(at, ..)| *at < (second * 1e6) as u64);
            before.last().and_then(|(_, layer, _)| *layer)
        };
        let settled = [19.0, 39.0, 59.0, 79.0].map(at);
        assert_eq!(settled, [Some(2), Some(1), Some(0), Some(2)], "seed {seed}: {:?}", pair.changes);
        assert!(switches(&pair.changes) <= 12, "seed {seed}: {:?}", pair.changes);
        pauses_are_the_last(&pair.changes);
        assert_eq!(measured.audio_dropped(0.0, 80.0), 0, "seed {seed}");
    }
}

/// 6 to 14 Mbit/s carry all layers at all times; a sixth of that carries now two of them, now three.
#[test]
fn a_wifi_does_not_make_it_flap() {
    for seed in 1..5 {
        let (_, wide) = simulcast(Trace::wifi(60, 7 * seed), seed);
        assert!(switches(&wide.changes) <= 3, "seed {seed}: {:?}", wide.changes);
        assert_eq!(wide.layer, Some(2));
        let narrow = Trace(Trace::wifi(60, 7 * seed).0.iter().map(|rate| rate / 6.0).collect());
        let (_, narrow) = simulcast(narrow, seed);
        assert!(switches(&narrow.changes) <= 14, "seed {seed}: {:?}", narrow.changes);
        pauses_are_the_last(&narrow.changes);
    }
}
