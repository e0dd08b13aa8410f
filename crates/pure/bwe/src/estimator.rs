//! What a network carries, in one number: the least of what delay, loss and the receiver allow.
//!
//! A network may carry several connections, here its legs, each with its own numbers and the clock of its own receiver.
//! Each has its own delays; what arrives, losses and probes are those of all together.
//!
//! Over-use needs two witnesses here: the trend of the delays (the draft's), and a queue that even the fastest packets
//! of a feedback wait in (ours). Jitter makes trends, but does not hold up every packet. While the queue stands
//! after over-use, the target stays lower still, so that it empties: from 15 % below the bottleneck, as the draft has it,
//! a queue of a second needs seven to go.

mod departures;
mod drain;
mod leg;
mod legs;
mod silence;
mod terms;
mod window;

use crate::acknowledged::Acknowledged;
use crate::aimd::{Aimd, Situation};
use crate::application_limit::ApplicationLimit;
use crate::history::CAPACITY;
use crate::loss::Losses;
use crate::probe_results::ProbeResults;
use crate::probing::{CALM, Outlook, ProbeCluster, ProbeId, Probing};
use crate::{Bitrate, PeerTime};
pub use departures::Departures;
pub use leg::LegId;
pub use terms::{Config, PacketKind, Snapshot, Usage};

use drain::Drain;
use leg::Told;
pub(crate) use leg::{Arrival, PeerClock};
use legs::Legs;
use std::time::{Duration, Instant};

