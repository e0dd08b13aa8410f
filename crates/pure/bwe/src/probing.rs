//! When to ask the network whether it carries more, and how much more.
//!
//! At the start three and six times as much (libwebrtc). Afterwards twice as much, every few seconds for as long as more
//! is wanted and nothing queues, whether or not the application fills what it has: growth by 8 % a second would take
//! twenty seconds to find what a short burst finds at once. A probe that succeeds is followed by the next one, also
//! beyond what is looked for otherwise: where a frame need not be cut into bursts, it leaves as one. After a large drop,
//! what was before it is tried first.

use crate::Bitrate;

/// The first probes, in times of the start bitrate. (libwebrtc.)
const FIRST: [f64; 2] = [3.0, 6.0];
/// The later ones, in times of the target.
const FURTHER: f64 = 2.0;
/// Who has shown so much of what it asked is followed by a further one. (libwebrtc.)
const FOLLOWED: f64 = 0.7;
/// Between two probes without news, in microseconds. At the least size, this is 1 to 2 % of the target.
const INTERVAL: i64 = 3_000_000;
/// A result that has not come after so long does not come. (libwebrtc: 1 s.)
const PATIENCE: i64 = 1_000_000;
/// So long after over-use nothing is probed.
pub(crate) const CALM: i64 = 1_000_000;
/// A drop below this part is a large one, and this part of what was before it is tried. (libwebrtc.)
const LARGE_DROP: f64 = 0.66;
const AFTER_DROP: f64 = 0.85;
/// More is wanted than is needed, so that whoever allocates has its margin, and keeps what it has while a queue drains.
const MARGIN: f64 = 1.5;
/// And who finds it at once goes on to this many times as much: of video of 30 frames a second, pacing lets a frame of usual
/// size leave whole there.
const AMPLE: f64 = 3.0;
/// Least length (microseconds) and packets of a probe. (libwebrtc: 15 ms and 5.)
const LENGTH: i64 = 20_000;
/// Jitter makes it longer, but no longer than this.
const LONGEST: i64 = 60_000;
const PACKETS: u32 = 5;
/// Bytes of a probe's packets, at the least: small ones keep a probe of a slow link short.
const PACKET_BYTES: u64 = 250;

/// Which probe a packet belongs to. Wraps; only the last few are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProbeId(u8);

impl From<u8> for ProbeId {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

/// A short burst at a bitrate, of media and what padding it takes. Its packets are named as such when they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// For [`crate::PacketKind::Probe`].
    pub id: ProbeId,
    /// At which it is to leave.
    pub bitrate: Bitrate,
    /// How many packets it has at the least: 5, or 1 that only asks whether anybody is there.
    pub packets: u32,
    /// How many bytes it has at the least, overhead included.
    pub bytes: u64,
}

/// What there is to go by. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) now: i64,
    pub(crate) target: Bitrate,
    /// What the application would send, and what may be sent at all.
    pub(crate) wanted: Bitrate,
    pub(crate) max: Bitrate,
    /// The last over-use, if there was one, or now if something queues.
    pub(crate) congested: Option<i64>,
    /// Feedback has come.
    pub(crate) heard: bool,
    /// By how much packets are later than the fastest.
    pub(crate) jitter: i64,
}

impl Outlook {
    /// What is looked for.
    fn goal(&self) -> Bitrate {
        self.wanted.scale(MARGIN).min(self.max)
    }

    /// What is still tried after a success.
    fn ample(&self) -> Bitrate {
        self.wanted.scale(AMPLE).min(self.max)
    }

    fn wants_more(&self, goal: Bitrate) -> bool {
        self.target.scale(1.0 / TAKEN_AS_REACHED) < goal
    }
}

/// By so much more than was shown is worth asking for at once; what is less, after this.
const NEWS: f64 = 1.05;
const NO_NEWS_INTERVAL: i64 = 150_000;
/// Who has this part of its goal has reached it.
const TAKEN_AS_REACHED: f64 = 0.95;

/// And who has this part, nearly.
const NEARLY: f64 = 0.9;

/// The probes of one network.
#[derive(Clone, Debug)]
pub(crate) struct Probing {
    /// What to try next, without waiting.
    next: [Option<Bitrate>; 2],
    next_id: u8,
    /// The one whose result is awaited, and when it was asked for.
    asked: Option<(ProbeCluster, i64)>,
    last: i64,
    /// The last one had no result, and the next one is asked for without waiting; but not for ever.
    again: bool,
    before_drop: Option<Bitrate>,
    /// What the last one has shown that succeeded: to ask for no more again tells little.
    shown: Bitrate,
}

