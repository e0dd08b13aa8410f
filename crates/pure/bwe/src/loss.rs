//! What losses say: whether they grow with the bitrate, or are the link's own whatever is sent.
//!
//! The draft's bounds (2 % and 10 %, section 6) give up on links that always lose. This is libwebrtc's newer idea
//! (`LossBasedBweV2`) in its simplest form. Each quarter of a second is an observation: packets, how many were lost, and
//! at which bitrate. For some candidates of a bandwidth, the loss of an observation should be `p + (1 - p) × excess`,
//! where `excess` is the part of the bitrate above the candidate, and `p` what the link always loses, fitted. The
//! likeliest candidate is taken; of equals the highest.

use crate::Bitrate;

/// Observations that are remembered, their least length (microseconds) and packets: 5 s.
const WINDOW: usize = 20;
const LENGTH: i64 = 250_000;
const PACKETS: f64 = 10.0;
/// Each counts so much less than the one after it. (libwebrtc.)
const FADING: f64 = 0.9;
/// More than this is never taken for the link's own.
const OWN_AT_MOST: f64 = 0.2;
/// And a loss probability is never less than this, which a single chance loss would contradict for ever.
const LEAST: f64 = 1e-4;
/// What a packet counts for a higher bandwidth, times its logarithm; fades to nothing as losses near [`OWN_AT_MOST`].
/// (libwebrtc.)
const PREFER_HIGH: f64 = 0.02;
/// Steps of the fit: to a thousandth of the range.
const STEPS: u32 = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Observation {
    packets: f64,
    lost: f64,
    bytes: f64,
    /// Bits a second.
    bitrate: f64,
}

/// Packets that all arrived, or all did not, and are told of for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    packets: u32,
    bytes: u64,
    /// When the first and the last of them left, in microseconds.
    first: i64,
    last: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { packets: 0, bytes: 0, first: i64::MAX, last: i64::MIN }
    }
}

impl Tally {
    /// So many, with so many bytes together; when the first and the last of them left.
    pub(crate) fn new(packets: usize, bytes: u64, (first, last): (i64, i64)) -> Self {
        Self { packets: u32::try_from(packets).unwrap_or(u32::MAX), bytes, first, last }
    }

    /// When each left, and its bytes.
    pub(crate) fn of(packets: impl Iterator<Item = (i64, u32)>) -> Self {
        let mut tally = Self::default();
        packets.for_each(|(at, bytes)| tally.add(at, bytes));
        tally
    }

    /// One more, that left then.
    #[inline]
    pub(crate) fn add(&mut self, at: i64, bytes: u32) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
        (self.first, self.last) = (self.first.min(at), self.last.max(at));
    }

    pub(crate) fn packets(&self) -> usize {
        self.packets as usize
    }

    /// When the only one left, and its bytes.
    #[cfg(test)]
    pub(crate) fn only(&self) -> Option<(i64, u32)> {
        (self.packets == 1).then_some((self.first, self.bytes as u32))
    }
}

/// The loss-based bitrate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses {
    observations: [Observation; WINDOW],
    count: usize,
    current: Observation,
    /// When the first and last packet of the current one left; and the last of the one before: legs are heard of one after
    /// the other, and what one says late of a time that was looked at does not make this one longer.
    span: Option<(i64, i64)>,
    looked_until: i64,
    limit: Option<Bitrate>,
    /// The part that the link always loses, as it suits the limit best.
    own: f64,
}

impl Losses {
    /// The part that the link seems to lose whatever is sent: 0 to 0.2.
    pub(crate) fn own(&self) -> f64 {
        self.own
    }

    /// What became of some packets.
    pub(crate) fn report(&mut self, arrived: &Tally, lost: &Tally) {
        let (first, last) = (arrived.first.min(lost.first), arrived.last.max(lost.last));
        if first > last {
            return;
        }
        self.current.packets += f64::from(arrived.packets) + f64::from(lost.packets);
        self.current.bytes += arrived.bytes as f64 + lost.bytes as f64;
        self.current.lost += f64::from(lost.packets);
        let (first, last) = (first.max(self.looked_until), last.max(self.looked_until));
        let before = self.span.unwrap_or((first, last));
        self.span = Some((before.0.min(first), before.1.max(last)));
    }

    /// A packet that was reported lost was only late. Where it was counted does not matter much.
    pub(crate) fn late(&mut self) {
        let all = std::iter::once(&mut self.current).chain(self.observations.iter_mut());
        if let Some(counted) = all.into_iter().find(|counted| counted.lost >= 1.0) {
            counted.lost -= 1.0;
        }
    }

    /// All of one feedback was reported. What losses allow; `None` is anything.
    pub(crate) fn look(
        &mut self,
        delay_based: Bitrate,
        acknowledged: impl FnOnce() -> Option<Bitrate>,
    ) -> Option<Bitrate> {
        if let Some((first, last)) = self.span
            && last - first >= LENGTH
            && self.current.packets >= PACKETS
        {
            self.current.bitrate = self.current.bytes * 8e6 / (last - first) as f64;
            if let Some(slot) = self.observations.get_mut(self.count % WINDOW) {
                *slot = self.current;
            }
            self.looked_until = last;
            (self.count, self.current, self.span) = (self.count + 1, Observation::default(), None);
            self.limit = self.judge(delay_based, acknowledged());
        }
        self.limit
    }

    /// A probe has shown that this much arrives.
    pub(crate) fn raise(&mut self, to: Bitrate) {
        self.limit = self.limit.map(|limit| limit.max(to));
    }

