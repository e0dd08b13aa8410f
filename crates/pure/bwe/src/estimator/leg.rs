//! One of several connections to the same network: numbers, clock, and what its delays say, are its own.

use super::terms::{PacketKind, Usage};
use super::window::Window;
use crate::Bitrate;
use crate::arrival_groups::{ArrivalGroups, Step};
use crate::history::History;
use crate::loss::Tally;
use crate::overuse::Detector;
use crate::standing_queue::{Delays, StandingQueue};
use crate::trendline::Trendline;

/// A trend is over-use only where even the fastest packets wait so long, in microseconds; longer by the jitter, up to a
/// bound.
const WITNESSED: i64 = 8_000;
const WITNESSED_AT_MOST: i64 = 45_000;
/// Where they wait so long, nothing grows, whatever the trend.
const TOO_LONG: i64 = 50_000;
/// Losses are a witness too, of a queue that is too short to see: this many in a feedback, and this part of it beside
/// twice what the link always loses.
const LOSSES: usize = 3;
const LOSS: f64 = 0.05;
/// The receiver's clock is tied to ours anew when it is off by this much (microseconds): drift, or another way.
const LOOSE: i64 = 100_000;
/// What was carried counts less by a factor of e in this time, in microseconds.
const FADING: f64 = 1e6;

/// Which of a network's legs. Small and to be copied; the number of a leg that was removed is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LegId(pub(super) u32);

impl LegId {
    #[cfg(test)]
    pub(crate) const fn first() -> Self {
        Self(0)
    }
}

/// Microseconds, of the receiver and of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) arrival: i64,
    pub(crate) sent: i64,
    pub(crate) bytes: u32,
    pub(crate) kind: PacketKind,
    /// It had been reported lost before.
    pub(crate) was_lost: bool,
}

/// What one feedback tells of packets of which nobody knew, in one go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) lost: usize,
    arrived: usize,
    /// Of those, which had been reported lost before.
    pub(super) late: usize,
    bytes: u64,
    /// The arrivals are in order.
    pub(super) in_order: bool,
    /// Some are of probes.
    pub(super) probes: bool,
    /// Departure and arrival of the first to be told of, which left first.
    oldest: (i64, i64),
    /// When the last of them all left.
    last_sent: i64,
    delays: Delays,
}

impl Told {
    /// These have arrived, in the order in which they left, by who means well; and so many are lost. Beside that, those
    /// that had not been reported lost before.
    pub(super) fn of(arrivals: &[Arrival], lost: usize) -> (Self, Tally) {
        let (mut bytes, mut in_order, mut media, mut late) = (0, true, true, 0);
        let (mut last, mut last_sent, mut delays) = (i64::MIN, i64::MIN, Delays::default());
        for &Arrival { arrival, sent, bytes: these, kind, was_lost } in arrivals {
            bytes += u64::from(these);
            in_order &= arrival >= last;
            media &= kind == PacketKind::Media;
            late += usize::from(was_lost);
            (last, last_sent) = (arrival, last_sent.max(sent));
            delays.add(arrival - sent);
        }
        let (oldest, arrived) = (arrivals.first().map(|first| (first.sent, first.arrival)), arrivals.len());
        let tally = match oldest {
            Some((first, _)) if late == 0 => Tally::new(arrived, bytes, (first, last_sent)),
            _ => Tally::of(arrivals.iter().filter(|one| !one.was_lost).map(|one| (one.sent, one.bytes))),
        };
        let (oldest, probes) = (oldest.unwrap_or_default(), !media);
        (Self { lost, arrived, late, bytes, in_order, probes, oldest, last_sent, delays }, tally)
    }

    /// When the last to leave did.
    pub(super) fn last_sent(&self) -> Option<i64> {
        (self.arrived > 0).then_some(self.last_sent)
    }
}

/// A receiver's clock, and the least delay, as they are known at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeerClock {
    /// What it is ahead of ours, if the way took no time but for its queues.
    pub(crate) tie: i64,
    pub(crate) least: Option<i64>,
}

/// Less than 1 KiB before the first packet, 512 bytes more with it.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) history: History,
    groups: ArrivalGroups,
    trendline: Trendline,
    detector: Detector,
    pub(super) queue: StandingQueue,
    /// The receiver's clock minus ours, and the least delay.
    tie: Option<i64>,
    /// The last feedback had losses that are a witness.
    overflows: bool,
    /// Feedback has come.
    pub(super) heard: bool,
    /// It carries a fair part of what all do.
    pub(super) fair: bool,
    pub(super) remb: Option<Bitrate>,
    /// The last arrival, in our clock.
    known_until: i64,
    pub(super) window: Window,
    /// Bytes that were carried of late, at a time.
    carried: (f64, i64),
}

