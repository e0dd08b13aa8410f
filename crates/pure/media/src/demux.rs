//! Finds the owner of a datagram: by its address, and a connectivity check by the name that it carries.

use crate::timers::Owner;
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::net::SocketAddr;

/// What a datagram is, by its first byte (RFC 7983 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Stun,
    Dtls,
    /// RTP or RTCP, encrypted.
    Media,
    /// TURN channels, ZRTP, or nothing known.
    Other,
}

/// Looks at the first byte only.
#[inline]
pub(crate) fn classify(datagram: &[u8]) -> Class {
    match datagram.first() {
        Some(0..=3) => Class::Stun,
        Some(20..=63) => Class::Dtls,
        Some(128..=191) => Class::Media,
        _ => Class::Other,
    }
}

/// The two maps. Strangers cannot fill them: an ufrag enters with a transport, of which there are at most
/// [`Limits::transports`](crate::Limits::transports), and an address once a check from it was authentic, at most
/// [`MAX_PATHS`](crate::transport::ice::MAX_PATHS) per transport.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    ufrags: HashMap<Box<str>, Owner>,
    /// The hash is not keyed. Only who holds credentials of a transport can choose what enters, and too little to
    /// make collisions count.
    addresses: FxHashMap<SocketAddr, Owner>,
}

impl Demux {
    pub(crate) fn add(&mut self, ufrag: &str, owner: Owner) {
        self.ufrags.insert(ufrag.into(), owner);
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<Owner> {
        self.ufrags.get(ufrag).copied()
    }

    #[inline]
    pub(crate) fn by_address(&self, address: SocketAddr) -> Option<Owner> {
        self.addresses.get(&address).copied()
    }

    /// The address was validated by this transport, to which it belongs from now on.
    pub(crate) fn claim(&mut self, address: SocketAddr, owner: Owner) {
        self.addresses.insert(address, owner);
    }

    /// The address is no longer this transport's.
    pub(crate) fn release(&mut self, address: SocketAddr, owner: Owner) {
        if self.by_address(address) == Some(owner) {
            self.addresses.remove(&address);
        }
    }

    /// How many names are known.
    pub(crate) fn names(&self) -> usize {
        self.ufrags.len()
    }

    /// How many addresses belong to somebody.
    pub(crate) fn addresses(&self) -> usize {
        self.addresses.len()
    }

    pub(crate) fn remove(&mut self, ufrag: &str, addresses: impl Iterator<Item = SocketAddr>, owner: Owner) {
        self.ufrags.remove(ufrag);
        for address in addresses {
            self.release(address, owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells() {
        let of = |byte: u8| classify(&[byte]);
        assert_eq!((of(0), of(1), of(3)), (Class::Stun, Class::Stun, Class::Stun));
        assert_eq!((of(20), of(22), of(63)), (Class::Dtls, Class::Dtls, Class::Dtls));
        assert_eq!((of(128), of(191)), (Class::Media, Class::Media));
        assert!([4, 19, 64, 127, 192, 255].into_iter().all(|byte| of(byte) == Class::Other));
        assert_eq!(classify(&[]), Class::Other);
    }

    #[test]
    fn an_address_is_released_only_by_its_owner() {
        let (old, new) = (Owner::Stream(1), Owner::Subscription(1));
        let address = "192.0.2.1:5000".parse().unwrap();
        let mut demux = Demux::default();
        demux.add("old", old);
        demux.claim(address, old);
        demux.claim(address, new);
        demux.remove("old", [address].into_iter(), old);
        assert_eq!(demux.by_address(address), Some(new));
        assert_eq!(demux.by_ufrag("old"), None);
    }
}
