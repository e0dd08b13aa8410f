//! The part whose instructions are counted.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Instant;

use loadtest::client::Clock;
use media::{DatagramSink, Router, SendBatch};

use crate::call::wall;
use crate::schedule::Batch;
use crate::watch::{Delays, Watch};

/// What callgrind knows the part by: a piece of the function's name.
pub(crate) const NAME: &str = "collected_part";

/// Takes what the router sends, group by group as a worker's socket does, but for the system call.
#[derive(Default)]
pub(crate) struct Taker {
    pub(crate) datagrams: u64,
    pub(crate) media: u64,
    pub(crate) delays: Delays,
    /// For whom, and what, where the clients hear of it.
    pub(crate) kept: Option<Vec<(SocketAddr, Vec<u8>)>>,
}

impl DatagramSink for Taker {
    fn send(&mut self, batch: &SendBatch) {
        for group in batch.groups() {
            black_box((group.to, group.from, group.data.len(), group.segment));
            for datagram in group.datagrams() {
                self.datagrams += 1;
                self.media += u64::from(is_media(datagram.data));
            }
        }
        self.delays.note(batch);
        if let Some(kept) = &mut self.kept {
            keep_beside_collected_part(batch, kept);
        }
    }
}

/// Callgrind begins or stops to count wherever a function with [`NAME`] in its name begins or ends: so this, which is
/// called from within the counted part, is not counted.
#[inline(never)]
fn keep_beside_collected_part(batch: &SendBatch, kept: &mut Vec<(SocketAddr, Vec<u8>)>) {
    for datagram in batch.iter() {
        kept.push((datagram.to, datagram.data.to_vec()));
    }
}

/// The payload type of retransmissions in the clients' offers, under which there is padding, too.
const RETRANSMISSION: u8 = 97;

/// RFC 7983: RTP and RTCP begin with 128 to 191. RFC 5761: the type of RTCP is 64 to 95, but for its highest bit.
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !matches!(kind & 0x7f, 64..=95 | RETRANSMISSION))
}

/// What a worker does with what comes, and with what is due until the end. No closure may be in here that is not
/// inlined: its name would have this one in it.
#[inline(never)]
pub(crate) fn collected_part(
    router: &mut Router,
    batches: &mut [Batch<'_>],
    (clock, end): (Clock, Instant),
    taker: &mut Taker,
    watch: &mut Watch,
) {
    for batch in batches {
        run_timers(router, (clock, batch.at), taker);
        router.receive(batch.at, wall(clock, batch.at), &mut batch.datagrams, taker);
        while router.poll_event().is_some() {}
        watch.look(batch.at, router, &taker.delays);
    }
    run_timers(router, (clock, end), taker);
    watch.look(end, router, &taker.delays);
}

fn run_timers(router: &mut Router, (clock, until): (Clock, Instant), taker: &mut Taker) {
    while let Some(due) = router.poll_timeout()
        && due <= until
    {
        router.handle_timeout(due, wall(clock, due), taker);
        while router.poll_event().is_some() {}
    }
}