impl Leg {
    pub(super) fn new() -> Self {
        Self {
            history: History::default(),
            groups: ArrivalGroups::default(),
            trendline: Trendline::default(),
            detector: Detector::new(),
            queue: StandingQueue::default(),
            tie: None,
            overflows: false,
            heard: false,
            fair: false,
            remb: None,
            known_until: 0,
            window: Window::default(),
            carried: (0.0, 0),
        }
    }

    /// There is feedback. Of what was lost the link itself loses a part.
    pub(super) fn heard(&mut self, at: i64, told: &Told, own: f64) {
        self.heard = true;
        let part = told.lost as f64 / (told.lost + told.arrived).max(1) as f64;
        self.overflows = told.lost >= LOSSES && part > LOSS + 2.0 * own;
        self.carried = (self.carried(at) + told.bytes as f64, at);
    }

    /// Ties the receiver's clock to ours by the least delay, before a feedback's arrivals are looked at. Says whether that
    /// moves it.
    pub(super) fn tie(&mut self, told: &Told) -> bool {
        let least = (told.arrived > 0).then_some(told.delays.least);
        let Some(least) = least.into_iter().chain(self.queue.least()).min() else { return false };
        let moved = self.tie.is_some_and(|tie| (tie - least).abs() > LOOSE);
        if moved || self.tie.is_none() {
            self.tie = Some(least);
        }
        moved
    }

    /// How the receiver's clock is read now.
    pub(super) fn clock(&self) -> PeerClock {
        PeerClock { tie: self.tie.unwrap_or(0), least: self.queue.least() }
    }

    /// All arrivals of a feedback have gone through the filters.
    pub(super) fn look(&mut self, at: i64, told: &Told) {
        self.queue.look(at);
        if told.arrived > 0 {
            let (sent, arrival) = told.oldest;
            let delay = arrival - sent;
            let waited = self.queue.least().map_or(0, |least| delay - least);
            self.window.measure(at - sent - waited.max(0));
        }
    }

    /// Until when all arrivals are known, in our clock.
    pub(super) fn known_until(&self) -> i64 {
        self.known_until
    }

    /// Arrivals go through the filters, in order. Returns how many have: where the clock jumps it stops, and begins anew.
    /// `told`: if they are all of a feedback.
    pub(super) fn arrived(&mut self, arrivals: &[Arrival], told: Option<&Told>) -> usize {
        let mut count = 0;
        while let Some(rest) = arrivals.get(count..).filter(|rest| !rest.is_empty()) {
            count += self.groups.gather(rest);
            let Some(next) = arrivals.get(count) else { break };
            count += 1;
            match self.groups.begin(next) {
                Step::Nothing => {}
                Step::Delta(delta) => {
                    if let Some(trend) = self.trendline.update(delta) {
                        self.detector.detect(trend, delta.sent as f64 / 1000.0, delta.at);
                    }
                }
                Step::Reset => {
                    self.known_until = next.arrival - self.tie.unwrap_or(0);
                    (self.trendline, self.detector) = (Trendline::default(), Detector::new());
                    self.queue.forget();
                    self.tie = None;
                    return count;
                }
            }
        }
        let delays = arrivals.iter().map(|arrival| arrival.arrival - arrival.sent);
        let all = told.map_or_else(|| Delays::of(delays.clone()), |told| told.delays);
        self.queue.arrived(delays, &all);
        if let Some(last) = arrivals.last() {
            self.known_until = last.arrival - self.tie.unwrap_or(0);
        }
        arrivals.len()
    }

    /// When the last feedback came.
    pub(super) fn heard_at(&self) -> i64 {
        self.carried.1
    }

    /// Bytes that were carried of late, as seen from a later time.
    pub(super) fn carried(&self, at: i64) -> f64 {
        let ago = self.carried.1 - at;
        // Mostly it is asked for at once, and nothing has faded.
        if ago == 0 { self.carried.0 } else { self.carried.0 * (ago as f64 / FADING).exp() }
    }

    /// Even the fastest packets wait.
    pub(super) fn waits_long(&self) -> bool {
        self.queue.queue() > TOO_LONG
    }

    /// What the delays say, by both witnesses.
    pub(super) fn usage(&self) -> Usage {
        let noise = self.queue.spread() + 2 * self.queue.wander();
        let waits = self.queue.queue() >= (WITNESSED + noise).min(WITNESSED_AT_MOST);
        match self.detector.usage() {
            Usage::Over if !waits && !self.overflows => Usage::Normal,
            Usage::Normal if self.waits_long() => Usage::Under,
            usage => usage,
        }
    }
}
