//! When each thing was last heard of, and which of them is the stalest.

use std::collections::{BTreeMap, BTreeSet};

/// Things with the time at which each was last heard of.
#[derive(Debug)]
pub(super) struct Freshness<K> {
    times: BTreeMap<K, u64>,
    stalest: BTreeSet<(u64, K)>,
}

impl<K> Default for Freshness<K> {
    fn default() -> Self {
        Self { times: BTreeMap::new(), stalest: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Freshness<K> {
    /// Heard of now. A clock that went back changes nothing.
    pub(super) fn touch(&mut self, key: &K, now: u64) {
        match self.times.get_mut(key) {
            Some(time) if *time >= now => {}
            Some(time) => {
                self.stalest.remove(&(*time, key.clone()));
                *time = now;
                self.stalest.insert((now, key.clone()));
            }
            None => {
                self.times.insert(key.clone(), now);
                self.stalest.insert((now, key.clone()));
            }
        }
    }

    pub(super) fn forget(&mut self, key: &K) {
        if let Some(time) = self.times.remove(key) {
            self.stalest.remove(&(time, key.clone()));
        }
    }

    /// The thing that has been silent the longest, where that is at least `patience`.
    pub(super) fn silent_for(&self, patience: u64, now: u64) -> Option<K> {
        let (time, key) = self.stalest.first()?;
        (now.saturating_sub(*time) >= patience).then(|| key.clone())
    }
}
