use proptest::prelude::*;

use super::*;

fn what(text: &str) -> Option<&'static str> {
    special(text.parse().unwrap())
}

#[test]
fn each_special_range_ends_where_it_says() {
    for (first, last, below, above, expected) in [
        ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0", "private"),
        ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0", "private to a carrier"),
        ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0", "loopback"),
        ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0", "link-local"),
        ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0", "private"),
        ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0", "reserved"),
        ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0", "for documentation"),
        ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0", "reserved"),
        ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0", "private"),
        ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0", "for benchmarks"),
        ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0", "for documentation"),
        ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0", "for documentation"),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db7::",
            "2001:db9::",
            "for documentation",
        ),
        ("2001::", "2001:1ff::", "2000:ffff::", "2001:200::", "reserved"),
        ("3fff::", "3fff:fff::", "3ffe::", "3fff:1000::", "for documentation"),
    ] {
        assert_eq!((what(first), what(last)), (Some(expected), Some(expected)), "{first}");
        assert_eq!((what(below), what(above)), (None, None), "beside {first}");
    }
}

#[test]
fn what_nobody_has_is_not_public() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        // Private, link-local, site-local, multicast.
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        // Compatible with IPv4, translated, NAT64 of one's own, discard-only.
        "::8.8.8.8",
        "::127.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b:1::808:808",
        "100::1",
        "1fff:ffff::1",
        "4000::1",
        "5f00::1",
        // Teredo of a private client.
        "2001:0:808:808::f5ff:fffe",
    ] {
        assert!(what(text).is_some(), "{text}");
    }
    assert_eq!(what("255.255.255.255"), Some("broadcast"));
}

#[test]
fn public_addresses_are() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "2620:4f:8000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ] {
        assert_eq!(what(text), None, "{text}");
    }
}

#[test]
fn a_private_address_within_another_is_found() {
    for text in [
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:c0a8:101:1::1",
        "2002:a00::1",
    ] {
        assert!(what(text).is_some(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let by_std = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_multicast() || address.is_broadcast() || address.is_documentation()
            || address.is_unspecified();
        prop_assert!(!by_std || special(address.into()).is_some());
    }

    #[test]
    fn the_way_in_which_an_address_is_written_changes_nothing(bits: u32) {
        let plain = special(Ipv4Addr::from(bits).into());
        for carried in [
            0xffff_0000_0000 | u128::from(bits),
            (0x0064_ff9b_u128 << 96) | u128::from(bits),
            (0x2002_u128 << 112) | u128::from(bits) << 80 | 0x1234,
        ] {
            prop_assert_eq!(special(Ipv6Addr::from(carried).into()), plain);
        }
    }

    #[test]
    fn only_one_eighth_of_ipv6_can_be_public(bits: u128) {
        let address = Ipv6Addr::from(bits);
        let first = address.segments()[0];
        prop_assume!(first & 0xe000 != 0x2000 && bits >> 32 != 0xffff && bits >> 32 != 0x64_ff9b << 64);
        prop_assert!(special(address.into()).is_some());
    }
}
