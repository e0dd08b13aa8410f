//! The delay-based bitrate: up while nothing queues, down to below what arrives when something does
//! (draft-ietf-rmcat-gcc-02 section 5.5).
//!
//! How far down is a matter of the queue. Where capacity wavers, as a wi-fi's, what arrives in a full moment is less than
//! the mean, and who goes down to that each time stays far below it. So a short queue brings the bitrate down by little,
//! and a longer one, or what arrives when that is far less, by all that is to be had.

use crate::Bitrate;
use crate::estimator::Usage;
use crate::link_capacity::LinkCapacity;

/// What is left of the bitrate that arrives, after over-use. The draft and libwebrtc have 0.85, which has to empty the
/// queue as well; here a queue that stands has its own part taken off for as long as it stands (`estimator/drain.rs`).
const BETA: f64 = 0.92;
/// While less than this part arrives of what is sent, nothing holds the bitrate up.
const FALL: f64 = 0.4;
/// Otherwise no more of it is lost at a time than the queue's part of the first, in microseconds, and what is above the
/// second as a part of the third.
const SHORT_QUEUE: f64 = 900_000.0;
const LONG_QUEUE: (f64, f64) = (80_000.0, 150_000.0);
/// Growth in a second while the capacity is not known, and beyond what was known of it. (Draft; libwebrtc: 1.08 for both.
/// With a window, `estimator/window.rs`, the faster does no harm.)
const FIRST_GROWTH: f64 = 1.3;
const GROWTH: f64 = 1.08;
/// Up to the known capacity it grows so fast: seconds to 63 % of the way. From there on it is careful, up to this many
/// times as much.
const RETURN: f64 = 0.27;
const BEYOND: f64 = 1.05;
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
/// After a probe, what arrives is still what was sent before it: for so long, most of what it has shown counts as arriving.
const PROVEN_FOR: i64 = 600_000;
/// A queue that has stood for less than this tells little of the link, where less is sent than may be.
const TELLING: i64 = 100_000;
/// The longest step of growth, where feedback was rare.
const LONGEST_STEP: i64 = 1_000_000;

/// What there is to go by. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: i64,
    pub(crate) usage: Usage,
    /// Where it grows: what arrives.
    pub(crate) acknowledged: Option<Bitrate>,
    /// Where it falls: what has arrived since a packet last found no queue, and in how long a time.
    pub(crate) busy: Option<(Bitrate, i64)>,
    /// How long packets wait.
    pub(crate) queue: i64,
    /// Less is sent than may be: what arrives says nothing of the link, unless something queues.
    pub(crate) application_limited: bool,
    pub(crate) rtt: i64,
}

/// Increase that knows the capacity, multiplicative decrease.
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
        Self {
            bitrate: start,
            capacity: LinkCapacity::default(),
            updated: None,
            decreased: None,
            proven: None,
        }
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
        self.capacity.not_full(acknowledged, seconds);
        let (bitrate, careful) = (self.bitrate.as_f64(), self.careful(situation.rtt) * seconds);
        let grown = match self.capacity.mean() {
            None => bitrate * FIRST_GROWTH.powf(seconds),
            Some(mean) if bitrate < mean => {
                bitrate + (mean - bitrate) * (1.0 - (-seconds / RETURN).exp()) + careful
            }
            Some(mean) if bitrate < mean * BEYOND => bitrate + careful,
            Some(_) => bitrate * GROWTH.powf(seconds),
        };
        let most = acknowledged.scale(UNTRIED).saturating_add(UNTRIED_MORE);
        self.bitrate = Bitrate::from_f64(grown).min(most).max(self.bitrate);
    }

    /// Growth near the capacity, in bits a second each second.
    fn careful(&self, rtt: i64) -> f64 {
        let frame = self.bitrate.as_f64() / FRAMES;
        let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
        (packet / ((rtt + RESPONSE) as f64 * 2.0 / 1e6)).max(SLOWEST)
    }

    fn decrease(&mut self, situation: &Situation) -> bool {
        let arrives = match situation.busy {
            Some((busy, time)) if time >= TELLING || !situation.application_limited => busy,
            _ => self.bitrate,
        };
        let proven = self.proven.filter(|&(_, at)| situation.now - at < PROVEN_FOR);
        let arrives =
            proven.map_or(arrives, |(bitrate, _)| arrives.max(bitrate.scale(BETA).min(self.bitrate)));
        let since = self.decreased.map_or(LONGEST_STEP, |at| situation.now - at);
        self.capacity.full(arrives, since as f64 / 1e6);
        self.decreased = Some(situation.now);
        let mut lower = arrives.scale(BETA);
        if arrives > self.bitrate.scale(FALL) {
            let queue = situation.queue as f64;
            let part = queue / SHORT_QUEUE + ((queue - LONG_QUEUE.0) / LONG_QUEUE.1).max(0.0);
            lower = lower.max(self.bitrate.scale((1.0 - part).max(0.0)));
        }
        let fell = lower < self.bitrate;
        self.bitrate = lower.min(self.bitrate);
        fell
    }

    /// A probe has shown that this much arrives.
    pub(crate) fn raise(&mut self, to: Bitrate, now: i64) {
        self.proven = Some((to, now));
        if to > self.bitrate {
            self.bitrate = to;
            self.capacity.shown(to);
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
        let (busy, queue) = (acknowledged.map(|rate| (rate, 500_000)), 0);
        Situation { now, usage, acknowledged, busy, queue, application_limited: false, rtt: 50_000 }
    }

    fn full(now: i64, kbps: u64, queue: i64) -> Situation {
        Situation { queue, ..situation(now, Usage::Over, kbps) }
    }

    #[test]
    fn it_returns_fast_to_where_it_met_the_capacity_and_is_careful_there() {
        let mut aimd = Aimd::new(Bitrate::kbps(1000));
        for n in 0..=20 {
            aimd.update(&situation(n * 50_000, Usage::Normal, 1000));
        }
        assert!((1299..1301).contains(&(aimd.bitrate().as_bps() / 1000)), "{}", aimd.bitrate());
        assert!(aimd.update(&full(1_050_000, 1000, 200_000)));
        assert_eq!(aimd.bitrate(), Bitrate::kbps(920));
        for n in 0..20 {
            aimd.update(&situation(1_100_000 + n * 50_000, Usage::Normal, 1000));
        }
        let returned = aimd.bitrate().as_bps() / 1000;
        assert!((995..1040).contains(&returned), "{returned}");
        for n in 0..20 {
            aimd.update(&situation(2_100_000 + n * 50_000, Usage::Normal, 1000));
        }
        let careful = aimd.bitrate().as_bps() / 1000;
        assert!((returned + 4..returned + 40).contains(&careful), "{careful}");
    }

    #[test]
    fn a_short_queue_takes_little_and_a_long_one_or_a_deep_fall_all() {
        let after = |kbps, queue| {
            let mut aimd = Aimd::new(Bitrate::kbps(1000));
            aimd.update(&full(0, kbps, queue));
            aimd.bitrate()
        };
        assert_eq!(after(600, 45_000), Bitrate::kbps(950));
        assert_eq!(after(600, 200_000), Bitrate::kbps(552));
        assert_eq!(after(300, 40_000), Bitrate::kbps(276));
        assert_eq!(after(2000, 40_000), Bitrate::kbps(1000), "never up");
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
