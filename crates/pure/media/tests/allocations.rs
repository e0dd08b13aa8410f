//! Nothing is allocated for a packet on its way through. An allocator that counts, for each thread, sees to it; it is
//! why these tests are a program of their own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

#[path = "sim/forwarding/call.rs"]
mod call;
#[path = "sim/forwarding/client.rs"]
#[expect(dead_code, reason = "the simulation needs all of it")]
mod client;
#[path = "sim/network.rs"]
#[expect(dead_code, reason = "the simulation needs all of it")]
mod network;
#[path = "sim/forwarding/offer.rs"]
#[expect(dead_code, reason = "the simulation needs all of it")]
mod offer;
#[path = "sim/forwarding/packet.rs"]
#[expect(dead_code, reason = "the simulation needs all of it")]
mod packet;
#[path = "sim/forwarding/profile.rs"]
mod profile;
#[path = "sim/forwarding/publisher.rs"]
#[expect(dead_code, reason = "the simulation needs all of it")]
mod publisher;
#[path = "sim/forwarding/source.rs"]
mod source;

use call::{Call, incoming};
use media::{DatagramSink, Estimation, SendBatch, SubscriptionDetail};
use model::ids::StreamId;
use rtp::Header;
use rtp::extension::transport_sequence;
use rtp::rtcp::{ReportBlock, Writer};
use rtp::srtp::{MAX_RTCP_OVERHEAD, Profile};
use rtp::twcc::ArrivalLog;
use sdp::Kind;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

const BOTH: [Kind; 2] = [Kind::Audio, Kind::Video];
const SUBSCRIBERS: usize = 10;

/// The extension with transport-wide numbers, as subscribers offer it.
const TRANSPORT_CC: u8 = 3;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: everything is the system's allocator's; a thread's counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

