//! What a node counts of its dealings with etcd.

use metrics::Counts;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// The numbers of one node.
#[derive(Debug)]
pub(super) struct Metrics {
    announcements: Counts,
    /// Watches that ended, whyever.
    pub(super) watch_restarts: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { announcements: Counts::new("kind", ["first", "again"]), watch_restarts: Counter::default() }
    }
}

impl Metrics {
    /// An entry stands under a new lease.
    pub(super) fn announced(&self, first: bool) {
        self.announcements.add(if first { "first" } else { "again" });
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Announcements under a new lease: the first one, and again after a lease was lost";
        self.announcements.register(registry, "etcd_registrations", help);
        let help = "Times that following the other nodes broke off and began anew";
        registry.register("etcd_watch_restarts", help, self.watch_restarts.clone());
    }
}
