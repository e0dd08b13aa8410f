//! On which worker the subscriptions of one network are: they share a bandwidth budget, which one worker keeps.

use rustc_hash::FxHashMap;

/// The networks of the subscriptions here; never more than those. 0 is no network.
#[derive(Debug, Default)]
pub(super) struct Networks(FxHashMap<u64, Place>);

#[derive(Debug)]
struct Place {
    worker: usize,
    /// Those there. Others may have found no room there.
    subscriptions: usize,
}

impl Networks {
    /// Where the network's subscriptions are, if there are any.
    pub(super) fn worker(&self, network: u64) -> Option<usize> {
        self.0.get(&network).map(|place| place.worker)
    }

    /// A subscription of the network begins.
    pub(super) fn enter(&mut self, network: u64, worker: usize) {
        if network == 0 {
            return;
        }
        let place = self.0.entry(network).or_insert(Place { worker, subscriptions: 0 });
        if place.worker == worker {
            place.subscriptions += 1;
        }
    }

    /// A subscription of the network has ended.
    pub(super) fn leave(&mut self, network: u64, worker: usize) {
        let Some(place) = self.0.get_mut(&network).filter(|place| place.worker == worker) else { return };
        place.subscriptions = place.subscriptions.saturating_sub(1);
        if place.subscriptions == 0 {
            self.0.remove(&network);
        }
    }

    /// All that was there has ended.
    pub(super) fn remove_worker(&mut self, worker: usize) {
        self.0.retain(|_, place| place.worker != worker);
    }
}
