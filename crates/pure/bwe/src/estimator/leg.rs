//! One of several connections to the same network: numbers, clock, and what its delays say, are its own.

use super::terms::{PacketKind, Usage};
use super::window::Window;
use crate::Bitrate;
use crate::arrival_groups::{ArrivalGroups, Step};
use crate::history::History;
use crate::overuse::Detector;
use crate::standing_queue::StandingQueue;
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
pub(super) struct Arrival {
    pub(super) arrival: i64,
    pub(super) sent: i64,
    pub(super) bytes: u32,
    pub(super) kind: PacketKind,
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

    /// A feedback with these arrivals and so many lost, of which the link itself loses a part.
    pub(super) fn heard(&mut self, at: i64, arrivals: &[Arrival], lost: usize, own: f64) {
        self.heard = true;
        let part = lost as f64 / (lost + arrivals.len()).max(1) as f64;
        self.overflows = lost >= LOSSES && part > LOSS + 2.0 * own;
        let bytes: f64 = arrivals.iter().map(|arrival| f64::from(arrival.bytes)).sum();
        self.carried = (self.carried(at) + bytes, at);
    }

    /// Ties the receiver's clock to ours by the least delay, before a feedback's arrivals are looked at. Says whether that
    /// moves it.
    pub(super) fn tie(&mut self, arrivals: &[Arrival]) -> bool {
        let delays = arrivals.iter().map(|arrival| arrival.arrival - arrival.sent);
        let Some(least) = delays.chain(self.queue.least()).min() else { return false };
        let moved = self.tie.is_some_and(|tie| (tie - least).abs() > LOOSE);
        if moved || self.tie.is_none() {
            self.tie = Some(least);
        }
        moved
    }

    /// An arrival in our clock, as if the way took no time but for its queues.
    pub(super) fn in_our_clock(&self, arrival: i64) -> i64 {
        arrival - self.tie.unwrap_or(0)
    }

    /// All arrivals of a feedback have gone through the filters.
    pub(super) fn look(&mut self, at: i64, arrivals: &[Arrival]) {
        self.queue.look(at);
        if let Some(oldest) = arrivals.iter().min_by_key(|arrival| arrival.sent) {
            self.window.measure(at - oldest.sent - self.waited(oldest).max(0));
        }
    }

    /// How long a packet has waited.
    pub(super) fn waited(&self, arrival: &Arrival) -> i64 {
        let delay = arrival.arrival - arrival.sent;
        delay - self.queue.least().unwrap_or(delay)
    }

    /// Until when all arrivals are known, in our clock.
    pub(super) fn known_until(&self) -> i64 {
        self.known_until
    }

    /// A packet's arrival goes through the filters.
    pub(super) fn arrived(&mut self, arrival: &Arrival) {
        self.queue.arrived(arrival.arrival - arrival.sent);
        self.known_until = self.in_our_clock(arrival.arrival);
        match self.groups.arrived(arrival.sent, arrival.arrival) {
            Step::Nothing => {}
            Step::Delta(delta) => {
                if let Some(trend) = self.trendline.update(delta) {
                    self.detector.detect(trend, delta.sent as f64 / 1000.0, delta.at);
                }
            }
            Step::Reset => {
                (self.trendline, self.detector) = (Trendline::default(), Detector::new());
                self.queue.forget();
                self.tie = None;
            }
        }
    }

    /// When the last feedback came.
    pub(super) fn heard_at(&self) -> i64 {
        self.carried.1
    }

    /// Bytes that were carried of late, as seen from a later time.
    pub(super) fn carried(&self, at: i64) -> f64 {
        self.carried.0 * ((self.carried.1 - at) as f64 / FADING).exp()
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
