//! Whose network a connection's subscriptions are on: those of one client share what it carries.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no other client has, and none can guess.
#[derive(Debug)]
pub(super) struct Network(AtomicU64);

impl Network {
    /// That of a new connection. Where the system has no random bytes it is 0, and each subscription has a budget of
    /// its own.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(getrandom::u64().unwrap_or_default()))
    }

    pub(super) fn id(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The client had another number before, and still has subscriptions under that.
    pub(super) fn go_on(&self, network: u64) {
        if network != 0 {
            self.0.store(network, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn each_connection_has_its_own_unless_it_goes_on_for_another() {
        let (old, new) = (Network::new(), Network::new());
        assert_ne!((old.id(), new.id()), (0, 0));
        assert_ne!(old.id(), new.id());
        new.go_on(0);
        assert_ne!(new.id(), 0);
        new.go_on(old.id());
        assert_eq!(new.id(), old.id());
    }
}