fn count() {
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

/// How many allocations this makes.
fn allocations_of(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

/// Counts datagrams by their first byte: media or not.
struct Counted {
    media: usize,
    other: usize,
    /// For whom media was since somebody looked, and its transport-wide numbers.
    numbers: Vec<(SocketAddr, u16)>,
}

impl Default for Counted {
    /// With room for more than comes at a time, so that to keep it is no allocation.
    fn default() -> Self {
        Self { media: 0, other: 0, numbers: Vec::with_capacity(100 * SUBSCRIBERS) }
    }
}

impl DatagramSink for Counted {
    fn send(&mut self, batch: &SendBatch) {
        let is_media = |data: &[u8]| data.len() > 1 && data[0] >= 128 && !(192..224).contains(&data[1]);
        let before = self.numbers.len();
        for datagram in batch.iter().filter(|datagram| is_media(datagram.data)) {
            let number = Header::parse(datagram.data).unwrap().extensions(datagram.data).find(TRANSPORT_CC);
            self.numbers.push((datagram.to, transport_sequence(number.unwrap()).unwrap()));
        }
        let media = self.numbers.len() - before;
        self.media += media;
        self.other += batch.len() - media;
    }
}

/// A call that has been running for a while, so that all that grows has grown.
struct Running {
    call: Call,
    sink: Counted,
    /// Allocations while packets came, and while timers fired.
    by_packets: usize,
    by_timers: usize,
    sent: usize,
    /// What each subscriber says of arrivals, where it is listened to, and how often any has.
    logs: Vec<ArrivalLog>,
    feedback: usize,
}

impl Running {
    fn new(estimation: Option<Estimation>) -> Self {
        let mut call = Call::new(estimation);
        call.publish(&BOTH);
        for at in 0..SUBSCRIBERS {
            call.subscribe(0, &BOTH, Profile::ALL[at % 3]);
        }
        let logs = if estimation.is_some() { vec![ArrivalLog::new(); SUBSCRIBERS] } else { Vec::new() };
        let sink = Counted::default();
        let mut running = Self { call, sink, by_packets: 0, by_timers: 0, sent: 0, logs, feedback: 0 };
        running.run_for(Duration::from_secs(12));
        assert!(running.sink.media > 10_000, "{}", running.sink.media);
        (running.sink.media, running.sink.other) = (0, 0);
        (running.by_packets, running.by_timers, running.feedback) = (0, 0, 0);
        running
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.call.now + duration;
        while self.call.now < end {
            self.call.now += Duration::from_millis(1);
            let mut datagrams = self.call.media();
            // Some are lost, and asked for again.
            datagrams.retain(|_| {
                self.sent += 1;
                !self.sent.is_multiple_of(50)
            });
            self.by_packets += self.receive(&mut datagrams);
            self.by_timers += self.handle_timeout();
            let mut said = self.feedback();
            self.by_packets += self.receive(&mut said);
        }
    }

    /// What the subscribers say of what has arrived, 100 ms after it did.
    fn feedback(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let now = self.call.now;
        let mut logs = std::mem::take(&mut self.logs);
        for (to, number) in self.sink.numbers.drain(..) {
            let subscriber = self.call.subscribers.iter().position(|(client, _)| client.address == to);
            if let Some(log) = subscriber.and_then(|subscriber| logs.get_mut(subscriber)) {
                log.received(now, number);
            }
        }
        let due = logs.iter_mut().enumerate().filter(|(_, log)| log.is_due(now));
        let said: Vec<_> = due
            .map(|(at, log)| self.rtcp(at, |writer, ssrc| assert!(!log.write(1, ssrc, writer).unwrap())))
            .collect();
        self.feedback += said.len();
        self.logs = logs;
        said
    }

    fn receive(&mut self, datagrams: &mut [(SocketAddr, Vec<u8>)]) -> usize {
        let (now, wall) = (self.call.now, self.call.wall());
        let mut batch = incoming(datagrams);
        let Self { call, sink, .. } = self;
        allocations_of(|| call.router.receive(now, wall, &mut batch, sink))
    }

    /// RTCP of a subscriber, encrypted; the writer gets the SSRC of its first track.
    fn rtcp(
        &mut self,
        subscriber: usize,
        mut write: impl FnMut(&mut Writer<'_>, u32),
    ) -> (SocketAddr, Vec<u8>) {
        let (client, answer) = &mut self.call.subscribers[subscriber];
        let mut bytes = vec![0; 1200];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer, answer.lines[0].ssrcs[0]);
        let len = writer.len();
        bytes.resize(len + MAX_RTCP_OVERHEAD, 0);
        let (sender, _) = client.keys.as_mut().unwrap();
        let len = sender.seal_rtcp(&mut bytes, len).unwrap();
        bytes.truncate(len);
        (client.address, bytes)
    }

    fn handle_timeout(&mut self) -> usize {
        let (now, wall) = (self.call.now, self.call.wall());
        let Self { call, sink, .. } = self;
        allocations_of(|| call.router.handle_timeout(now, wall, sink))
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
}

#[test]
fn packets_and_timers_allocate_nothing() {
    let mut running = Running::new(None);
    running.run_for(Duration::from_secs(2));
    let media = running.sink.media;
    assert!(
        media > 4_000 && running.sink.other > SUBSCRIBERS,
        "{media} packets, {} others",
        running.sink.other
    );
    assert_eq!(
        (running.by_packets, running.by_timers),
        (0, 0),
        "allocations for {media} packets, and by timers"
    );
}

#[test]
fn estimation_allocates_nothing_for_a_packet_nor_for_what_is_said_of_it() {
    let mut running = Running::new(Some(Estimation::default()));
    running.run_for(Duration::from_secs(2));
    let (media, feedback) = (running.sink.media, running.feedback);
    assert!(media > 4_000 && feedback > 15 * SUBSCRIBERS, "{media} packets, {feedback} feedbacks");
    let mid = StreamId::parse("p0#1").unwrap();
    let subscriptions = running.call.router.describe(&mid).unwrap().subscriptions;
    let heard = |one: &SubscriptionDetail| one.estimate > Some(Estimation::default().start);
    assert!(subscriptions.len() == SUBSCRIBERS && subscriptions.iter().all(heard), "{subscriptions:?}");
    assert_eq!(
        (running.by_packets, running.by_timers),
        (0, 0),
        "allocations for {media} packets and {feedback} feedbacks, and by timers"
    );
}

#[test]
fn what_subscribers_say_allocates_nothing_but_a_list_of_wanted_key_frames() {
    let mut running = Running::new(None);
    let report =
        |ssrc| ReportBlock { ssrc, total_lost: 3, highest_sequence: 9, jitter: 5, ..ReportBlock::default() };
    let said = |running: &mut Running, round: u16| {
        let mut datagrams: Vec<_> = (0..SUBSCRIBERS)
            .flat_map(|at| {
                let reports =
                    running.rtcp(at, |writer, ssrc| writer.receiver_report(1, &[report(ssrc)]).unwrap());
                let nack =
                    running.rtcp(at, |writer, ssrc| writer.nack(1, ssrc, &[round, round + 5]).unwrap());
                [reports, nack]
            })
            .collect();
        running.receive(&mut datagrams)
    };
    // The first time an SSRC is heard, a window for it is made.
    said(&mut running, 0);
    assert_eq!(said(&mut running, 100), 0);
    let mut wanted: Vec<_> =
        (0..SUBSCRIBERS).map(|at| running.rtcp(at, |writer, ssrc| writer.pli(1, ssrc).unwrap())).collect();
    let allocations = running.receive(&mut wanted);
    assert!(allocations <= SUBSCRIBERS, "{allocations}");
}

#[test]
fn a_check_allocates_within_bounds() {
    let mut running = Running::new(None);
    let mut checks: Vec<_> =
        running.call.subscribers.iter().map(|(client, _)| (client.address, client.check())).collect();
    let allocations = running.receive(&mut checks);
    assert_eq!(running.sink.other, SUBSCRIBERS);
    assert!(allocations <= 40 * SUBSCRIBERS, "{allocations}");
}
