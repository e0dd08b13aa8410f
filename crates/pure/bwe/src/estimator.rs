//! What a network carries, in one number: the least of what delay, loss and the receiver allow.
//!
//! Over-use needs two witnesses here: the trend of the delays (the draft's), and a queue that even the fastest packets
//! of a feedback wait in (ours). Jitter makes trends, but does not hold up every packet. While the queue stands
//! after over-use, the target stays lower still, so that it empties: from 15 % below the bottleneck, as the draft has it,
//! a queue of a second needs seven to go.

mod drain;
mod terms;

use crate::acknowledged::Acknowledged;
use crate::aimd::{Aimd, Situation};
use crate::application_limit::ApplicationLimit;
use crate::arrival_groups::{ArrivalGroups, Step};
use crate::history::{CAPACITY, History};
use crate::loss::Losses;
use crate::overuse::Detector;
use crate::probe_results::ProbeResults;
use crate::probing::{Outlook, ProbeCluster, ProbeId, Probing};
use crate::standing_queue::StandingQueue;
use crate::trendline::Trendline;
use crate::{Bitrate, PeerTime};
pub use terms::{Config, PacketKind, Snapshot, Usage};

use drain::Drain;
use std::time::{Duration, Instant};

/// A trend is over-use only where even the fastest packets wait so long, in microseconds; longer by the jitter, up to a
/// bound.
const WITNESSED: i64 = 8_000;
const WITNESSED_AT_MOST: i64 = 45_000;
/// A probe is believed by half where the queue wanders by this much more than it does on a plain link, in microseconds.
const PROBED: f64 = 40_000.0;
const STILL: i64 = 6_000;
/// Losses are a witness too, of a queue that is too short to see: this many in a feedback, and this part of it beside
/// twice what the link always loses.
const LOSSES: usize = 3;
const LOSS: f64 = 0.05;
/// Where they wait so long, nothing grows, whatever the trend.
const TOO_LONG: i64 = 50_000;
/// Packets are under way and nothing is heard for so long (and the round trip): the target falls, and falls again.
const SILENCE: i64 = 1_000_000;
const SILENCE_AGAIN: i64 = 500_000;
const SILENCE_FACTOR: f64 = 0.7;
/// The round trip before one was measured, and how much each measurement counts (RFC 6298 section 2).
const FIRST_RTT: i64 = 100_000;
const RTT_WEIGHT: f64 = 0.125;
/// A receiver's clock is no farther from its zero, in microseconds (a century): so differences never overflow.
const FARTHEST: i64 = 1 << 52;
/// Arrivals of a feedback, of which usual ones have no more than this.
const USUAL_ARRIVALS: usize = 256;

/// The estimate of one network. 33 KiB, of fixed size but for the arrivals of one feedback: no more than 2048.
#[derive(Clone, Debug)]
pub struct Estimator {
    config: Config,
    epoch: Instant,
    history: History,
    groups: ArrivalGroups,
    trendline: Trendline,
    detector: Detector,
    queue: StandingQueue,
    drain: Drain,
    acknowledged: Acknowledged,
    application: ApplicationLimit,
    aimd: Aimd,
    losses: Losses,
    loss_based: Option<Bitrate>,
    remb: Option<Bitrate>,
    probing: Probing,
    results: ProbeResults,
    wanted: Bitrate,
    /// Times in microseconds since the epoch, from here on.
    rtt: i64,
    congested: Option<i64>,
    heard: bool,
    /// The last feedback had losses that are a witness.
    overflows: bool,
    silent_since: Option<i64>,
    arrivals: Vec<Arrival>,
}

/// Microseconds, of the receiver and of ours.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    arrival: i64,
    sent: i64,
    bytes: u32,
    kind: PacketKind,
}

