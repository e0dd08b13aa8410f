//! How loaded an SFU is: values in, values out.
//!
//! The load is the largest of four fractions: packets sent, processor time and bandwidth, each against what
//! the node can do, and streams and subscriptions against what it may have. The first three are rates and
//! are smoothed; the last one is exact.

use std::time::Duration;

/// Packets that one worker can send in a second. docs/performance.md: 5.9 µs of processor time for each at
/// 100 subscribers, all included, which fills a core at 170,000.
const PACKETS_PER_WORKER: f64 = 150_000.0;

/// What a datagram occupies on the wire besides its payload: Ethernet, IPv4 and UDP headers.
const HEADER_BYTES: u64 = 14 + 20 + 8;

/// The rates are averaged over about this time: longer than a key frame's burst, shorter than it takes
/// people to notice that a node is full.
const MEMORY: Duration = Duration::from_secs(3);

/// A smaller change, in hundredths, is no news to the whole cluster.
const NEWS: u8 = 2;

/// What one worker has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Datagrams sent.
    pub(crate) packets: u64,
    /// Bytes sent, without UDP and IP headers.
    pub(crate) bytes: u64,
    /// Processor time of its thread.
    pub(crate) cpu: Duration,
}

/// What all workers together can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// How many workers there are.
    pub(crate) workers: usize,
    /// Streams and subscriptions that they may have.
    pub(crate) places: usize,
    /// Bits that the node may send in a second.
    pub(crate) bandwidth: u64,
}

/// Turns counters into a load.
#[derive(Debug)]
pub(crate) struct Meter {
    capacity: Capacity,
    // What each worker had done at the last look.
    before: Vec<Work>,
    // The largest of the rates, smoothed.
    busy: f64,
    told: u8,
}

impl Meter {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, before: vec![Work::default(); capacity.workers], busy: 0.0, told: 0 }
    }

    /// Takes in what each worker has done by now (nothing where it gave no answer), how long the last look
    /// is ago, and how many streams and subscriptions there are. Answers the load in hundredths where it is
    /// news.
    pub(crate) fn look(
        &mut self,
        elapsed: Duration,
        workers: &[Option<Work>],
        places_taken: usize,
    ) -> Option<u8> {
        let busy = self.busy_now(elapsed, workers);
        let weight = 1.0 - (-elapsed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.busy += (busy - self.busy) * weight;
        let occupied = fraction(places_taken as f64, self.capacity.places as f64);
        let load = (self.busy.max(occupied) * 100.0).round() as u8;
        let is_news = load.abs_diff(self.told) >= NEWS;
        if is_news {
            self.told = load;
        }
        is_news.then_some(load)
    }

    /// The largest of the rates since the last look.
    fn busy_now(&mut self, elapsed: Duration, workers: &[Option<Work>]) -> f64 {
        let mut done = Work::default();
        for (before, now) in self.before.iter_mut().zip(workers) {
            // One that does not get round to answering has no time left.
            let since = now.map_or(Work { cpu: elapsed, ..Work::default() }, |now| now.since(*before));
            done.packets += since.packets;
            done.bytes += since.bytes;
            done.cpu += since.cpu.min(elapsed);
            *before = now.unwrap_or(*before);
        }
        let seconds = elapsed.as_secs_f64();
        let worker_seconds = seconds * self.capacity.workers as f64;
        let bits = (done.bytes + done.packets * HEADER_BYTES) * 8;
        let packets = fraction(done.packets as f64, worker_seconds * PACKETS_PER_WORKER);
        let cpu = fraction(done.cpu.as_secs_f64(), worker_seconds);
        let bandwidth = fraction(bits as f64, seconds * self.capacity.bandwidth as f64);
        packets.max(cpu).max(bandwidth)
    }
}

impl Work {
    /// What came after `before`; nothing where the worker began anew since.
    fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(before.packets),
            bytes: self.bytes.saturating_sub(before.bytes),
            cpu: self.cpu.saturating_sub(before.cpu),
        }
    }
}

