//! Socket addresses as the kernel lays them out. Written byte by byte, in safe
//! code: the layouts are fixed by the ABI (`sockaddr_in`, `sockaddr_in6`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// What the socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// IPv6, and IPv4 as mapped addresses.
    Dual,
    /// IPv4 only.
    V4,
}

/// `sizeof(struct sockaddr_in6)`, the larger of the two.
const SPACE: usize = 28;

/// A `sockaddr_in` or `sockaddr_in6`.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Name([u8; SPACE]);

/// An IPv4 address is an IPv4 address, however it came.
pub(super) fn canonical(ip: Ipv6Addr) -> IpAddr {
    ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
}

/// How a dual-stack socket names an address.
pub(super) fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

impl Name {
    pub(super) const EMPTY: Self = Self([0; SPACE]);

    /// The address as this family writes it, with its length. `None` for an
    /// IPv6 address on an IPv4 socket.
    pub(super) fn encode(address: SocketAddr, family: Family) -> Option<(Self, libc::socklen_t)> {
        let mut writer = Writer { bytes: [0; SPACE], at: 0 };
        match (family, address) {
            (Family::V4, SocketAddr::V6(_)) => return None,
            (Family::V4, SocketAddr::V4(v4)) => {
                writer.put(&(libc::AF_INET as libc::sa_family_t).to_ne_bytes());
                writer.put(&v4.port().to_be_bytes());
                writer.put(&v4.ip().octets());
                // sin_zero fills it up to 16.
                writer.put(&[0; 8]);
            }
            (Family::Dual, address) => {
                let scope = if let SocketAddr::V6(v6) = address { v6.scope_id() } else { 0 };
                writer.put(&(libc::AF_INET6 as libc::sa_family_t).to_ne_bytes());
                writer.put(&address.port().to_be_bytes());
                writer.put(&0u32.to_ne_bytes());
                writer.put(&mapped(address.ip()).octets());
                writer.put(&scope.to_ne_bytes());
            }
        }
        Some((Self(writer.bytes), writer.at as libc::socklen_t))
    }

    /// The address that the kernel wrote. `None` for another address family.
    pub(super) fn decode(&self) -> Option<SocketAddr> {
        let family = libc::c_int::from(libc::sa_family_t::from_ne_bytes(self.take(0)));
        let port = u16::from_be_bytes(self.take(2));
        match family {
            libc::AF_INET => Some((Ipv4Addr::from(self.take::<4>(4)), port).into()),
            libc::AF_INET6 => match canonical(Ipv6Addr::from(self.take::<16>(8))) {
                IpAddr::V4(ip) => Some((ip, port).into()),
                IpAddr::V6(ip) => {
                    Some(SocketAddrV6::new(ip, port, 0, u32::from_ne_bytes(self.take(24))).into())
                }
            },
            _ => None,
        }
    }

    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }
}

/// Fills a fixed space from its start.
struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    fn put(&mut self, field: &[u8]) {
        let end = self.at + field.len();
        if let Some(space) = self.bytes.get_mut(self.at..end) {
            space.copy_from_slice(field);
            self.at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_is_that_of_the_abi() {
        assert_eq!(SPACE, size_of::<libc::sockaddr_in6>());
        let (_, v6) = Name::encode("[::1]:5".parse().unwrap(), Family::Dual).unwrap();
        assert_eq!(v6 as usize, size_of::<libc::sockaddr_in6>());
        let (_, v4) = Name::encode("1.2.3.4:5".parse().unwrap(), Family::V4).unwrap();
        assert_eq!(v4 as usize, size_of::<libc::sockaddr_in>());
    }

    #[test]
    fn addresses_survive_the_way_there_and_back() {
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 3).into();
        for address in ["192.0.2.1:65535".parse().unwrap(), "[2001:db8::7]:1".parse().unwrap(), scoped] {
            let (name, _) = Name::encode(address, Family::Dual).unwrap();
            assert_eq!(name.decode(), Some(address));
        }
        let address = "192.0.2.1:4".parse().unwrap();
        assert_eq!(Name::encode(address, Family::V4).unwrap().0.decode(), Some(address));
        assert!(Name::encode("[::1]:4".parse().unwrap(), Family::V4).is_none());
        assert_eq!(Name::EMPTY.decode(), None);
    }
}