impl Probing {
    pub(crate) fn new(start: Bitrate) -> Self {
        let next = FIRST.map(|factor| Some(start.scale(factor)));
        Self { next, next_id: 0, asked: None, last: 0, again: false, before_drop: None, shown: Bitrate::ZERO }
    }

    /// The target fell.
    pub(crate) fn dropped(&mut self, from: Bitrate, to: Bitrate) {
        (self.next, self.shown) = ([None, None], Bitrate::ZERO);
        let highest = self.before_drop.map_or(from, |before| before.max(from));
        self.before_drop = (to < highest.scale(LARGE_DROP)).then_some(highest);
    }

    /// A probe has shown something.
    pub(crate) fn result(&mut self, id: ProbeId, bitrate: Bitrate) {
        if let Some((cluster, _)) = self.asked
            && cluster.id == id
        {
            let good = bitrate >= cluster.bitrate.scale(FOLLOWED);
            self.next = [good.then(|| bitrate.scale(FURTHER)), None];
            self.shown = if good { cluster.bitrate } else { Bitrate::ZERO };
            (self.asked, self.again) = (None, false);
        }
    }

    /// What was before the large drop.
    pub(crate) fn before(&self) -> Option<Bitrate> {
        self.before_drop
    }

    /// When there may be a probe, if more is wanted then.
    pub(crate) fn due(&self) -> i64 {
        self.last + INTERVAL
    }

    /// What is asked for next need not wait, and what was asked for before has no answer.
    pub(crate) fn hurry(&mut self) {
        (self.asked, self.last) = (None, i64::MIN / 2);
    }

    pub(crate) fn poll(&mut self, outlook: &Outlook) -> Option<ProbeCluster> {
        let now = outlook.now;
        let first = !outlook.heard;
        if let Some((_, at)) = self.asked.filter(|_| !first) {
            if now - at < PATIENCE {
                return None;
            }
            // Too much of it was lost. Chance, perhaps.
            self.asked = None;
            if !std::mem::replace(&mut self.again, true) {
                self.last = now - INTERVAL;
            }
        }
        if outlook.congested.is_some_and(|at| now - at < CALM) {
            return None;
        }
        let (enough, follows) = (!outlook.wants_more(outlook.goal()), self.next.iter().flatten().next());
        let goal = if enough && follows.is_some() { outlook.ample() } else { outlook.goal() };
        if !first && !outlook.wants_more(goal) {
            // What is to be tried next is tried once more is wanted.
            return None;
        }
        let most = goal.scale(1.0 / TAKEN_AS_REACHED).min(outlook.max);
        if let Some(soon) = follows
            && *soon.min(&most) <= self.shown.scale(NEWS)
        {
            if enough && !first {
                return None;
            }
            // Where all that is wanted was shown, and little of it is missing, there is no hurry.
            let missing = outlook.target < goal.scale(NEARLY);
            let interval = if *soon > most && !missing { INTERVAL } else { NO_NEWS_INTERVAL };
            if now - self.last < interval {
                return None;
            }
        }
        let ready = self.next.iter_mut().find_map(Option::take);
        let bitrate = match ready {
            Some(bitrate) => bitrate,
            None if first || now - self.last < INTERVAL => return None,
            None => self.try_again(outlook.target),
        };
        let bitrate = bitrate.min(most);
        (bitrate > outlook.target).then(|| self.ask(outlook, bitrate))
    }

    fn try_again(&mut self, target: Bitrate) -> Bitrate {
        let before = self.before_drop.take().map_or(Bitrate::ZERO, |before| before.scale(AFTER_DROP));
        before.max(target.scale(FURTHER))
    }

    /// One packet that measures nothing.
    pub(crate) fn knock(&mut self, bitrate: Bitrate) -> ProbeCluster {
        ProbeCluster { id: self.new_id(), bitrate, packets: 1, bytes: 1 }
    }

