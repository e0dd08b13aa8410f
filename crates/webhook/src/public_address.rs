//! Which addresses are out on the Internet. All others are those of the operator's own network, or of nobody, and
//! whoever may choose a URL is not to reach them by it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is no public address in IPv4, by the IANA's registry of special-purpose addresses (RFC 6890).
const SPECIAL_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "private to a carrier"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same in IPv6. Whatever else is outside of [`GLOBAL_V6`] is not public either.
const SPECIAL_V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
    // Teredo, benchmarks and ORCHIDs among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
];

/// Where IPv6 carries an IPv4 address: the prefix, and how many bits are below that address.
const CARRIES_V4: &[(Ipv6Addr, u32, u32)] = &[
    // IPv4-mapped (RFC 4291): the system connects to the IPv4 address.
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 0),
    // NAT64 (RFC 6052).
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 0),
    // 6to4 (RFC 3056).
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 80),
];

/// The global unicast addresses that are given out (RFC 4291).
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What an address is instead of a public one; `None` for one that is public.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let found =
        SPECIAL_V4.iter().find(|(base, bits, _)| u32::from(address) ^ u32::from(*base) < low_v4(*bits));
    found.map(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some((_, _, below)) = CARRIES_V4.iter().find(|(base, bits, _)| in_v6(address, *base, *bits)) {
        return special_v4(Ipv4Addr::from((u128::from(address) >> below) as u32));
    }
    let found = SPECIAL_V6.iter().find(|(base, bits, _)| in_v6(address, *base, *bits));
    let elsewhere = || (!in_v6(address, GLOBAL_V6.0, GLOBAL_V6.1)).then_some("reserved");
    found.map(|(_, _, what)| *what).or_else(elsewhere)
}

/// How many addresses share so many leading bits; all of them are 2^32, which does not occur.
fn low_v4(bits: u32) -> u32 {
    1_u32 << (32 - bits)
}

fn in_v6(address: Ipv6Addr, base: Ipv6Addr, bits: u32) -> bool {
    (u128::from(address) ^ u128::from(base)) < 1_u128 << (128 - bits)
}

#[cfg(test)]
mod tests;
