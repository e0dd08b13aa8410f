//! What waits for one URL.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::happening::Happening;
use crate::numbers::{Dropped, UrlNumbers};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) happenings: usize,
    pub(crate) bytes: usize,
}

/// Of each URL: some minutes of a busy node. Beyond, the oldest happenings go: who missed some learns the most from the
/// latest, and a room that ended is not believed to go on for ever.
pub(crate) const LIMITS: Limits = Limits { happenings: 10_000, bytes: 4 << 20 };

/// A queue with one taker. What was taken out counts until it is [`Queue::done`], and is never pushed out.
#[derive(Debug)]
pub(crate) struct Queue {
    /// What its URL is called in logs.
    name: String,
    limits: Limits,
    numbers: UrlNumbers,
    inner: Mutex<Inner>,
    added: Notify,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Happening>,
    /// What was taken out and is not done.
    out: Option<usize>,
    /// What all of it weighs.
    bytes: usize,
    /// Nothing more is taken in.
    closed: bool,
    /// Some had to go since it was last empty.
    overflowed: bool,
}

impl Queue {
    pub(crate) fn new(name: String, limits: Limits, numbers: UrlNumbers) -> Self {
        Self { name, limits, numbers, inner: Mutex::default(), added: Notify::new(), ended: Notify::new() }
    }

    /// Adds what happened. Never waits; what finds no room pushes out the oldest.
    pub(crate) fn push(&self, happening: Happening) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return self.numbers.dropped(Dropped::Ended, 1);
        }
        inner.bytes += happening.weight();
        inner.waiting.push_back(happening);
        let lost = inner.shrink(self.limits);
        let is_news = lost > 0 && !inner.overflowed;
        inner.overflowed |= lost > 0;
        self.show(&inner);
        drop(inner);
        self.numbers.dropped(Dropped::Full, lost);
        if is_news {
            tracing::warn!(to = self.name, "too much waits for a webhook: the oldest is dropped");
        }
        self.added.notify_one();
    }

    /// The oldest that waits, once there is one; `None` when the queue is closed and empty.
    pub(crate) async fn next(&self) -> Option<Happening> {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.added.notified().await;
        }
    }

    fn take(&self) -> Option<Option<Happening>> {
        let mut inner = self.inner.lock();
        let next = inner.waiting.pop_front();
        inner.overflowed &= next.is_some();
        inner.out = next.as_ref().map(Happening::weight);
        (next.is_some() || inner.closed).then_some(next)
    }

    /// What was taken out is delivered or given up.
    pub(crate) fn done(&self) {
        let mut inner = self.inner.lock();
        inner.bytes -= inner.out.take().unwrap_or(0);
        self.show(&inner);
    }

    /// Takes nothing more in.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.added.notify_one();
        self.ended.notify_one();
    }

    /// Waits for the queue to be closed. It answers once.
    pub(crate) async fn closed(&self) {
        self.ended.notified().await;
    }

    /// Throws everything away, and says how much that was.
    pub(crate) fn abandon(&self) -> u64 {
        let mut inner = self.inner.lock();
        let lost = inner.waiting.len() as u64 + u64::from(inner.out.is_some());
        *inner = Inner { closed: true, ..Inner::default() };
        self.show(&inner);
        self.numbers.dropped(Dropped::Ended, lost);
        lost
    }

    fn show(&self, inner: &Inner) {
        self.numbers.queued(inner.waiting.len() + usize::from(inner.out.is_some()), inner.bytes);
    }
}

impl Inner {
    fn shrink(&mut self, limits: Limits) -> u64 {
        let mut lost = 0;
        while self.waiting.len() > limits.happenings || self.bytes > limits.bytes {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.bytes -= oldest.weight();
            lost += 1;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Numbers;

    fn happening(id: &str) -> Happening {
        Happening { id: id.to_owned(), event: "user-joined", body: vec![0; 100].into() }
    }

    fn queue(limits: Limits) -> (Numbers, Queue) {
        let numbers = Numbers::new(1);
        let of_url = numbers.of(0);
        (numbers, Queue::new("a".to_owned(), limits, of_url))
    }

    async fn next(queue: &Queue) -> Option<String> {
        queue.next().await.map(|happening| happening.id)
    }

    #[tokio::test]
    async fn the_oldest_go_by_number_and_by_bytes_and_never_what_is_under_way() {
        let weight = happening("a").weight();
        for limits in [
            Limits { happenings: 2, bytes: usize::MAX },
            Limits { happenings: usize::MAX, bytes: 3 * weight },
        ] {
            let (numbers, queue) = queue(limits);
            queue.push(happening("a"));
            assert_eq!(next(&queue).await.as_deref(), Some("a"));
            for id in ["b", "c", "d"] {
                queue.push(happening(id));
            }
            assert_eq!(numbers.dropped_of(0, Dropped::Full), 1);
            assert_eq!(numbers.queued_of(0), (3, 3 * weight as i64));
            queue.done();
            assert_eq!(next(&queue).await.as_deref(), Some("c"));
            queue.done();
            assert_eq!(next(&queue).await.as_deref(), Some("d"));
            queue.done();
            assert_eq!(numbers.queued_of(0), (0, 0));
        }
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let (numbers, queue) = queue(LIMITS);
        queue.push(happening("a"));
        queue.close();
        queue.push(happening("b"));
        assert_eq!(next(&queue).await.as_deref(), Some("a"));
        queue.done();
        assert_eq!(next(&queue).await, None);
        assert_eq!(numbers.dropped_of(0, Dropped::Ended), 1);
    }

    #[tokio::test]
    async fn what_is_abandoned_is_counted_with_what_was_under_way() {
        let (numbers, queue) = queue(LIMITS);
        queue.push(happening("a"));
        queue.push(happening("b"));
        assert_eq!(next(&queue).await.as_deref(), Some("a"));
        assert_eq!(queue.abandon(), 2);
        assert_eq!(queue.abandon(), 0);
        assert_eq!((numbers.dropped_of(0, Dropped::Ended), numbers.queued_of(0)), (2, (0, 0)));
    }
}
