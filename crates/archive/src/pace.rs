//! When the next upload may begin, and whether the storage works.

use std::time::Duration;

use outbound::Backoff;
use tokio::time::Instant;

/// Uploads under way at the same time. Enough for a link with some latency; each holds one part in memory.
const AT_A_TIME: usize = 4;
/// The waits before another attempt, of the storage and of one file.
pub(crate) const DELAYS: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(300) };
/// The longest time that a refusal stops all files. Whether it is about one file or about all is not known
/// before another one was tried.
const LAST_REFUSED_DELAY: Duration = Duration::from_secs(10);

/// What is known of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Works,
    /// It cannot be reached.
    Away,
    /// It answered, and did not take the file that was tried last.
    Refuses,
}

/// While the storage works, some uploads at a time; else one, and after a pause that grows.
#[derive(Debug)]
pub(crate) struct Pace {
    state: State,
    /// In a row, since it worked.
    failures: u32,
    resume: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { state: State::Works, failures: 0, resume: now }
    }

    /// Whether an upload may begin while so many are under way.
    pub(crate) fn allows(&self, running: usize, now: Instant) -> bool {
        running < if self.state == State::Works { AT_A_TIME } else { 1 } && now >= self.resume
    }

    /// Until then nothing begins.
    pub(crate) fn resumes(&self) -> Instant {
        self.resume
    }

    /// Answers whether the state has changed.
    pub(crate) fn succeeded(&mut self, now: Instant) -> bool {
        self.failures = 0;
        self.resume = now;
        std::mem::replace(&mut self.state, State::Works) != State::Works
    }

    /// The storage was away or refused a file, for the first time or again; `random` spreads what fails together.
    /// Answers whether the state has changed.
    ///
    /// A file that is refused again while others are taken is in trouble alone.
    pub(crate) fn failed(&mut self, state: State, first: bool, now: Instant, random: u32) -> bool {
        if state == State::Refuses && self.state == State::Works && !first {
            return false;
        }
        // What was under way together fails together, and that is one failure.
        if now >= self.resume {
            self.pause(state, now, random);
        }
        std::mem::replace(&mut self.state, state) != state
    }

    fn pause(&mut self, state: State, now: Instant, random: u32) {
        let longest = if state == State::Refuses { LAST_REFUSED_DELAY } else { DELAYS.last };
        self.resume = now + DELAYS.after(self.failures, random).min(longest);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u32 = u32::MAX / 2;

    #[test]
    fn a_storage_that_is_away_is_told_once_and_tried_by_one_file_at_a_time() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert!(pace.allows(AT_A_TIME - 1, now) && !pace.allows(AT_A_TIME, now));
        assert!(pace.failed(State::Away, true, now, HALF));
        assert!(!pace.failed(State::Away, true, now, HALF));
        assert!(!pace.allows(0, now));
        let later = pace.resumes();
        assert!(pace.allows(0, later) && !pace.allows(1, later));
        assert!(pace.succeeded(later));
        assert!(!pace.succeeded(later));
        assert!(pace.allows(1, later));
    }

    #[test]
    fn pauses_grow_with_each_try_and_not_with_each_file() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..AT_A_TIME {
            pace.failed(State::Away, true, now, 0);
        }
        assert_eq!(pace.resumes(), now + DELAYS.first);
        let now = pace.resumes();
        pace.failed(State::Away, true, now, 0);
        assert_eq!(pace.resumes(), now + DELAYS.first * 2);
    }

    #[test]
    fn a_file_that_is_refused_again_and_again_stops_no_other() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert!(pace.failed(State::Refuses, true, now, HALF));
        for _ in 0..20 {
            let now = pace.resumes();
            pace.failed(State::Refuses, false, now, HALF);
            assert!(pace.resumes() <= now + LAST_REFUSED_DELAY);
        }
        let now = pace.resumes();
        assert!(pace.succeeded(now));
        assert!(!pace.failed(State::Refuses, false, now, HALF));
        assert!(pace.allows(1, now));
    }

    #[test]
    fn a_storage_that_comes_back_and_refuses_is_told() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert!(pace.failed(State::Away, true, now, HALF));
        assert!(pace.failed(State::Refuses, false, now, HALF));
    }
}
