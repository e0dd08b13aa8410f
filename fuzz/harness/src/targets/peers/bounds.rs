//! What a router keeps, whatever comes.

use super::World;
use crate::peer::{Sent, limits};
use media::{Holdings, Router};

/// Of each stream: packets that wait for the rest of their frame, and pieces of memory.
const WAITING: usize = 256;
const CHUNKS: usize = 64;
/// Of each transport: names, one more during a restart; addresses; timers.
const NAMES: usize = 2;
const PATHS: usize = 32;
const TIMERS: usize = 8;
/// Timers of each network, of which there are no more than subscriptions.
const NETWORK_TIMERS: usize = 2;

impl World {
    pub(super) fn check_bounds(&mut self) {
        // What a call has led to is taken after it.
        self.sent(Sent::default());
        within_bounds(&self.router);
        within_bounds(&self.elsewhere);
        self.check_estimates();
    }

    /// What is believed of a network is within what was said, and without estimation there is nothing to believe.
    fn check_estimates(&self) {
        let Some(detail) = self.router.describe(&self.mid) else { return };
        assert!(detail.subscriptions.len() <= limits().subscribers_per_stream);
        assert!(detail.tracks.len() <= limits().tracks_per_stream);
        for subscription in detail.subscriptions {
            match self.scene.estimation {
                Some(bounds) => {
                    let fits = |estimate| (bounds.min..=bounds.max).contains(&estimate);
                    assert!(subscription.estimate.is_none_or(fits), "{subscription:?}");
                }
                None => assert!(subscription.estimate.is_none() && !subscription.paused, "{subscription:?}"),
            }
        }
    }

    /// All have left.
    pub(super) fn check_nothing_is_left(mut self) {
        assert_eq!(self.router.holdings(), Holdings::default());
        let mut out = Sent::default();
        self.elsewhere.unpublish(self.now, &self.mid, &mut out);
        while self.elsewhere.poll_wish().is_some() {}
        assert_eq!(self.elsewhere.holdings(), Holdings::default());
    }
}

fn within_bounds(router: &Router) {
    let (holdings, stats) = (router.holdings(), router.stats());
    let (streams, subscriptions) = (stats.streams as usize, stats.subscriptions as usize);
    let transports = streams + subscriptions;
    assert!(transports <= limits().transports, "{stats:?}");
    assert!(holdings.names <= NAMES * transports, "{holdings:?}");
    assert!(holdings.addresses <= PATHS * transports, "{holdings:?}");
    assert!(holdings.timers <= TIMERS * transports + NETWORK_TIMERS * subscriptions, "{holdings:?}");
    assert_eq!(holdings.events, 0, "all were taken");
    assert!(holdings.waiting <= WAITING * streams, "{holdings:?}");
    assert!(holdings.chunks <= CHUNKS * streams, "{holdings:?}");
}
