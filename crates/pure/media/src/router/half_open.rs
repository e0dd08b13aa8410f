//! Peer connections that are not connected yet: how many there are, and from where. A handshake costs more than a
//! packet, so whoever begins many and finishes none must not take the places of others.

use crate::timers::Owner;
use rustc_hash::FxHashMap;
use std::net::IpAddr;

/// Who is counted together: an IPv4 address, or the 64 bits of an IPv6 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network(u128);

impl Network {
    /// `None` for loopback: what runs on this machine has no limit of its own, as proxies and tests do.
    fn of(address: IpAddr) -> Option<Self> {
        if address.is_loopback() {
            return None;
        }
        Some(Self(match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        }))
    }
}

/// Those that have 30 s to connect.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    waiting: FxHashMap<Owner, Option<Network>>,
    per_network: FxHashMap<Network, usize>,
}

impl HalfOpen {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// One more, from an address that is not known yet.
    pub(super) fn begin(&mut self, owner: Owner) {
        self.waiting.insert(owner, None);
    }

    /// Whether a check from this address may be answered: its connection is finished or counted there already, or the
    /// address has less than `limit` of them.
    pub(super) fn admits(&self, owner: Owner, address: IpAddr, limit: usize) -> bool {
        let Some(Some(network)) = self.waiting.get(&owner).map(|known| known.or(Network::of(address))) else {
            return true;
        };
        let counted = self.waiting.get(&owner).is_some_and(Option::is_some);
        counted || self.per_network.get(&network).is_none_or(|&count| count < limit)
    }

    /// It was heard from this address for the first time.
    pub(super) fn heard(&mut self, owner: Owner, address: IpAddr) {
        let Some(known @ None) = self.waiting.get_mut(&owner) else { return };
        *known = Network::of(address);
        if let Some(network) = *known {
            *self.per_network.entry(network).or_default() += 1;
        }
    }

    /// It is connected, or over.
    pub(super) fn done(&mut self, owner: Owner) {
        let Some(Some(network)) = self.waiting.remove(&owner) else { return };
        let Some(count) = self.per_network.get_mut(&network) else { return };
        *count -= 1;
        if *count == 0 {
            self.per_network.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_and_gets_them_back() {
        let (mut half_open, here) = (HalfOpen::default(), address("192.0.2.1"));
        let owners: Vec<Owner> = (0..3).map(Owner::Stream).collect();
        owners.iter().for_each(|&owner| half_open.begin(owner));
        for &owner in &owners[..2] {
            assert!(half_open.admits(owner, here, 2));
            half_open.heard(owner, here);
            half_open.heard(owner, here);
        }
        assert!(!half_open.admits(owners[2], here, 2));
        assert!(half_open.admits(owners[2], address("192.0.2.2"), 2), "others are not concerned");
        assert!(half_open.admits(owners[0], here, 2), "it is counted already");
        half_open.done(owners[0]);
        half_open.done(owners[0]);
        assert!(half_open.admits(owners[2], here, 2));
        assert!(half_open.admits(owners[0], here, 0), "it is connected");
        half_open.done(owners[1]);
        half_open.done(owners[2]);
        assert!(half_open.waiting.is_empty() && half_open.per_network.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_loopback_not_at_all() {
        let mut half_open = HalfOpen::default();
        (0..4).for_each(|n| half_open.begin(Owner::Subscription(n)));
        half_open.heard(Owner::Subscription(0), address("2001:db8::1"));
        assert!(!half_open.admits(Owner::Subscription(1), address("2001:db8::2"), 1));
        assert!(half_open.admits(Owner::Subscription(1), address("2001:db8:0:1::1"), 1));
        half_open.heard(Owner::Subscription(2), address("::1"));
        assert!(half_open.admits(Owner::Subscription(3), address("127.0.0.1"), 0));
        assert_eq!(half_open.len(), 4);
    }
}
