//! The delay-based bitrate: up while nothing queues, down to below what arrives when something does
//! (draft-ietf-rmcat-gcc-02 section 5.5).

use crate::Bitrate;
use crate::estimator::Usage;
use crate::link_capacity::LinkCapacity;

/// What is left of the acknowledged bitrate after over-use. The draft and libwebrtc have 0.85, which has to empty the
/// queue as well; here a queue that stands has its own part taken off for as long as it stands (`estimator/drain.rs`). In
/// the simulation this is 5 to 8 % more of wi-fi, LTE and links with jitter, and 10 ms more of queueing at the p95.
const BETA: f64 = 0.92;
/// Growth in a second far from the link's capacity. (Draft; libwebrtc.)
const GROWTH: f64 = 1.08;
/// The bitrate is at most this many times the acknowledged one, and 10 kbit/s: beyond that nothing has been tried.
/// (Draft; libwebrtc.)
const UNTRIED: f64 = 1.5;
const UNTRIED_MORE: Bitrate = Bitrate::kbps(10);
/// Near the capacity: a packet for each response time, but not less than this in a second. (libwebrtc.)
const SLOWEST: f64 = 4_000.0;
const FRAMES: f64 = 30.0;
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// What a receiver needs to notice and to say so, beside the round trip. (libwebrtc.)
const RESPONSE: i64 = 100_000;
/// The shortest and the longest time between two decreases: a round trip in between. (libwebrtc.)
const BETWEEN: (i64, i64) = (10_000, 200_000);
/// After a probe, what arrives is still what was sent before it: for so long, most of what it has shown counts as arriving.
const PROVEN_FOR: i64 = 600_000;
/// The longest step of growth, where feedback was rare.
const LONGEST_STEP: i64 = 1_000_000;

/// What there is to go by. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: i64,
    pub(crate) usage: Usage,
    pub(crate) acknowledged: Option<Bitrate>,
    /// Less is sent than may be: what arrives says nothing of the link.
    pub(crate) application_limited: bool,
    pub(crate) rtt: i64,
}

/// Additive increase, multiplicative decrease.
#[derive(Clone, Debug)]
pub(crate) struct Aimd {
    bitrate: Bitrate,
    capacity: LinkCapacity,
    updated: Option<i64>,
    decreased: Option<i64>,
    /// What a probe has shown, and when.
    proven: Option<(Bitrate, i64)>,
}

impl Aimd {
    pub(crate) fn new(start: Bitrate) -> Self {
        Self { bitrate: start, capacity: LinkCapacity::new(), updated: None, decreased: None, proven: None }
    }

    pub(crate) fn bitrate(&self) -> Bitrate {
        self.bitrate
    }

    /// Says whether it has just decreased.
    pub(crate) fn update(&mut self, situation: &Situation) -> bool {
        let now = situation.now;
        let elapsed = (now - self.updated.unwrap_or(now)).clamp(0, LONGEST_STEP);
        self.updated = Some(now);
        match situation.usage {
            Usage::Over => self.decrease(situation),
            Usage::Normal if !situation.application_limited => {
                self.increase(situation, elapsed as f64 / 1e6);
                false
            }
            _ => false,
        }
    }

    fn increase(&mut self, situation: &Situation, seconds: f64) {
        let Some(acknowledged) = situation.acknowledged else { return };
        if self.capacity.mean().is_some_and(|mean| acknowledged > mean)
            && self.capacity.excludes(acknowledged)
        {
            self.capacity.forget();
        }
        let grown = if self.capacity.is_known() {
            Bitrate::from_f64(self.bitrate.as_f64() + self.careful(situation.rtt) * seconds)
        } else {
            self.bitrate.scale(GROWTH.powf(seconds))
        };
        let most = acknowledged.scale(UNTRIED).saturating_add(UNTRIED_MORE);
        self.bitrate = grown.min(most).max(self.bitrate);
    }

    /// Growth near the capacity, in bits a second each second.
    fn careful(&self, rtt: i64) -> f64 {
        let frame = self.bitrate.as_f64() / FRAMES;
        let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
        (packet / ((rtt + RESPONSE) as f64 * 2.0 / 1e6)).max(SLOWEST)
    }

    fn decrease(&mut self, situation: &Situation) -> bool {
        let arrives = match situation.acknowledged {
            Some(acknowledged) if !situation.application_limited => acknowledged,
            _ => self.bitrate,
        };
        let proven = self.proven.filter(|&(_, at)| situation.now - at < PROVEN_FOR);
        let arrives =
            proven.map_or(arrives, |(bitrate, _)| arrives.max(bitrate.scale(BETA).min(self.bitrate)));
        let pause = situation.rtt.clamp(BETWEEN.0, BETWEEN.1);
        let recent = self.decreased.is_some_and(|at| situation.now - at < pause);
        if recent && arrives >= self.bitrate.scale(0.5) {
            return false;
        }
        let mut lower = arrives.scale(BETA);
        if lower > self.bitrate
            && let Some(mean) = self.capacity.mean()
        {
            lower = mean.scale(BETA);
        }
        if self.capacity.mean().is_some_and(|mean| arrives < mean) && self.capacity.excludes(arrives) {
            self.capacity.forget();
        }
        self.capacity.observe(arrives);
        self.bitrate = lower.min(self.bitrate);
        self.decreased = Some(situation.now);
        true
    }

    /// A probe has shown that this much arrives.
    pub(crate) fn raise(&mut self, to: Bitrate, now: i64) {
        self.proven = Some((to, now));
        if to > self.bitrate {
            self.bitrate = to;
            if self.capacity.excludes(to) {
                self.capacity.forget();
            }
        }
    }

    /// Nothing is heard of the receiver.
    pub(crate) fn lower(&mut self, factor: f64) {
        self.bitrate = self.bitrate.scale(factor);
    }

    pub(crate) fn clamp(&mut self, min: Bitrate, max: Bitrate) {
        self.bitrate = self.bitrate.min(max).max(min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(now: i64, usage: Usage, kbps: u64) -> Situation {
        let acknowledged = Some(Bitrate::kbps(kbps));
        Situation { now, usage, acknowledged, application_limited: false, rtt: 50_000 }
    }

    #[test]
    fn it_grows_by_a_twelfth_then_carefully_after_it_met_the_capacity() {
        let mut aimd = Aimd::new(Bitrate::kbps(1000));
        for n in 0..=20 {
            aimd.update(&situation(n * 50_000, Usage::Normal, 1000));
        }
        assert!((1079..1081).contains(&(aimd.bitrate().as_bps() / 1000)), "{}", aimd.bitrate());
        assert!(aimd.update(&situation(1_050_000, Usage::Over, 1000)));
        assert_eq!(aimd.bitrate(), Bitrate::kbps(920));
        for n in 0..20 {
            aimd.update(&situation(1_100_000 + n * 50_000, Usage::Normal, 1000));
        }
        let careful = aimd.bitrate().as_bps() / 1000;
        assert!((923..960).contains(&careful), "{careful}");
    }

    #[test]
    fn it_does_not_grow_beyond_what_was_tried_or_while_little_is_sent() {
        let mut aimd = Aimd::new(Bitrate::kbps(1000));
        for n in 0..200 {
            aimd.update(&situation(n * 100_000, Usage::Normal, 500));
        }
        assert_eq!(aimd.bitrate(), Bitrate::kbps(1000), "nor is it taken away");
        let limited = Situation { application_limited: true, ..situation(20_000_000, Usage::Normal, 5000) };
        aimd.update(&limited);
        assert_eq!(aimd.bitrate(), Bitrate::kbps(1000));
    }
}
