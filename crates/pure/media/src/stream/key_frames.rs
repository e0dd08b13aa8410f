//! When to ask a publisher for a key frame: at once, but never more often than it can encode them.

use std::time::{Duration, Instant};

/// A request may get lost: it is repeated until a key frame comes, each time after twice as long, up to this.
const MAX_INTERVAL: Duration = Duration::from_secs(2);

/// The requests for one video track.
#[derive(Debug)]
pub(crate) struct KeyFrameRequests {
    /// At most one request in this time, for all subscribers together.
    shortest: Duration,
    /// When to ask next; `None`: nobody waits for one.
    next: Option<Instant>,
    /// Since when somebody waits for one.
    since: Option<Instant>,
    last: Option<Instant>,
    interval: Duration,
}

impl KeyFrameRequests {
    /// At most one request in so long.
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, next: None, since: None, last: None, interval: shortest }
    }

    /// Somebody needs a key frame. Returns when to ask for it, which may be now.
    pub(crate) fn want(&mut self, now: Instant) -> Instant {
        self.since.get_or_insert(now);
        *self.next.get_or_insert_with(|| {
            self.interval = self.shortest;
            self.last.map_or(now, |last| now.max(last + self.shortest))
        })
    }

    /// Whether to ask now. If so, it has been asked.
    pub(crate) fn ask(&mut self, now: Instant) -> bool {
        let due = self.next.is_some_and(|next| next <= now);
        if due {
            self.last = Some(now);
            self.next = Some(now + self.interval);
            self.interval = (self.interval * 2).min(MAX_INTERVAL.max(self.shortest));
        }
        due
    }

    /// When to ask next; `None`: nobody waits for one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// A key frame came.
    pub(crate) fn arrived(&mut self) {
        self.next = None;
    }

    /// Nobody waits for one any more.
    pub(crate) fn forget(&mut self) {
        (self.next, self.since) = (None, None);
    }

    /// How long it was waited for; `None`: nobody did, or the answer was given before.
    pub(crate) fn take_wait(&mut self, now: Instant) -> Option<Duration> {
        self.since.take().map(|since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    const INTERVAL: Duration = Duration::from_millis(200);

    #[test]
    fn the_first_is_asked_at_once_and_the_next_after_200_ms() {
        let start = epoch();
        let mut requests = KeyFrameRequests::new(INTERVAL);
        assert!(!requests.ask(start));
        assert_eq!(requests.want(start), start);
        assert!(requests.ask(start) && !requests.ask(start));
        requests.arrived();
        let soon = start + Duration::from_millis(50);
        assert_eq!(requests.want(soon), start + INTERVAL);
        assert!(!requests.ask(soon) && requests.ask(start + INTERVAL));
    }

    #[test]
    fn it_is_asked_again_ever_more_slowly_until_one_comes() {
        let start = epoch();
        let mut requests = KeyFrameRequests::new(INTERVAL);
        requests.want(start);
        let asked: Vec<u64> = (0..10_000)
            .filter(|&ms| {
                requests.want(start + Duration::from_millis(ms)); // a subscriber that does not stop asking
                requests.ask(start + Duration::from_millis(ms))
            })
            .collect();
        assert_eq!(asked, [0, 200, 600, 1400, 3000, 5000, 7000, 9000]);
        requests.arrived();
        assert!(!requests.ask(start + Duration::from_secs(60)));
    }

    #[test]
    fn what_is_forgotten_is_not_asked_for_and_the_next_wish_is_a_new_one() {
        let start = epoch();
        let mut requests = KeyFrameRequests::new(INTERVAL);
        let at = |ms| start + Duration::from_millis(ms);
        requests.want(start);
        // 0, 200, 600, 1400: the next one would be at 3000.
        assert_eq!((0..2_000).filter(|&ms| requests.ask(at(ms))).count(), 4);
        requests.forget();
        assert_eq!((requests.next(), requests.take_wait(at(2_000))), (None, None));
        assert_eq!(requests.want(at(2_100)), at(2_100), "and at once");
        assert_eq!(
            (2_100..3_000).filter(|&ms| requests.ask(at(ms))).collect::<Vec<_>>(),
            [2_100, 2_300, 2_700]
        );
        assert_eq!(requests.take_wait(at(3_000)), Some(Duration::from_millis(900)));
    }
}
