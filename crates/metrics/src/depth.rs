//! How much waits in queues.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How many things wait in a queue, or in all queues of one kind. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Depth(Gauge);

/// One thing that waits. It goes through the queue with the thing, so that whatever ends the waiting ends the
/// counting: being taken, or a queue that is thrown away.
#[derive(Debug)]
pub struct Waiting(Depth);

impl Depth {
    /// One more waits, until what is returned is dropped.
    #[must_use]
    pub fn enter(&self) -> Waiting {
        self.0.inc();
        Waiting(self.clone())
    }

    /// How many wait now.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.0.inner().load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Adds it to a registry.
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.0.clone());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_or_thrown_away_waits_no_longer() {
        let depth = Depth::default();
        let mut queue: Vec<Waiting> = (0..3).map(|_| depth.clone().enter()).collect();
        assert_eq!(depth.now(), 3);
        queue.pop();
        assert_eq!(depth.now(), 2);
        drop(queue);
        assert_eq!(depth.now(), 0);
    }
}
