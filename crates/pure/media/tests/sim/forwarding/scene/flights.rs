//! Datagrams on their way to the router.

use crate::forwarding::publisher::Media;
use crate::network::Dice;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a datagram means to the one who looks on.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// Media of a stream.
    Media(usize, Media),
    /// A check of a subscriber.
    Check(usize),
    /// What a subscriber asks for: a track, and indexes.
    Request(usize, usize, Vec<u64>),
    Other,
}

pub(super) struct Flight {
    pub(super) from: SocketAddr,
    pub(super) data: Vec<u8>,
    pub(super) meaning: Meaning,
}

/// All that is under way.
#[derive(Default)]
pub(super) struct Flights {
    /// By arrival: time and order.
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    under_way: HashMap<u64, Flight>,
    order: u64,
}

impl Flights {
    /// Sends a datagram, which comes after so many microseconds.
    pub(super) fn post(
        &mut self,
        now: Instant,
        after: u64,
        from: SocketAddr,
        data: Vec<u8>,
        meaning: Meaning,
    ) {
        self.queue.push(Reverse((now + Duration::from_micros(after), self.order)));
        self.under_way.insert(self.order, Flight { from, data, meaning });
        self.order += 1;
    }

    /// What has arrived by now: media out of order here and there, in batches of any size up to this.
    pub(super) fn arrived(
        &mut self,
        now: Instant,
        swaps: u64,
        batch: u64,
        dice: &mut Dice,
    ) -> Vec<Vec<Flight>> {
        let mut arrived = Vec::new();
        while let Some(Reverse((at, order))) = self.queue.peek().copied()
            && at <= now
        {
            self.queue.pop();
            arrived.extend(self.under_way.remove(&order));
        }
        let is_media = |flight: &Flight| matches!(flight.meaning, Meaning::Media(..));
        for at in 1..arrived.len() {
            if is_media(&arrived[at]) && is_media(&arrived[at - 1]) && dice.chance(swaps) {
                arrived.swap(at, at - 1);
            }
        }
        let mut batches = Vec::new();
        while !arrived.is_empty() {
            let size = 1 + dice.below(batch) as usize;
            batches.push(arrived.drain(..size.min(arrived.len())).collect());
        }
        batches
    }
}
