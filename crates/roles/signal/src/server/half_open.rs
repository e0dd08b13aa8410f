//! Connections that have not sent a request yet: bounded, and the oldest goes.
//!
//! An honest handshake takes milliseconds. Somebody who opens connections and
//! lets them hang fills this with their own, and evicts their own.

use parking_lot::Mutex;
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio_util::sync::CancellationToken;

/// At the limit the oldest is closed.
pub(super) struct HalfOpen {
    limit: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// By age, the oldest first. Never more than the limit.
    connections: BTreeMap<u64, CancellationToken>,
}

/// One half-open connection; no longer one when dropped.
pub(super) struct Pending {
    number: u64,
    evicted: CancellationToken,
    waiting: Arc<Mutex<Waiting>>,
}

impl HalfOpen {
    /// So many at the same time.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, waiting: Arc::default() }
    }

    pub(super) fn enter(&self) -> Pending {
        let evicted = CancellationToken::new();
        let mut waiting = self.waiting.lock();
        if waiting.connections.len() >= self.limit
            && let Some((_, oldest)) = waiting.connections.pop_first()
        {
            oldest.cancel();
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.connections.insert(number, evicted.clone());
        Pending { number, evicted, waiting: Arc::clone(&self.waiting) }
    }
}

impl Pending {
    /// It has sent its request.
    pub(super) fn done(&self) {
        self.waiting.lock().connections.remove(&self.number);
    }

    /// Comes when it has to make room. Never after [`Pending::done`].
    pub(super) fn evicted(&self) -> impl Future<Output = ()> + use<> {
        self.evicted.clone().cancelled_owned()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.done();
    }
}

#[cfg(test)]
mod tests {
    use super::HalfOpen;

    const LIMIT: usize = 100;

    #[test]
    fn the_oldest_makes_room_and_who_is_done_stays() {
        let half_open = HalfOpen::new(LIMIT);
        let done = half_open.enter();
        done.done();
        let oldest = half_open.enter();
        let others: Vec<_> = (0..LIMIT - 1).map(|_| half_open.enter()).collect();
        assert!(!oldest.evicted.is_cancelled());
        let _newest = half_open.enter();
        assert!(oldest.evicted.is_cancelled());
        assert!(!done.evicted.is_cancelled());
        assert!(others.iter().all(|other| !other.evicted.is_cancelled()));
    }

    #[test]
    fn a_dropped_connection_frees_its_place() {
        let half_open = HalfOpen::new(LIMIT);
        for _ in 0..3 * LIMIT {
            drop(half_open.enter());
        }
        assert!(half_open.waiting.lock().connections.is_empty());
    }
}
