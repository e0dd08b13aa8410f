//! Two ends and a link between them, in steps of 250 µs.

use crate::link::{Conditions, Fate, Link};
use crate::measure::{Carried, Kind, Measured};
use crate::source::Source;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const STEP: u64 = 250;

/// A packet on the way there or back. Bodies are bytes, whatever they mean.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) wire: u32,
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

/// A sender and its receiver: ours, or another's. Times in microseconds.
pub(crate) trait Pair {
    /// Bits a second.
    fn target(&self) -> f64;
    /// Audio, if there is any, and a frame's packets.
    fn offer(&mut self, now: u64, audio: bool, frame: &[u32]);
    /// What the sender sends now, and what the receiver sends back.
    fn step(&mut self, now: u64, forth: &mut Vec<Datagram>, back: &mut Vec<Datagram>);
    fn at_receiver(&mut self, now: u64, body: &[u8]);
    fn at_sender(&mut self, now: u64, body: &[u8]);
}

type Way = BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>;

fn due(way: &mut Way, now: u64) -> Option<Vec<u8>> {
    if way.peek()?.0.0 > now {
        return None;
    }
    way.pop().map(|Reverse((_, _, body))| body)
}

/// Runs a pair over a link for as long as its trace.
pub(crate) fn run(pair: &mut impl Pair, conditions: &Conditions, seed: u64) -> Measured {
    let mut link = Link::new(conditions.clone(), seed);
    let mut source = Source::new(seed ^ 0xabcd);
    let (mut there, mut here) = (Way::new(), Way::new());
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let mut measured = Measured::new(conditions.trace.clone());
    let mut order = 0;
    for now in (0..conditions.trace.micros()).step_by(STEP as usize) {
        while let Some(body) = due(&mut there, now) {
            pair.at_receiver(now, &body);
        }
        while let Some(body) = due(&mut here, now) {
            pair.at_sender(now, &body);
        }
        let target = pair.target();
        measured.target(now, target);
        let made = source.make(now, target);
        if made.audio || !made.frame.is_empty() {
            pair.offer(now, made.audio, &made.frame);
        }
        pair.step(now, &mut forth, &mut back);
        for Datagram { wire, kind, body } in forth.drain(..) {
            order += 1;
            match link.send(now, wire) {
                Fate::Dropped => measured.dropped(now, kind),
                Fate::Carried { wait, through, arrival } => {
                    measured.carried(Carried { sent: now, through, wait, wire, kind });
                    there.extend(arrival.map(|at| Reverse((at, order, body))));
                }
            }
        }
        for Datagram { body, .. } in back.drain(..) {
            order += 1;
            here.push(Reverse((now + conditions.delay, order, body)));
        }
    }
    measured
}