/// From 0 to 1. What can do nothing is full.
fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn meter(workers: usize) -> Meter {
        Meter::new(Capacity { workers, places: 1000, bandwidth: 1_000_000_000 })
    }

    /// The load once it has settled, where every second the workers do this.
    fn settled(mut meter: Meter, each_second: &[Work], places: usize) -> u8 {
        for second in 1..=30 {
            let by_now = |work: &Work| Work {
                packets: work.packets * u64::from(second),
                bytes: work.bytes * u64::from(second),
                cpu: work.cpu * second,
            };
            let workers: Vec<_> = each_second.iter().map(|work| Some(by_now(work))).collect();
            meter.look(SECOND, &workers, places);
        }
        meter.told
    }

    fn cpu(percent: u64) -> Work {
        Work { cpu: Duration::from_millis(percent * 10), ..Work::default() }
    }

    #[test]
    fn the_largest_fraction_counts() {
        let packets = Work { packets: 75_000, ..Work::default() };
        let bytes = Work { bytes: 100_000_000, ..Work::default() };
        assert!((49..=50).contains(&settled(meter(1), &[packets], 0)), "of 150,000 packets");
        assert!((79..=80).contains(&settled(meter(1), &[bytes], 0)), "of 1 Gbit/s");
        assert!((29..=30).contains(&settled(meter(1), &[cpu(30)], 0)), "of a core");
        assert_eq!(settled(meter(1), &[cpu(30)], 900), 90, "of a thousand places");
        assert_eq!(settled(meter(1), &[Work::default()], 0), 0);
    }

    #[test]
    fn all_workers_share_the_load() {
        assert!((39..=40).contains(&settled(meter(2), &[cpu(70), cpu(10)], 0)));
        let bytes = Work { bytes: 50_000_000, ..Work::default() };
        assert!((79..=80).contains(&settled(meter(2), &[bytes, bytes], 0)), "the node has one bandwidth");
    }

    #[test]
    fn headers_are_sent_too() {
        let small = Work { packets: 10_000, bytes: 1_000_000, ..Work::default() };
        let capacity = Capacity { workers: 1, places: 1000, bandwidth: 22_720_000 };
        let load = settled(Meter::new(capacity), &[small], 0);
        assert!((49..=50).contains(&load), "{load}: 142 bytes a packet and not 100");
    }

    #[test]
    fn a_burst_counts_little_and_a_rise_within_seconds() {
        let mut meter = meter(1);
        let mut by_now = Work { cpu: SECOND, ..Work::default() };
        let first = meter.look(SECOND, &[Some(by_now)], 0).unwrap();
        assert!((20..40).contains(&first), "{first} after one busy second");
        for _ in 0..8 {
            by_now.cpu += SECOND;
            meter.look(SECOND, &[Some(by_now)], 0);
        }
        assert!(meter.told > 90, "{} after nine", meter.told);
    }

    #[test]
    fn small_changes_are_no_news() {
        let mut meter = meter(1);
        let mut look = |places| meter.look(SECOND, &[Some(Work::default())], places);
        assert_eq!(look(10), None);
        assert_eq!(look(20), Some(2));
        assert_eq!(look(30), None);
        assert_eq!(look(14), None);
        assert_eq!(look(40), Some(4));
        assert_eq!(look(5000), Some(100));
        assert_eq!(look(0), Some(0));
    }

    #[test]
    fn a_worker_that_does_not_answer_is_full_and_one_that_began_anew_is_idle() {
        let mut meter = meter(1);
        for _ in 0..30 {
            meter.look(SECOND, &[None], 0);
        }
        assert!(meter.told >= 98, "{}", meter.told);
        meter.before = vec![Work { packets: 1 << 40, bytes: 1 << 50, cpu: SECOND }];
        let before = meter.busy;
        meter.look(SECOND, &[Some(Work::default())], 0);
        assert!(meter.busy < before);
    }

    #[test]
    fn nothing_breaks_where_nothing_is_possible() {
        let mut nothing = Meter::new(Capacity { workers: 0, places: 0, bandwidth: 0 });
        assert_eq!(nothing.look(Duration::ZERO, &[], 0), Some(100));
    }
}