    fn new_id(&mut self) -> ProbeId {
        let id = ProbeId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    fn ask(&mut self, outlook: &Outlook, bitrate: Bitrate) -> ProbeCluster {
        let id = self.new_id();
        let length = (3 * outlook.jitter).clamp(LENGTH, LONGEST);
        let bytes = (bitrate.as_f64() * length as f64 / 8e6) as u64;
        let bytes = bytes.max(PACKET_BYTES * u64::from(PACKETS));
        let cluster = ProbeCluster { id, bitrate, packets: PACKETS, bytes };
        (self.asked, self.last) = (Some((cluster, outlook.now)), outlook.now);
        cluster
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(now: i64, target: u64, heard: bool) -> Outlook {
        probing_outlook(now, target, heard, Bitrate::kbps(4000), Bitrate::kbps(5000))
    }

    fn probing_outlook(now: i64, target: u64, heard: bool, wanted: Bitrate, max: Bitrate) -> Outlook {
        Outlook { now, target: Bitrate::kbps(target), wanted, max, congested: None, heard, jitter: 0 }
    }

    #[test]
    fn two_at_the_start_then_further_as_long_as_they_succeed() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        let [three, six] = [0, 1].map(|at| probing.poll(&outlook(at, 300, false)).unwrap());
        assert_eq!((three.bitrate, six.bitrate), (Bitrate::kbps(900), Bitrate::kbps(1800)));
        assert_eq!((six.packets, six.bytes), (5, 4500));
        assert_eq!(probing.poll(&outlook(2, 300, false)), None);
        probing.result(six.id, Bitrate::kbps(1700));
        let further = probing.poll(&outlook(50_000, 1700, true)).unwrap();
        assert_eq!(further.bitrate, Bitrate::kbps(3400));
        probing.result(further.id, Bitrate::kbps(2000));
        assert_eq!(probing.poll(&outlook(100_000, 2000, true)), None, "the link is full");
        let later = probing.poll(&outlook(50_000 + INTERVAL, 2000, true)).unwrap();
        assert_eq!(later.bitrate, Bitrate::kbps(4000));
    }

    #[test]
    fn a_success_is_followed_only_where_more_is_wanted() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        let [_, six] = [0, 1].map(|at| probing.poll(&outlook(at, 300, false)).unwrap());
        probing.result(six.id, Bitrate::kbps(4800));
        assert_eq!(probing.poll(&outlook(50_000, 4800, true)), None, "nearly all that is wanted");
        let further = probing.poll(&outlook(100_000, 3000, true)).unwrap();
        assert_eq!(further.bitrate, Bitrate::kbps(5000), "what was shown is not forgotten");
    }

    #[test]
    fn who_has_enough_goes_on_to_what_is_ample_and_asks_for_that_once() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        let wide = |now, target, heard| {
            let (wanted, max) = (Bitrate::kbps(1000), Bitrate::kbps(100_000));
            probing_outlook(now, target, heard, wanted, max)
        };
        let [_, six] = [0, 1].map(|at| probing.poll(&wide(at, 300, false)).unwrap());
        assert_eq!(six.bitrate.as_bps(), 1_578_947, "of what is wanted and a half");
        probing.result(six.id, Bitrate::kbps(1550));
        let ample = probing.poll(&wide(50_000, 1550, true)).unwrap();
        assert_eq!(ample.bitrate, Bitrate::kbps(3100));
        probing.result(ample.id, Bitrate::kbps(2700));
        let again = (2..200).filter_map(|n| probing.poll(&wide(n * 50_000, 2700, true)));
        assert_eq!(again.count(), 0, "a little is missing, but nothing of what is wanted");
        probing.dropped(Bitrate::kbps(2700), Bitrate::kbps(1550));
        assert_eq!(probing.poll(&wide(20_000_000, 1550, true)), None, "only after a success");
    }

    #[test]
    fn what_was_shown_of_all_that_is_wanted_is_asked_for_again_without_hurry() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        let [_, six] = [0, 1].map(|at| probing.poll(&outlook(at, 300, false)).unwrap());
        probing.result(six.id, Bitrate::kbps(4000));
        let all = probing.poll(&outlook(50_000, 4000, true)).unwrap();
        assert_eq!(all.bitrate, Bitrate::kbps(5000));
        // A little is missing at the receiver, again and again.
        probing.result(all.id, Bitrate::kbps(4700));
        assert_eq!(probing.poll(&outlook(50_000 + INTERVAL - 1, 4700, true)), None);
        assert!(probing.poll(&outlook(50_000 + INTERVAL, 4700, true)).is_some());
    }

    #[test]
    fn what_has_no_result_is_asked_for_once_more_without_waiting() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        (0..2).for_each(|at| assert!(probing.poll(&outlook(at, 300, false)).is_some()));
        let asked =
            (3..200).map(|n| n * 50_000).filter(|&at| probing.poll(&outlook(at, 300, true)).is_some());
        assert_eq!(asked.collect::<Vec<_>>(), [1_050_000, 4_050_000, 7_050_000]);
    }

    #[test]
    fn nothing_is_asked_of_a_full_network_or_beyond_what_is_wanted() {
        let mut probing = Probing::new(Bitrate::kbps(300));
        probing.dropped(Bitrate::kbps(3000), Bitrate::kbps(1000));
        let now = 2 * INTERVAL;
        let full = Outlook { congested: Some(now - CALM / 2), ..outlook(now, 1000, true) };
        assert_eq!(probing.poll(&full), None);
        assert_eq!(probing.poll(&outlook(now, 4900, true)), None);
        let tried = probing.poll(&outlook(now, 1000, true)).unwrap();
        assert_eq!(tried.bitrate, Bitrate::kbps(2550), "what was before, not all of it");
    }
}