/// Who waits so long, or half as long as the last, has found a queue, in microseconds.
const QUEUES: i64 = 8_000;
/// A probe is believed by half where the queue wanders by this much more than it does on a plain link, in microseconds.
const PROBED: f64 = 40_000.0;
const STILL: i64 = 6_000;
/// This part of what it carried before is believed of a network that comes back.
const RETURN: f64 = 0.5;
/// The round trip before one was measured, and how much each measurement counts (RFC 6298 section 2).
const FIRST_RTT: i64 = 100_000;
const RTT_WEIGHT: f64 = 0.125;
/// The estimate of one network. 5 KiB, and for each leg 1.5 KiB and what is not yet heard of: 16 bytes a packet, for no
/// more than 2048 packets. Arrivals of one feedback are kept for as long as it is read: no more than 2048.
#[derive(Clone, Debug)]
pub struct Estimator {
    config: Config,
    epoch: Instant,
    /// The time that was last asked for, in microseconds since then: many packets leave at one.
    latest: (Instant, i64),
    legs: Legs,
    drain: Drain,
    acknowledged: Acknowledged,
    application: ApplicationLimit,
    aimd: Aimd,
    losses: Losses,
    loss_based: Option<Bitrate>,
    probing: Probing,
    results: ProbeResults,
    wanted: Bitrate,
    /// Times in microseconds since the epoch, from here on.
    rtt: i64,
    congested: Option<i64>,
    heard: bool,
    silent_since: Option<i64>,
    /// Nothing is heard, and has not been for so long that the target fell.
    silent: bool,
    /// When it was last knocked at what is silent.
    knocked: Option<i64>,
    /// What one feedback says, and of what it says that it came.
    said: Vec<(u64, Option<PeerTime>)>,
    arrivals: Vec<Arrival>,
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
            latest: (now, 0),
            legs: Legs::default(),
            drain: Drain::default(),
            acknowledged: Acknowledged::default(),
            application: ApplicationLimit::default(),
            aimd: Aimd::new(config.start),
            losses: Losses::default(),
            loss_based: None,
            probing: Probing::new(config.start),
            results: ProbeResults::default(),
            wanted: max,
            rtt: FIRST_RTT,
            congested: None,
            heard: false,
            silent_since: None,
            silent: false,
            knocked: None,
            said: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    fn micros(&self, at: Instant) -> i64 {
        if at == self.latest.0 {
            return self.latest.1;
        }
        let since = at.saturating_duration_since(self.epoch);
        let micros =
            since.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(since.subsec_micros()));
        i64::try_from(micros).unwrap_or(i64::MAX)
    }

    /// The same, remembered.
    fn micros_now(&mut self, at: Instant) -> i64 {
        self.latest = (at, self.micros(at));
        self.latest.1
    }

    /// How much would be sent if the network carried it, all of it; until it is said, the maximum. Nothing beyond it and
    /// a margin is looked for.
    pub fn want(&mut self, bitrate: Bitrate) {
        self.wanted = bitrate;
    }

    /// One more connection to this network. Their number is the owner's to bound.
    pub fn add_leg(&mut self, _now: Instant) -> LegId {
        self.legs.add()
    }

    /// A connection has ended; what it has shown of the network remains.
    pub fn remove_leg(&mut self, leg: LegId) {
        self.legs.remove(leg);
        self.results.forget(leg);
        if !self.legs.are_waiting() {
            self.silent_since = None;
        }
    }

    /// A packet leaves on a leg; nothing happens if there is none of this number. Of more than one, see
    /// [`Estimator::departures`].
    pub fn sent(&mut self, now: Instant, leg: LegId, sequence: u64, bytes: u32, kind: PacketKind) {
        if let Some(mut departures) = self.departures(now, leg) {
            departures.sent(sequence, bytes, kind);
        }
    }

    /// What a leg's receiver says of packets: when each arrived, or that it did not. Of each call no more than 2048 are
    /// read; what is said twice, or of packets that are not remembered, is ignored. [`crate::reports`] makes this of a
    /// feedback packet.
    pub fn feedback(
        &mut self,
        now: Instant,
        leg: LegId,
        reports: impl IntoIterator<Item = (u64, Option<PeerTime>)>,
    ) {
        let at = self.micros_now(now);
        let Some(told) = self.read(at, leg, reports) else { return };
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.heard(at, &told, self.losses.own());
        }
        self.legs.weigh();
        self.heard = true;
        self.silent_since = self.legs.are_waiting().then_some(at);
        self.measure_round_trip(at, &told);
        if !told.in_order {
            self.arrivals.sort_unstable_by_key(|arrival| (arrival.arrival, arrival.sent));
        }
        let proven = self.digest(at, leg, &told);
        self.decide(at, leg, proven);
        if std::mem::take(&mut self.silent) {
            self.knocked = None;
            // The network is back, and perhaps as it was.
            let before = self.probing.before().map_or(Bitrate::ZERO, |before| before.scale(RETURN));
            self.aimd.raise(before.max(self.config.start), at);
            self.aimd.clamp(self.config.min, self.config.max);
            self.congested = self.congested.map(|congested| congested.min(at - CALM));
            self.probing.hurry();
        }
    }

    /// Finds what was sent of what was reported; `None`: there is no such leg.
    fn read(
        &mut self,
        at: i64,
        leg: LegId,
        reports: impl IntoIterator<Item = (u64, Option<PeerTime>)>,
    ) -> Option<Told> {
        let leg = self.legs.get_mut(leg)?;
        // One thing after the other: each of these loops is short, and together they are twice as slow.
        let said = &mut self.said;
        said.clear();
        reports.into_iter().for_each(|report| {
            if said.len() < CAPACITY {
                said.push(report);
            }
        });
        self.arrivals.clear();
        let lost = leg.history.hear(at, &self.said, &mut self.arrivals);
        let (told, arrived) = Told::of(&self.arrivals, lost.packets());
        (0..told.late).for_each(|_| self.losses.late());
        self.losses.report(&arrived, &lost);
        Some(told)
    }

    fn measure_round_trip(&mut self, at: i64, told: &Told) {
        // The last to leave has waited least for the feedback.
        if let Some(sent) = told.last_sent() {
            let error = (at - sent - self.rtt) as f64;
            self.rtt += (error * RTT_WEIGHT) as i64;
        }
    }

    /// All arrivals of one feedback go through the filters; gives the best that a probe has shown.
    fn digest(&mut self, at: i64, id: LegId, told: &Told) -> Option<(ProbeId, Bitrate)> {
        let leg = self.legs.get_mut(id)?;
        if leg.tie(told) {
            self.acknowledged.restart();
        }
        let (mut rest, mut whole) = (&self.arrivals[..], Some(told));
        while !rest.is_empty() {
            // Up to where the receiver's clock jumps, if it does, all that is known of it stays the same.
            let clock = leg.clock();
            let (some, others) =
                rest.split_at_checked(leg.arrived(rest, whole.take())).unwrap_or((rest, &[]));
            self.acknowledged.arrived(some, &clock);
            rest = others;
        }
        leg.look(at, told);
        if told.probes { self.shown(id) } else { None }
    }

    fn shown(&mut self, id: LegId) -> Option<(ProbeId, Bitrate)> {
        let mut proven = None;
        for arrival in &self.arrivals {
            if let PacketKind::Probe(probe) = arrival.kind
                && let Some(bitrate) =
                    self.results.arrived((probe, id), arrival.sent, arrival.arrival, arrival.bytes)
            {
                // The more of it has come, the better it is known: the last word of each counts.
                proven = Some((probe, bitrate));
            }
        }
        proven
    }

    fn decide(&mut self, now: i64, leg: LegId, proven: Option<(ProbeId, Bitrate)>) {
        let before = self.target();
        self.application.look(now, before);
        let queue = self.legs.latest();
        let usage = self.legs.news(leg, queue);
        let (application_limited, until) = (self.application.is_limited(), self.legs.known_until());
        // What the link loses whatever is sent has been carried for all that.
        let factor = 1.0 / (1.0 - self.losses.own());
        // Each of these is looked up where it is needed: it takes longer than all the rest.
        let arrives = |came: &Acknowledged| came.bitrate(until).map(|came| came.scale(factor));
        let grows = usage == Usage::Normal && !application_limited;
        let busy = (usage == Usage::Over).then(|| self.acknowledged.while_busy(until, QUEUES.max(queue / 2)));
        let busy = busy.flatten().map(|(came, time)| (came.scale(factor), time));
        let situation = Situation {
            now,
            usage,
            acknowledged: if grows { arrives(&self.acknowledged) } else { None },
            busy,
            queue,
            application_limited,
            rtt: self.rtt,
        };
        if self.aimd.update(&situation) {
            self.drain.begin(now);
            self.probing.dropped(before, self.aimd.bitrate());
        }
        if self.legs.are_full() {
            self.congested = Some(now);
        }
        self.drain.look(now, queue);
        if let Some((id, bitrate)) = proven {
            self.probing.result(id, bitrate);
            if usage != Usage::Over {
                self.believe(now, bitrate);
            }
        }
        self.aimd.clamp(self.config.min, self.config.max);
        self.loss_based = self.losses.look(self.aimd.bitrate(), || arrives(&self.acknowledged));
    }

    /// Of what a probe has shown. Where delays wander, so does capacity, and a probe sees a moment of it.
    fn believe(&mut self, now: i64, shown: Bitrate) {
        let (spread, wander) = self.legs.noise();
        let still = STILL.max(spread / 2);
        let wander = (wander - still).max(0) as f64 / PROBED;
        let bitrate = shown.scale(1.0 / (1.0 + wander));
        self.aimd.raise(bitrate, now);
        self.losses.raise(bitrate);
    }

    /// What a leg's receiver allows on this leg, that says so itself (REMB). Before any transport feedback, what they
    /// allow together is the target; afterwards it is never more than that, where each leg has something to say.
    pub fn remb(&mut self, _now: Instant, leg: LegId, bitrate: Bitrate) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.remb = Some(bitrate);
        }
    }

    /// What may be sent, audio, video, retransmissions and all overhead together. Between the bounds.
    #[must_use]
    pub fn target(&self) -> Bitrate {
        let delay_based = match self.legs.remb_so_far() {
            Some(remb) if !self.heard => remb,
            _ => self.drain.apply(self.aimd.bitrate()),
        };
        [self.loss_based, self.legs.remb()]
            .into_iter()
            .flatten()
            .fold(delay_based, Bitrate::min)
            .min(self.config.max)
            .max(self.config.min)
    }

    /// How many more bytes may be under way; `None` is any number, until the network was full once. For [`crate::Pacer::set_room`], each time before that
    /// is polled.
    #[must_use]
    pub fn room(&self, now: Instant) -> Option<u64> {
        self.congested.map(|_| self.legs.room(self.micros(now), self.target()))
    }

    /// A probe that is to be sent now, if there is one; on one leg, or on up to four. Ask after feedback, after timeouts and after the last one was
    /// sent.
    pub fn poll_probe(&mut self, now: Instant) -> Option<ProbeCluster> {
        let now = self.micros(now);
        if self.silent {
            return self.knock(now);
        }
        let outlook = Outlook {
            now,
            target: self.target(),
            wanted: self.wanted,
            max: self.config.max.min(self.legs.remb().unwrap_or(Bitrate::MAX)),
            congested: self.congested,
            heard: self.heard,
            jitter: self.legs.noise().0,
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
            remb: self.legs.remb(),
            acknowledged: self.acknowledged.bitrate(self.legs.known_until()),
            usage: self.legs.usage(),
            queue: duration(self.legs.queue()),
            rtt: duration(self.rtt),
            application_limited: self.application.is_limited(),
        }
    }
}

#[cfg(test)]
mod tests;
