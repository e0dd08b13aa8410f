//! Finds the owner of a datagram: by its address, and a connectivity check by the name that it carries.

use crate::batch::Protocol;
use crate::timers::Owner;
use crate::transport::ice::Path;
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

/// The maps. Strangers cannot fill them: an ufrag enters with a transport, of which there are at most
/// [`Limits::transports`](crate::Limits::transports), or with the one restart of it that may be under way, and an
/// address once a check from it was authentic, at most [`MAX_PATHS`](crate::transport::ice::MAX_PATHS) per transport.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    ufrags: HashMap<Box<str>, Owner>,
    /// The hash is not keyed. Only who holds credentials of a transport can choose what enters, and too little to
    /// make collisions count.
    addresses: FxHashMap<SocketAddr, Owner>,
    /// The same of connections over TCP.
    connections: FxHashMap<SocketAddr, Owner>,
}

impl Demux {
    pub(crate) fn add(&mut self, ufrag: &str, owner: Owner) {
        self.ufrags.insert(ufrag.into(), owner);
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<Owner> {
        self.ufrags.get(ufrag).copied()
    }

    /// Whose path it is, whichever of our addresses it leads to.
    #[inline]
    pub(crate) fn by_path(&self, path: Path) -> Option<Owner> {
        let owners = match path.protocol {
            Protocol::Udp => &self.addresses,
            Protocol::Tcp => &self.connections,
        };
        owners.get(&path.remote).copied()
    }

    /// The path was validated by this transport, to which it belongs from now on.
    pub(crate) fn claim(&mut self, path: Path, owner: Owner) {
        self.owners(path.protocol).insert(path.remote, owner);
    }

    /// The path is no longer this transport's.
    pub(crate) fn release(&mut self, path: Path, owner: Owner) {
        if self.by_path(path) == Some(owner) {
            self.owners(path.protocol).remove(&path.remote);
        }
    }

    fn owners(&mut self, protocol: Protocol) -> &mut FxHashMap<SocketAddr, Owner> {
        match protocol {
            Protocol::Udp => &mut self.addresses,
            Protocol::Tcp => &mut self.connections,
        }
    }

    /// How many names are known.
    pub(crate) fn names(&self) -> usize {
        self.ufrags.len()
    }

    /// How many addresses belong to somebody.
    pub(crate) fn addresses(&self) -> usize {
        self.addresses.len() + self.connections.len()
    }

    /// Nobody is called that any more.
    pub(crate) fn forget_name(&mut self, ufrag: &str) {
        self.ufrags.remove(ufrag);
    }

    pub(crate) fn remove<'a>(
        &mut self,
        ufrags: impl Iterator<Item = &'a str>,
        paths: impl Iterator<Item = Path>,
        owner: Owner,
    ) {
        ufrags.for_each(|ufrag| self.forget_name(ufrag));
        for path in paths {
            self.release(path, owner);
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
    fn a_path_is_released_only_by_its_owner_and_over_the_other_protocol_another() {
        let (old, new) = (Owner::Stream(1), Owner::Subscription(1));
        let path = Path::udp("192.0.2.1:5000".parse().unwrap(), "192.0.2.9".parse().unwrap());
        let over_tcp = Path { protocol: Protocol::Tcp, ..path };
        let mut demux = Demux::default();
        demux.add("old", old);
        demux.claim(path, old);
        demux.claim(over_tcp, old);
        demux.claim(path, new);
        assert_eq!((demux.by_path(path), demux.by_path(over_tcp)), (Some(new), Some(old)));
        demux.remove(["old"].into_iter(), [path, over_tcp].into_iter(), old);
        assert_eq!((demux.by_path(path), demux.by_path(over_tcp)), (Some(new), None));
        assert_eq!((demux.by_ufrag("old"), demux.addresses()), (None, 1));
    }
}
