//! The bitrate that arrives: bytes by the times at which they came, in slots of 20 ms, for as long as a second.
//!
//! What arrives is what the network carries only while something queues there. So beside the mean of half a second, this
//! tells what has arrived since a packet last found no queue: right after a fall that is what is left, although little
//! time has passed; and where capacity wavers, as a wi-fi's, it is a mean of all that time and no moment's low.

use crate::Bitrate;
use crate::estimator::{Arrival, PeerClock};

/// In microseconds.
const SLOT: i64 = 20_000;
const SLOTS: usize = 64;
/// How long the mean is of, and how long it takes until there is one. (libwebrtc: 500 ms.)
const MEAN: i64 = 500_000;
/// The longest and the shortest time without an empty queue that is looked at.
const BUSY: (i64, i64) = (100_000, 1_000_000);
/// One leg is heard of so much later than another.
const LATE: i64 = 300_000;
/// Times that go back or forth by so much have nothing to do with those before.
const GAP: i64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Which it is, from the clock's zero; another is empty.
    number: i64,
    bytes: u32,
    /// The last arrival in it.
    last: i64,
    /// The least that a packet has waited.
    wait: i64,
}

const EMPTY: Slot = Slot { number: i64::MIN, bytes: 0, last: 0, wait: i64::MAX };

/// What has arrived of late.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    slots: Box<[Slot; SLOTS]>,
    /// First and last arrival since it began.
    span: Option<(i64, i64)>,
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self { slots: Box::new([EMPTY; SLOTS]), span: None }
    }
}

impl Acknowledged {
    /// Packets arrived, in order, by a receiver's clock.
    pub(crate) fn arrived(&mut self, packets: &[Arrival], clock: &PeerClock) {
        let mut rest = packets;
        while let Some(first) = rest.first() {
            let at = first.arrival - clock.tie;
            let number = at.div_euclid(SLOT);
            let end = number.saturating_add(1).saturating_mul(SLOT) + clock.tie;
            // Those of one slot in one go.
            let (mut bytes, mut delay, mut count) = (0u32, i64::MAX, 0);
            for packet in rest.iter().take_while(|packet| packet.arrival < end) {
                bytes = bytes.saturating_add(packet.bytes);
                delay = delay.min(packet.arrival - packet.sent);
                count += 1;
            }
            let (some, others) = rest.split_at(count.max(1).min(rest.len()));
            let last = some.last().map_or(at, |packet| packet.arrival - clock.tie);
            let wait = clock.least.map_or(0, |least| delay - least);
            self.add(at, &Slot { number, bytes, last, wait });
            rest = others;
        }
    }

    /// What arrived in a slot's time, the first of it at `at`.
    fn add(&mut self, at: i64, more: &Slot) {
        let (first, last) = self.span.unwrap_or((at, at));
        let (first, last) = if (at - last).abs() > GAP { (at, at) } else { (first, last) };
        if last == at && first == at {
            self.slots.fill(EMPTY);
        }
        self.span = Some((first, last.max(more.last)));
        let Some(slot) = self.slots.get_mut(more.number.rem_euclid(SLOTS as i64) as usize) else { return };
        if slot.number > more.number {
            return;
        }
        if slot.number < more.number {
            *slot = *more;
            return;
        }
        slot.bytes = slot.bytes.saturating_add(more.bytes);
        slot.last = slot.last.max(more.last);
        slot.wait = slot.wait.min(more.wait);
    }

    /// Times from here on have nothing to do with those before.
    pub(crate) fn restart(&mut self) {
        self.span = None;
    }

    /// Slots before a time, from the latest to the earliest, at most so many microseconds back.
    fn back(&self, from: i64, length: i64) -> impl Iterator<Item = &Slot> {
        let newest = from.div_euclid(SLOT);
        let numbers = (0..(length / SLOT).min(SLOTS as i64 - 1)).map(move |age| newest - age);
        numbers.filter_map(|number| {
            let slot = self.slots.get(number.rem_euclid(SLOTS as i64) as usize)?;
            (slot.number == number).then_some(slot)
        })
    }