impl Estimator {
    /// Before the first packet.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let max = config.max.max(config.min);
        let config = Config { start: config.start.max(config.min).min(max), max, ..config };
        Self {
            config,
            epoch: now,
            history: History::new(),
            groups: ArrivalGroups::default(),
            trendline: Trendline::default(),
            detector: Detector::new(),
            queue: StandingQueue::default(),
            drain: Drain::default(),
            acknowledged: Acknowledged::default(),
            application: ApplicationLimit::default(),
            aimd: Aimd::new(config.start),
            losses: Losses::default(),
            loss_based: None,
            remb: None,
            probing: Probing::new(config.start),
            results: ProbeResults::default(),
            wanted: max,
            rtt: FIRST_RTT,
            congested: None,
            heard: false,
            overflows: false,
            silent_since: None,
            arrivals: Vec::with_capacity(USUAL_ARRIVALS),
        }
    }

    fn micros(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX)
    }

    /// How much would be sent if the network carried it, all of it; until it is said, the maximum. Nothing beyond it and
    /// a margin is looked for.
    pub fn want(&mut self, bitrate: Bitrate) {
        self.wanted = bitrate;
    }

    /// A packet leaves. `sequence` is its transport-wide number, unwrapped; numbers that go back are ignored. `bytes` is
    /// its size on the wire, with UDP and IP.
    pub fn sent(&mut self, now: Instant, sequence: u64, bytes: u32, kind: PacketKind) {
        let at = self.micros(now);
        self.history.push(sequence, at, bytes, kind);
        if kind == PacketKind::Media {
            self.application.sent(bytes);
        }
        self.silent_since.get_or_insert(at);
    }

    /// What the receiver says of packets: when each arrived, or that it did not. Of each call no more than 2048 are
    /// read; what is said twice, or of packets that are not remembered, is ignored. [`crate::reports`] makes this of a
    /// feedback packet.
    pub fn feedback(&mut self, now: Instant, reports: impl IntoIterator<Item = (u64, Option<PeerTime>)>) {
        let at = self.micros(now);
        self.arrivals.clear();
        let mut lost = 0;
        for (sequence, arrival) in reports.into_iter().take(CAPACITY) {
            let Some(sent) = self.history.report(sequence, at, arrival.is_some()) else { continue };
            self.losses.report(sent.at, sent.bytes, arrival.is_some(), sent.was_lost);
            lost += usize::from(arrival.is_none());
            if let Some(arrival) = arrival {
                let arrival = arrival.as_micros().clamp(-FARTHEST, FARTHEST);
                self.arrivals.push(Arrival { arrival, sent: sent.at, bytes: sent.bytes, kind: sent.kind });
            }
        }
        let part = lost as f64 / (lost + self.arrivals.len()).max(1) as f64;
        self.overflows = lost >= LOSSES && part > LOSS + 2.0 * self.losses.own();
        self.heard = true;
        self.silent_since = self.history.is_waiting().then_some(at);
        self.measure_round_trip(at);
        self.arrivals.sort_unstable_by_key(|arrival| (arrival.arrival, arrival.sent));
        let proven = self.digest();
        self.decide(at, proven);
    }

    fn measure_round_trip(&mut self, at: i64) {
        // The last to leave has waited least for the feedback.
        if let Some(sent) = self.arrivals.iter().map(|arrival| arrival.sent).max() {
            let error = (at - sent - self.rtt) as f64;
            self.rtt += (error * RTT_WEIGHT) as i64;
        }
    }

    /// All arrivals of one feedback go through the filters; gives the best that a probe has shown.
    fn digest(&mut self) -> Option<(ProbeId, Bitrate)> {
        let mut proven: Option<(ProbeId, Bitrate)> = None;
        for &Arrival { arrival, sent, bytes, kind } in &self.arrivals {
            self.acknowledged.arrived(arrival, bytes);
            self.queue.arrived(arrival.saturating_sub(sent));
            match self.groups.arrived(sent, arrival) {
                Step::Nothing => {}
                Step::Delta(delta) => {
                    if let Some(trend) = self.trendline.update(delta) {
                        self.detector.detect(trend, delta.sent as f64 / 1000.0, delta.at);
                    }
                }
                Step::Reset => {
                    (self.trendline, self.detector) = (Trendline::default(), Detector::new());
                    self.queue.forget();
                }
            }
            if let PacketKind::Probe(id) = kind
                && let Some(bitrate) = self.results.arrived(id, sent, arrival, bytes)
            {
                // The more of it has come, the better it is known: the last word of each counts.
                proven = Some((id, bitrate));
            }
        }
        proven
    }

    fn decide(&mut self, now: i64, proven: Option<(ProbeId, Bitrate)>) {
        self.queue.look(now);
        self.application.look(now, self.target());
        let (before, usage) = (self.target(), self.usage());
        // What the link loses whatever is sent has been carried for all that.
        let acknowledged =
            self.acknowledged.bitrate().map(|came| came.scale(1.0 / (1.0 - self.losses.own())));
        let application_limited = self.application.is_limited();
        let situation = Situation { now, usage, acknowledged, application_limited, rtt: self.rtt };
        if self.aimd.update(&situation) {
            self.drain.begin(now);
            self.probing.dropped(before, self.aimd.bitrate());
        }
        if usage == Usage::Over || self.queue.queue() > TOO_LONG {
            self.congested = Some(now);
        }
        self.drain.look(now, self.queue.queue());
        if let Some((id, bitrate)) = proven {
            self.probing.result(id, bitrate);
            if usage != Usage::Over {
                // Where delays wander, so does capacity, and a probe sees a moment of it.
                let still = STILL.max(self.queue.spread() / 2);
                let wander = (self.queue.wander() - still).max(0) as f64 / PROBED;
                let bitrate = bitrate.scale(1.0 / (1.0 + wander));
                self.aimd.raise(bitrate, now);
                self.losses.raise(bitrate);
            }
        }
        self.aimd.clamp(self.config.min, self.config.max);
        self.loss_based = self.losses.look(self.aimd.bitrate(), acknowledged);
    }

    /// What the delays say, by both witnesses.
    fn usage(&self) -> Usage {
        let noise = self.queue.spread() + 2 * self.queue.wander();
        let waits = self.queue.queue() >= (WITNESSED + noise).min(WITNESSED_AT_MOST);
        match self.detector.usage() {
            Usage::Over if !waits && !self.overflows => Usage::Normal,
            Usage::Normal if self.queue.queue() > TOO_LONG => Usage::Under,
            usage => usage,
        }
    }

    /// What a receiver allows that says so itself (REMB). Before any transport feedback this alone is the target;
    /// afterwards it is never more than this.
    pub fn remb(&mut self, _now: Instant, bitrate: Bitrate) {
        self.remb = Some(bitrate);
    }

    /// The round trip, where somebody has measured it otherwise (receiver reports).
    pub fn rtt(&mut self, rtt: Duration) {
        self.rtt = i64::try_from(rtt.as_micros()).unwrap_or(FIRST_RTT);
    }

    /// When [`Estimator::handle_timeout`] and [`Estimator::poll_probe`] are to be called, if nothing is sent or heard
    /// before. May lie in the past, and then means now.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let probe = self.heard.then(|| self.probing.due());
        let silence = self.silence();
        let at = match (probe, silence) {
            (Some(probe), Some(silence)) => probe.min(silence),
            (probe, silence) => probe.or(silence)?,
        };
        self.epoch.checked_add(Duration::from_micros(u64::try_from(at).unwrap_or(0)))
    }

    /// When silence counts.
    fn silence(&self) -> Option<i64> {
        let since = self.silent_since.filter(|_| self.heard)?;
        Some(since.saturating_add(SILENCE + 2 * self.rtt))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let at = self.micros(now);
        if self.silence().is_some_and(|due| at >= due) {
            self.silent_since = Some(at - SILENCE - 2 * self.rtt + SILENCE_AGAIN);
            self.probing.dropped(self.target(), self.target().scale(SILENCE_FACTOR));
            self.aimd.lower(SILENCE_FACTOR);
            self.aimd.clamp(self.config.min, self.config.max);
            self.congested = Some(at);
        }
    }

    /// What may be sent, audio, video, retransmissions and all overhead together. Between the bounds.
    #[must_use]
    pub fn target(&self) -> Bitrate {
        let delay_based = match self.remb {
            Some(remb) if !self.heard => remb,
            _ => self.drain.apply(self.aimd.bitrate()),
        };
        [self.loss_based, self.remb]
            .into_iter()
            .flatten()
            .fold(delay_based, Bitrate::min)
            .min(self.config.max)
            .max(self.config.min)
    }

    /// A probe that is to be sent now, if there is one. Ask after feedback, after timeouts and after the last one was
    /// sent.
    pub fn poll_probe(&mut self, now: Instant) -> Option<ProbeCluster> {
        let outlook = Outlook {
            now: self.micros(now),
            target: self.target(),
            wanted: self.wanted,
            max: self.config.max.min(self.remb.unwrap_or(Bitrate::MAX)),
            congested: self.congested,
            heard: self.heard,
            jitter: self.queue.spread(),
        };
        let cluster = self.probing.poll(&outlook)?;
        self.results.expect(&cluster);
        Some(cluster)
    }

    /// What is believed.
    #[must_use]
    pub fn state(&self) -> Snapshot {
        let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        Snapshot {
            target: self.target(),
            delay_based: self.aimd.bitrate(),
            loss_based: self.loss_based,
            remb: self.remb,
            acknowledged: self.acknowledged.bitrate(),
            usage: self.usage(),
            queue: duration(self.queue.queue()),
            rtt: duration(self.rtt),
            application_limited: self.application.is_limited(),
        }
    }
}

#[cfg(test)]
mod tests;
