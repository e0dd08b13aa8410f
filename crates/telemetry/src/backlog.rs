//! What waits for a server that may be away: bounded in bytes, the oldest goes first, and
//! whoever adds to it never waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::counters::Level;

/// How much memory something takes.
pub(crate) trait Weight {
    /// In bytes, with what keeping it costs.
    fn weight(&self) -> usize;
}

/// Items on their way. Those taken out count until they are [`Backlog::done`].
pub(crate) struct Backlog<T> {
    limit: usize,
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

struct Inner<T> {
    waiting: VecDeque<T>,
    /// Bytes that wait.
    bytes: usize,
    /// Bytes that were taken out and are not done.
    out: usize,
    /// Whether something was dropped since this was last asked.
    overflowed: bool,
    /// Shows `bytes` and `out` together.
    level: Level,
    /// When to give up, once the end has come.
    end: Option<Instant>,
}

impl<T: Weight> Backlog<T> {
    /// Room for `limit` bytes; `level` shows how many are taken.
    pub(crate) fn new(limit: usize, level: Level) -> Self {
        let waiting = VecDeque::new();
        let inner = Inner { waiting, bytes: 0, out: 0, overflowed: false, level, end: None };
        Self { limit, inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// Adds an item and says how many had to go: the oldest of those that wait.
    pub(crate) fn push(&self, item: T) -> u64 {
        let mut inner = self.inner.lock();
        inner.bytes += item.weight();
        inner.waiting.push_back(item);
        let lost = inner.shrink(self.limit);
        inner.show();
        drop(inner);
        self.changed.notify_one();
        lost
    }

    /// The oldest item, if no more than `most` bytes are out.
    pub(crate) fn take(&self, most: usize) -> Option<T> {
        let mut inner = self.inner.lock();
        if inner.out >= most {
            return None;
        }
        let item = inner.waiting.pop_front()?;
        let weight = item.weight();
        inner.bytes -= weight;
        inner.out += weight;
        Some(item)
    }

    /// Something taken out, of this weight, needs no memory any more.
    pub(crate) fn done(&self, weight: usize) {
        let mut inner = self.inner.lock();
        inner.out = inner.out.saturating_sub(weight);
        inner.show();
    }

    /// Puts back what was taken last, in front. It has had its room all the time.
    pub(crate) fn give_back(&self, items: Vec<T>) {
        let mut inner = self.inner.lock();
        for item in items.into_iter().rev() {
            let weight = item.weight();
            inner.out = inner.out.saturating_sub(weight);
            inner.bytes += weight;
            inner.waiting.push_front(item);
        }
    }

    /// Waits until there is something to take or the end comes, for `most` at the longest.
    pub(crate) fn wait(&self, most: Duration) {
        let mut inner = self.inner.lock();
        self.changed.wait_while_for(
            &mut inner,
            |inner| inner.waiting.is_empty() && inner.end.is_none(),
            most,
        );
    }

    /// Waits for the end to come, for `most` at the longest.
    pub(crate) fn wait_for_end(&self, most: Duration) {
        let mut inner = self.inner.lock();
        self.changed.wait_while_for(&mut inner, |inner| inner.end.is_none(), most);
    }

    /// Nothing more will be added; what is here may be sent until `deadline`.
    pub(crate) fn end(&self, deadline: Instant) {
        self.inner.lock().end = Some(deadline);
        self.changed.notify_all();
    }

    /// The time that is left once the end has come.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        self.inner.lock().end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether the work is over: the end has come, and nothing is left or the time is up.
    pub(crate) fn is_over(&self) -> bool {
        let inner = self.inner.lock();
        inner.end.is_some_and(|end| (inner.waiting.is_empty() && inner.out == 0) || Instant::now() >= end)
    }

    /// Takes everything away and says how many waited.
    pub(crate) fn clear(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.bytes = 0;
        inner.show();
        std::mem::take(&mut inner.waiting).len() as u64
    }

    /// Bytes that were taken out and are not done.
    #[cfg(feature = "kafka")]
    pub(crate) fn out(&self) -> usize {
        self.inner.lock().out
    }

    /// Whether something had to be dropped since this was last asked.
    #[cfg(feature = "kafka")]
    pub(crate) fn overflowed(&self) -> bool {
        std::mem::take(&mut self.inner.lock().overflowed)
    }
}

impl<T> Inner<T> {
    fn show(&self) {
        self.level.set(self.bytes + self.out);
    }
}

impl<T: Weight> Inner<T> {
    fn shrink(&mut self, limit: usize) -> u64 {
        let mut lost = 0;
        while self.bytes + self.out > limit {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.bytes -= oldest.weight();
            self.overflowed = true;
            lost += 1;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its number and its weight.
    #[derive(Debug, PartialEq)]
    struct Item(u32, usize);

    impl Weight for Item {
        fn weight(&self) -> usize {
            self.1
        }
    }

    fn backlog() -> Backlog<Item> {
        Backlog::new(100, Level::default())
    }

    fn numbers(backlog: &Backlog<Item>) -> Vec<u32> {
        std::iter::from_fn(|| backlog.take(usize::MAX)).map(|item| item.0).collect()
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let backlog = backlog();
        let lost: Vec<u64> = (0..6).map(|n| backlog.push(Item(n, 30))).collect();
        assert_eq!(lost, [0, 0, 0, 1, 1, 1]);
        assert_eq!(backlog.push(Item(6, 90)), 3);
        assert_eq!(numbers(&backlog), [6]);
    }

    #[test]
    fn what_is_out_counts_until_it_is_done() {
        let backlog = backlog();
        backlog.push(Item(0, 60));
        let out = backlog.take(100).unwrap();
        assert_eq!(backlog.push(Item(1, 40)), 0);
        assert_eq!(backlog.push(Item(2, 40)), 1, "there is room for one beside what is out");
        backlog.done(out.weight());
        assert_eq!(backlog.push(Item(3, 60)), 0);
        assert_eq!(numbers(&backlog), [2, 3]);
    }

    #[test]
    fn what_is_taken_up_is_shown() {
        let level = Level::default();
        let backlog = Backlog::new(100, level.clone());
        backlog.push(Item(0, 60));
        let out = backlog.take(100).unwrap();
        backlog.push(Item(1, 30));
        assert_eq!(level.get(), 90);
        backlog.done(out.weight());
        assert_eq!(level.get(), 30);
        backlog.clear();
        assert_eq!(level.get(), 0);
    }

    #[test]
    fn what_comes_back_is_the_oldest_again() {
        let backlog = backlog();
        for n in 0..3 {
            backlog.push(Item(n, 30));
        }
        let out = vec![backlog.take(100).unwrap(), backlog.take(100).unwrap()];
        assert_eq!(backlog.push(Item(3, 30)), 1, "the oldest of those that wait");
        backlog.give_back(out);
        assert_eq!(backlog.push(Item(4, 30)), 1);
        assert_eq!(numbers(&backlog), [1, 3, 4]);
    }

    #[test]
    fn no_more_is_given_out_than_asked_for() {
        let backlog = backlog();
        backlog.push(Item(0, 30));
        backlog.push(Item(1, 30));
        assert_eq!(backlog.take(30), Some(Item(0, 30)));
        assert_eq!(backlog.take(30), None);
        backlog.done(30);
        assert_eq!(backlog.take(30), Some(Item(1, 30)));
    }

    #[test]
    fn the_work_is_over_when_nothing_is_left() {
        let backlog = backlog();
        backlog.push(Item(0, 30));
        backlog.end(Instant::now() + Duration::from_secs(3600));
        assert!(!backlog.is_over());
        let out = backlog.take(100).unwrap();
        assert!(!backlog.is_over(), "what is out is not acknowledged");
        backlog.done(out.weight());
        assert!(backlog.is_over());
    }

    #[test]
    fn the_work_is_over_when_the_time_is_up() {
        let backlog = backlog();
        backlog.push(Item(0, 30));
        backlog.end(Instant::now());
        assert!(backlog.is_over());
        assert_eq!(backlog.clear(), 1);
    }
}