    /// The mean of half a second; `None` until so much was seen. All that has arrived is known until then.
    pub(crate) fn bitrate(&self, until: i64) -> Option<Bitrate> {
        let (first, last) = self.span?;
        let until = until.clamp(last - LATE, last);
        (until - first >= MEAN).then(|| self.since(until, MEAN, |_| false))
    }

    /// What has arrived since a packet last waited less than this, in microseconds, of 100 ms at the least and a second at
    /// the most; and how long ago that was.
    pub(crate) fn while_busy(&self, until: i64, threshold: i64) -> Option<(Bitrate, i64)> {
        let (first, last) = self.span?;
        let until = until.clamp(last - LATE, last);
        if until - first < BUSY.0 {
            return None;
        }
        let free = |slot: &&Slot| slot.wait < threshold;
        let busy = self.back(until, BUSY.1).find(free).map_or(BUSY.1, |slot| until - slot.last);
        Some((self.since(until, BUSY.1, |slot| until - slot.last >= busy.max(BUSY.0)), busy))
    }

    fn since(&self, last: i64, length: i64, ends: impl Fn(&Slot) -> bool) -> Bitrate {
        let (mut bytes, mut before, mut from) = (0, 0, last);
        for slot in self.back(last, length) {
            // What came last before the time began only marks it.
            bytes += before;
            (before, from) = (u64::from(slot.bytes), slot.last);
            if ends(slot) {
                break;
            }
        }
        Bitrate::from_f64(bytes as f64 * 8e6 / (last - from).max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::PacketKind;

    /// Packets of 1000 bytes, each so many microseconds after the one before, that have waited so long.
    fn run(came: &mut Acknowledged, at: &mut i64, interval: i64, wait: i64, packets: u32) {
        for _ in 0..packets {
            *at += interval;
            let (arrival, sent, kind) = (*at, *at - wait, PacketKind::Media);
            let packet = Arrival { arrival, sent, bytes: 1000, kind, was_lost: false };
            came.arrived(&[packet], &PeerClock { tie: 0, least: Some(0) });
        }
    }

    fn kbps(bitrate: Option<Bitrate>) -> u64 {
        (bitrate.unwrap().as_bps() + 500) / 1000
    }

    #[test]
    fn the_mean_is_of_half_a_second_and_what_was_before_an_empty_queue_counts_for_nothing() {
        let (mut came, mut at) = (Acknowledged::default(), -7_000_000);
        run(&mut came, &mut at, 4_000, 0, 100);
        assert_eq!(came.bitrate(at), None, "not yet");
        run(&mut came, &mut at, 4_000, 0, 400);
        assert_eq!(kbps(came.bitrate(at)), 2000);
        run(&mut came, &mut at, 8_000, 30_000, 25);
        let (busy, time) = came.while_busy(at, 8_000).unwrap();
        assert_eq!((kbps(Some(busy)), time), (1000, 184_000), "to a slot");
        assert!((1_550..1_650).contains(&kbps(came.bitrate(at))), "{:?}", came.bitrate(at));
        let (mixed, time) = came.while_busy(at, 40_000).unwrap();
        assert_eq!((kbps(Some(mixed)), time), (1000, 0), "no shorter than 100 ms");
    }

    #[test]
    fn a_leg_that_is_heard_of_late_counts_and_a_clock_that_jumps_begins_anew() {
        let (mut came, mut at) = (Acknowledged::default(), 0);
        let mut other = 4_000 - 200_000;
        for _ in 0..10 {
            run(&mut came, &mut at, 8_000, 0, 25);
            run(&mut came, &mut other, 8_000, 0, 25);
        }
        assert!((1_950..2_050).contains(&kbps(came.bitrate(other))), "{:?} of 2000", came.bitrate(other));
        at += 3_600_000_000;
        run(&mut came, &mut at, 8_000, 0, 2);
        assert_eq!(came.bitrate(at), None);
        run(&mut came, &mut at, 8_000, 0, 100);
        assert_eq!(kbps(came.bitrate(at)), 1000);
    }
}
