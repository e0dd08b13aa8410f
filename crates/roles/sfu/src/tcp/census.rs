//! How many connections there are, on the whole node and from one address, and what became of the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) node: usize,
    pub(super) address: usize,
}

/// Counts. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Census(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    counts: Mutex<Counts>,
    refused: Counter,
    accepted: Counter,
    unwelcome: Counter,
}

#[derive(Debug, Default)]
struct Counts {
    node: usize,
    /// Of addresses from which there is one at least.
    networks: HashMap<IpAddr, usize>,
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    census: Census,
    network: Option<IpAddr>,
}

impl Census {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner {
            bounds,
            counts: Mutex::default(),
            refused: Counter::default(),
            accepted: Counter::default(),
            unwelcome: Counter::default(),
        }))
    }

    /// A place for a connection from there. `None`: there is none.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let Inner { bounds, counts, .. } = &*self.0;
        let (mut counts, network) = (counts.lock(), network(address));
        let here = network.and_then(|network| counts.networks.get(&network)).copied().unwrap_or_default();
        if counts.node >= bounds.node || here >= bounds.address {
            self.0.refused.inc();
            return None;
        }
        counts.node += 1;
        if let Some(network) = network {
            counts.networks.insert(network, here + 1);
        }
        self.0.accepted.inc();
        Some(Place { census: self.clone(), network })
    }

    /// One was closed that did not behave.
    pub(super) fn note_unwelcome(&self) {
        self.0.unwelcome.inc();
    }

    /// How many there are.
    pub(crate) fn now(&self) -> u64 {
        self.0.counts.lock().node as u64
    }

    /// How many were taken in so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.0.accepted.get()
    }

    /// How many found no place.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.get()
    }

    /// How many were closed because nothing authentic came in time, or something that is no frame.
    pub(crate) fn unwelcome(&self) -> u64 {
        self.0.unwelcome.get()
    }
}

impl Place {
    /// Its connection is closed because it does not behave.
    pub(super) fn note_unwelcome(&self) {
        self.census.note_unwelcome();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.0.counts.lock();
        counts.node -= 1;
        let Some(network) = self.network else { return };
        let Some(count) = counts.networks.get_mut(&network) else { return };
        *count -= 1;
        if *count == 0 {
            counts.networks.remove(&network);
        }
    }
}

/// What is counted together: an IPv4 address, or the 64 bits of an IPv6 network. `None` for loopback: what runs on this
/// machine has no limit of its own, as proxies and tests do.
fn network(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => Some(IpAddr::V6((address.to_bits() >> 64 << 64).into())),
        address => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let census = Census::new(Bounds { node: 3, address: 2 });
        let admit = |text| census.admit(address(text));
        let (one, two) = (admit("192.0.2.1").unwrap(), admit("::ffff:192.0.2.1").unwrap());
        assert!(admit("192.0.2.1").is_none());
        let other = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8:1::1").is_none(), "the node is full");
        drop(one);
        assert!(admit("192.0.2.1").is_some_and(|place| {
            drop(place);
            true
        }));
        drop((two, other));
        assert_eq!((census.now(), census.accepted(), census.refused()), (0, 4, 2));
        assert!(census.0.counts.lock().networks.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_loopback_only_for_the_node() {
        let census = Census::new(Bounds { node: 4, address: 1 });
        let admit = |text| census.admit(address(text));
        let _one = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8::2").is_none());
        let _here = ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(|text| admit(text).unwrap());
        assert!(admit("127.0.0.1").is_none());
    }
}
