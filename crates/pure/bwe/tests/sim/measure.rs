//! What came of a run, in the terms of the goals.

use crate::link::Trace;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Audio,
    Video,
    Padding,
}

/// Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) sent: u64,
    pub(crate) through: u64,
    pub(crate) wait: u64,
    pub(crate) wire: u32,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) struct Measured {
    trace: Trace,
    carried: Vec<Carried>,
    dropped: Vec<(u64, Kind)>,
    targets: Vec<(u64, f64)>,
}

impl Measured {
    pub(crate) fn new(trace: Trace) -> Self {
        Self { trace, carried: Vec::new(), dropped: Vec::new(), targets: Vec::new() }
    }

    pub(crate) fn carried(&mut self, packet: Carried) {
        self.carried.push(packet);
    }

    pub(crate) fn dropped(&mut self, now: u64, kind: Kind) {
        self.dropped.push((now, kind));
    }

    pub(crate) fn target(&mut self, now: u64, target: f64) {
        if now.is_multiple_of(100_000) {
            self.targets.push((now, target));
        }
    }

    fn bits(&self, from: u64, to: u64, counts: impl Fn(Kind) -> bool) -> f64 {
        let within = self.carried.iter().filter(|packet| (from..to).contains(&packet.through));
        within.filter(|packet| counts(packet.kind)).map(|packet| f64::from(packet.wire) * 8.0).sum()
    }

    /// The part of what the link carries that media took (and all), between two seconds.
    pub(crate) fn utilisation(&self, from: f64, to: f64) -> (f64, f64) {
        let (from, to) = ((from * 1e6) as u64, (to * 1e6) as u64);
        let could = self.trace.bits(from, to);
        let media = self.bits(from, to, |kind| kind != Kind::Padding);
        (media / could, self.bits(from, to, |_| true) / could)
    }

    /// What 95 % of the packets between two seconds wait at the most, in milliseconds.
    pub(crate) fn wait95(&self, from: f64, to: f64) -> f64 {
        let (from, to) = ((from * 1e6) as u64, (to * 1e6) as u64);
        let within = self.carried.iter().filter(|packet| (from..to).contains(&packet.sent));
        let mut waits: Vec<u64> = within.map(|packet| packet.wait).collect();
        waits.sort_unstable();
        waits.get(waits.len() * 95 / 100).map_or(0.0, |&wait| wait as f64 / 1000.0)
    }

    /// Seconds after `from` until media took 80 % of the link for half a second.
    pub(crate) fn recovery(&self, from: f64) -> Option<f64> {
        let start = (from * 1e6) as u64;
        let ends = (start + 500_000..self.trace.micros()).step_by(100_000);
        let mut good = ends.filter(|&end| {
            let media = self.bits(end - 500_000, end, |kind| kind != Kind::Padding);
            media >= 0.8 * self.trace.bits(end - 500_000, end)
        });
        good.next().map(|end| (end - start) as f64 / 1e6)
    }

    /// Audio packets that the bottleneck dropped between two seconds.
    pub(crate) fn audio_dropped(&self, from: f64, to: f64) -> usize {
        let (from, to) = ((from * 1e6) as u64, (to * 1e6) as u64);
        self.dropped.iter().filter(|(at, kind)| *kind == Kind::Audio && (from..to).contains(at)).count()
    }

    /// The course of the target, for people: kbit/s each so many tenths of a second.
    pub(crate) fn course(&self, each: usize) -> Vec<u64> {
        self.targets.iter().step_by(each).map(|&(_, target)| (target / 1000.0) as u64).collect()
    }
}
