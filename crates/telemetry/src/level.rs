//! The filter, changed for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use parking_lot::{Condvar, Mutex};

use crate::Filter;

/// The longest that another filter may be in force: one who forgets about it finds it gone the next day.
pub const LONGEST_CHANGE: Duration = Duration::from_hours(24);

/// Changes what is logged, for a while. Cloning is cheap.
#[derive(Clone)]
pub struct LevelControl(Arc<Shared>);

struct Shared {
    configured: Filter,
    apply: Box<dyn Fn(&Filter) + Send + Sync>,
    change: Mutex<Option<Change>>,
    changed: Condvar,
}

/// A filter and the time until which it is in force. While there is one, one thread watches the clock.
struct Change {
    filter: Filter,
    until: Instant,
}

impl LevelControl {
    pub(crate) fn new(configured: Filter, apply: impl Fn(&Filter) + Send + Sync + 'static) -> Self {
        let (change, changed) = (Mutex::new(None), Condvar::new());
        Self(Arc::new(Shared { configured, apply: Box::new(apply), change, changed }))
    }

    /// Puts a filter in force for a while: at most [`LONGEST_CHANGE`]; zero goes back to the configured
    /// one at once. A change that is still in force is replaced, and its time forgotten.
    ///
    /// # Errors
    /// When no thread can be started to watch the clock. Nothing has changed then.
    pub fn set_for(&self, filter: Filter, duration: Duration) -> io::Result<()> {
        let mut change = self.0.change.lock();
        if change.is_none() {
            let shared = Arc::clone(&self.0);
            thread::Builder::new().name("log-level".into()).spawn(move || shared.watch())?;
        }
        (self.0.apply)(&filter);
        *change = Some(Change { filter, until: Instant::now() + duration.min(LONGEST_CHANGE) });
        self.0.changed.notify_all();
        Ok(())
    }

    /// The filter in force, as it was written.
    #[must_use]
    pub fn current(&self) -> String {
        let change = self.0.change.lock();
        change.as_ref().map_or(&self.0.configured, |change| &change.filter).as_str().to_owned()
    }

    /// How long until the configured filter is in force again; `None`: it is.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let change = self.0.change.lock();
        change.as_ref().map(|change| change.until.saturating_duration_since(Instant::now()))
    }
}

impl Shared {
    /// Waits for the end of the change, however often it is replaced, and undoes it.
    fn watch(&self) {
        let mut change = self.change.lock();
        while let Some(until) = change.as_ref().map(|change| change.until) {
            if Instant::now() < until {
                self.changed.wait_until(&mut change, until);
            } else {
                (self.apply)(&self.configured);
                *change = None;
            }
        }
        drop(change);
        tracing::info!(filter = self.configured.as_str(), "the configured log level is in force again");
    }
}

impl fmt::Debug for LevelControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LevelControl").field("current", &self.current()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A control, and the filters that it has put in force.
    fn control() -> (LevelControl, Arc<Mutex<Vec<String>>>) {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&applied);
        let apply = move |filter: &Filter| seen.lock().push(filter.as_str().to_owned());
        (LevelControl::new(Filter::parse("info").unwrap(), apply), applied)
    }

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(20), "it never came");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_change_ends_by_itself() {
        let (control, applied) = control();
        control.set_for(filter("debug"), Duration::from_millis(20)).unwrap();
        wait_until(|| control.time_left().is_none());
        assert_eq!(control.current(), "info");
        assert_eq!(*applied.lock(), ["debug", "info"]);
    }

    #[test]
    fn the_last_change_counts_and_one_thread_watches() {
        let (control, applied) = control();
        for n in 0..1000 {
            control.set_for(filter(if n % 2 == 0 { "debug" } else { "warn" }), Duration::MAX).unwrap();
        }
        assert_eq!(control.current(), "warn");
        assert!(control.time_left().unwrap() <= LONGEST_CHANGE);
        assert_eq!(Arc::strong_count(&control.0), 2, "the control and one watcher");
        control.set_for(filter("trace"), Duration::ZERO).unwrap();
        wait_until(|| Arc::strong_count(&control.0) == 1);
        assert_eq!(applied.lock().last().unwrap(), "info");
    }
}
