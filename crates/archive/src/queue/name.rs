//! The name of a note: its age, and a random part so that not even two processes meet.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Sorts by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// Microseconds since 1970, or one more than the last.
    age: u64,
    random: u32,
}

impl Name {
    /// `None` for the name of any other file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (age, random) = text.split_once('-')?;
        let name =
            Self { age: u64::from_str_radix(age, 16).ok()?, random: u32::from_str_radix(random, 16).ok()? };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:08x}", self.age, self.random)
    }
}

/// Gives names in order, whatever the clock does while the process runs.
#[derive(Debug)]
pub(super) struct Names {
    last: AtomicU64,
}

impl Names {
    pub(super) fn after(last: Option<Name>) -> Self {
        Self { last: AtomicU64::new(last.map_or(0, |name| name.age)) }
    }

    pub(super) fn next(&self) -> io::Result<Name> {
        let now = now();
        let after = |last: u64| last.saturating_add(1).max(now);
        // The closure always has a next value, so both arms hold the one before.
        let (Ok(last) | Err(last)) =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let age = after(last);
        Ok(Name { age, random: getrandom::u32().map_err(io::Error::other)? })
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