    /// The observations with their weights.
    fn weighted(&self) -> impl Iterator<Item = (f64, &Observation)> {
        let newest_first = (1..=WINDOW.min(self.count)).map(|age| (self.count - age) % WINDOW);
        newest_first.filter_map(|at| self.observations.get(at)).scan(1.0, |weight, observation| {
            let this = *weight;
            *weight *= FADING;
            Some((this, observation))
        })
    }

    fn judge(&mut self, delay_based: Bitrate, acknowledged: Option<Bitrate>) -> Option<Bitrate> {
        let (packets, lost) = self.weighted().fold((0.0, 0.0), |(packets, lost), (weight, observation)| {
            (packets + weight * observation.packets, lost + weight * observation.lost)
        });
        if lost <= 0.0 {
            self.own = 0.0;
            return None;
        }
        let prefer = PREFER_HIGH * packets * (1.0 - lost / packets / OWN_AT_MOST).max(0.0);
        let now = self.limit.unwrap_or(delay_based).min(delay_based).as_f64();
        let acknowledged = acknowledged.map_or(now, Bitrate::as_f64);
        let candidates =
            [delay_based.as_f64(), now * 1.05, now, now * 0.95, acknowledged, acknowledged * 0.9];
        let (best, own, _) = candidates
            .into_iter()
            .map(|bandwidth| bandwidth.min(delay_based.as_f64()))
            .map(|bandwidth| {
                let (likelihood, own) = self.likelihood(bandwidth);
                (bandwidth, own, likelihood + prefer * bandwidth.max(1.0).ln())
            })
            .fold((now, 0.0, f64::NEG_INFINITY), |best, this| if this.2 > best.2 { this } else { best });
        self.own = own;
        let best = Bitrate::from_f64(best);
        (best < delay_based).then_some(best)
    }

    /// The logarithm of how likely the observations are with this bandwidth, and the own loss that suits it best.
    fn likelihood(&self, bandwidth: f64) -> (f64, f64) {
        let excess = |bitrate: f64| if bitrate > bandwidth { (bitrate - bandwidth) / bitrate } else { 0.0 };
        let loss = |own: f64, excess: f64| (own + (1.0 - own) * excess).clamp(LEAST, 1.0 - LEAST);
        // The derivative falls with `own`: where it crosses zero is the best.
        let (mut low, mut high) = (0.0, OWN_AT_MOST);
        for _ in 0..STEPS {
            let own = (low + high) / 2.0;
            let slope: f64 = self
                .weighted()
                .map(|(weight, seen)| {
                    let excess = excess(seen.bitrate);
                    let loss = loss(own, excess);
                    weight * (1.0 - excess) * (seen.lost / loss - (seen.packets - seen.lost) / (1.0 - loss))
                })
                .sum();
            if slope > 0.0 { low = own } else { high = own }
        }
        let likelihood = self.weighted().map(|(weight, seen)| {
            let loss = loss(low, excess(seen.bitrate));
            weight * (seen.lost * loss.ln() + (seen.packets - seen.lost) * (1.0 - loss).ln())
        });
        (likelihood.sum(), low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(losses: &mut Losses, at: i64, arrived: bool) {
        let mut tally = Tally::default();
        tally.add(at, 1000);
        let (arrived, lost) = if arrived { (tally, Tally::default()) } else { (Tally::default(), tally) };
        losses.report(&arrived, &lost);
    }

    /// Sends at a bitrate for some quarters of a second; returns what is allowed at the end.
    fn run(losses: &mut Losses, at: &mut i64, bitrate: Bitrate, quarters: u32, loss: f64) -> Option<Bitrate> {
        let (mut due, mut limit) = (0.0, None);
        for _ in 0..quarters {
            for _ in 0..bitrate.bytes_in(std::time::Duration::from_millis(255)) / 1000 {
                *at += 8_000_000_000 / bitrate.as_bps() as i64;
                due += loss;
                tell(losses, *at, due < 1.0);
                due -= if due < 1.0 { 0.0 } else { 1.0 };
            }
            let arrives = bitrate.scale(1.0 - loss);
            limit = losses.look(bitrate.scale(1.2), || Some(arrives));
        }
        limit
    }

    #[test]
    fn without_losses_anything_is_allowed_and_the_links_own_are_borne() {
        let (mut losses, mut at) = (Losses::default(), 0);
        assert_eq!(run(&mut losses, &mut at, Bitrate::kbps(1000), 20, 0.0), None);
        let limit = run(&mut losses, &mut at, Bitrate::kbps(1000), 40, 0.1);
        assert!(limit.is_none_or(|limit| limit > Bitrate::kbps(1000)), "{limit:?}");
    }

    #[test]
    fn losses_that_come_with_the_bitrate_bring_it_down() {
        let (mut losses, mut at) = (Losses::default(), 0);
        run(&mut losses, &mut at, Bitrate::kbps(1000), 10, 0.0);
        let limit = run(&mut losses, &mut at, Bitrate::kbps(1400), 4, 0.3).unwrap();
        assert!(limit < Bitrate::kbps(1150), "{limit}");
    }

    #[test]
    fn the_late_are_not_lost() {
        let (mut losses, mut at) = (Losses::default(), 0);
        for n in 0..100 {
            at += 8_000;
            tell(&mut losses, at, false);
            losses.late();
            let limit = losses.look(Bitrate::kbps(1000), || Some(Bitrate::kbps(1000)));
            assert_eq!(limit, None, "{n}");
        }
    }
}
