//! The pacer beside a plain account of what it took and what has left.

use crate::script::Script;
use bwe::pacer::{CAPACITY, Packet, Priority};
use bwe::{Bitrate, Pacer, PacketKind, ProbeCluster};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Polls until all has left: a burst leaves each 5 ms at the latest, and one packet at the least.
const MAX_POLLS: usize = 4 * 2 * CAPACITY;

/// Twenty times what the server allows. What is paced at a byte in less than a nanosecond never gets to its end: the clock
/// has no such times.
const MOST: Bitrate = Bitrate::kbps(2_000_000);
/// Nor are packets larger than this.
const LARGEST: u32 = 1500;

/// A pacer, and what waits in it: audio, retransmissions, video.
pub(super) struct Pacing {
    pacer: Pacer,
    waiting: [VecDeque<Packet>; 3],
    next: u64,
    frame: u64,
    target: Bitrate,
    /// What the last release lets go and has not left.
    granted: usize,
    refused: usize,
    left: usize,
}

impl Pacing {
    pub(super) fn new(now: Instant, target: Bitrate) -> Self {
        let target = target.min(MOST);
        let pacer = Pacer::new(now, target);
        Self {
            pacer,
            waiting: Default::default(),
            next: 0,
            frame: 0,
            target,
            granted: 0,
            refused: 0,
            left: 0,
        }
    }

    pub(super) fn set(&mut self, target: Bitrate, room: Option<u64>) {
        self.target = target.min(MOST);
        self.pacer.set_target(self.target);
        self.pacer.set_room(room);
    }

    pub(super) fn probe(&mut self, cluster: ProbeCluster) {
        self.pacer.probe(ProbeCluster { bitrate: cluster.bitrate.min(MOST), ..cluster });
    }

    /// Packets of one kind come.
    pub(super) fn push(&mut self, now: Instant, script: &mut Script<'_>) {
        let (packets, what, bytes) =
            (script.below(256), script.byte(), u32::from(script.u16()) % LARGEST + 1);
        self.frame += u64::from(what & 4 == 0);
        let (queue, priority) = match what % 4 {
            0 => (0, Priority::Audio),
            2 => (1, Priority::Retransmission),
            _ => (2, Priority::Video { frame: self.frame }),
        };
        for _ in 0..packets {
            let packet = Packet { reference: self.next, bytes, priority };
            self.next += 1;
            let [audio, retransmissions, video] = &self.waiting;
            let full = if queue == 0 { audio.len() } else { retransmissions.len() + video.len() } >= CAPACITY;
            let taken = self.pacer.push(now, packet).is_ok();
            assert!(!(full && taken), "more waits than there is room for");
            // Of a frame that was refused in part, the rest is too.
            assert!(taken || full || queue == 2, "refused although there is room");
            if taken {
                self.waiting[queue].push_back(packet);
            } else {
                self.refused += 1;
            }
        }
    }

    /// What the owner may do beside pushing and polling.
    pub(super) fn steer(&mut self, now: Instant, script: &mut Script<'_>) {
        let value = script.u64() >> script.below(64);
        match script.below(6) {
            0 => self.set(Bitrate::bps(value), Some(value)),
            1 => self.set(Bitrate::bps(value), None),
            2 => assert!(self.pacer.next(now).is_none_or(|next| next >= now), "it was asked now"),
            3 => {
                let passes = self.pacer.pass(now, value as u32);
                assert!(!passes || self.pacer.waiting().0 == 0, "what waits goes first");
            }
            4 => self.pacer.passed(u64::from(value as u32)),
            _ => self.pacer.padded(1, value as u32),
        }
    }

    /// What may leave now, or some of it. Answers as what.
    pub(super) fn release(&mut self, now: Instant, most: usize) -> PacketKind {
        let release = self.pacer.poll(now);
        assert!(release.packets >= self.waiting[0].len(), "audio waits for nothing");
        assert!(release.again.is_none_or(|again| again >= now), "it was asked now");
        let leave = most.min(release.packets);
        (0..leave).for_each(|_| self.pop());
        self.granted = release.packets - leave;
        if release.padding > 0 {
            self.pacer.padded(1, release.padding);
        }
        release.kind
    }

    fn pop(&mut self) {
        let packet = self.pacer.pop().expect("it was granted");
        let first = self.waiting.iter_mut().find_map(VecDeque::pop_front);
        assert_eq!(Some(packet), first, "in its order, and once");
        self.left += 1;
    }

    pub(super) fn check(&self, now: Instant) {
        let bytes = self.waiting.iter().flatten().map(|packet| u64::from(packet.bytes)).sum();
        let count: usize = self.waiting.iter().map(VecDeque::len).sum();
        assert_eq!(self.pacer.waiting(), (count, bytes));
        assert!(count <= 2 * CAPACITY);
        assert_eq!(self.left + self.refused + count, self.next as usize, "each left, was refused, or waits");
        // All numbers here are of f64, and near enough.
        assert!(self.pacer.rate(now) >= self.target.scale(0.999));
        assert!(count > self.waiting[0].len() || self.pacer.oldest(now) == Duration::ZERO);
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.pacer.waiting().0
    }

    #[cfg(test)]
    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    /// With somebody who polls when he is told to, all leaves.
    pub(super) fn drain(&mut self, mut now: Instant) {
        (0..self.granted).for_each(|_| self.pop());
        for _ in 0..MAX_POLLS {
            let release = self.pacer.poll(now);
            (0..release.packets).for_each(|_| self.pop());
            match release.again {
                Some(again) => now = again,
                None => break,
            }
        }
        assert_eq!(self.pacer.waiting(), (0, 0), "what waits is never lost");
        assert_eq!(self.pacer.pop(), None);
    }
}
