//! The addresses that clients are told to send to.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use if_addrs::Interface;

/// More than that in one answer help nobody: each one is checked by the client,
/// in pairs with each of its own. A machine with more (many container networks)
/// has to choose.
const MAX_ANNOUNCED: usize = 32;

/// There is nothing that could be announced.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The interfaces could not be listed.
    #[error("cannot list the network interfaces (set sfu.ips): {0}")]
    Interfaces(#[source] io::Error),
    /// No interface is up, or none of the addresses set can be used.
    #[error(
        "no usable address: no interface is up, or sfu.ips names only IPv6 addresses and this machine has no IPv6"
    )]
    NoAddress,
}

/// What was configured, or where that is nothing, the addresses of all interfaces
/// that are up.
pub(crate) fn announced(configured: &[IpAddr], has_ipv6: bool) -> Result<Vec<IpAddr>, AddressError> {
    let mut ips = if configured.is_empty() {
        of_interfaces(&if_addrs::get_if_addrs().map_err(AddressError::Interfaces)?)
    } else {
        configured.to_vec()
    };
    if !has_ipv6 {
        ips.retain(IpAddr::is_ipv4);
    }
    if ips.is_empty() {
        return Err(AddressError::NoAddress);
    }
    if ips.len() > MAX_ANNOUNCED {
        tracing::warn!(
            addresses = ips.len(),
            announced = MAX_ANNOUNCED,
            "this machine has too many addresses to announce all: set sfu.ips"
        );
        ips.truncate(MAX_ANNOUNCED);
    }
    Ok(ips)
}

/// Those of interfaces that are up, each once, loopback last: browsers try it only
/// when they are told to. Link-local IPv6 addresses mean nothing without the
/// interface, which SDP cannot name.
fn of_interfaces(interfaces: &[Interface]) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = Vec::new();
    for interface in interfaces.iter().filter(|interface| interface.is_oper_up()) {
        let ip = interface.ip();
        if !is_link_local_v6(ip) && !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    ips.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    ips
}

fn is_link_local_v6(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if Ipv6Addr::is_unicast_link_local(&ip))
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(ip: &str, oper_status: IfOperStatus) -> Interface {
        let addr = match ip.parse().unwrap() {
            IpAddr::V4(ip) => {
                IfAddr::V4(Ifv4Addr { ip, netmask: [255, 0, 0, 0].into(), prefixlen: 8, broadcast: None })
            }
            IpAddr::V6(ip) => {
                IfAddr::V6(Ifv6Addr { ip, netmask: Ipv6Addr::LOCALHOST, prefixlen: 64, broadcast: None })
            }
        };
        Interface { name: "if0".into(), addr, index: None, oper_status, is_p2p: false }
    }

    #[test]
    fn interfaces_that_are_up_are_announced_loopback_last() {
        use IfOperStatus::{Down, Up};
        let interfaces = [
            interface("127.0.0.1", Up),
            interface("::1", Up),
            interface("192.0.2.2", Up),
            interface("192.0.2.2", Up),
            interface("fe80::1", Up),
            interface("2001:db8::2", Up),
            interface("198.51.100.1", Down),
        ];
        let ips: Vec<_> = of_interfaces(&interfaces).iter().map(ToString::to_string).collect();
        assert_eq!(ips, ["192.0.2.2", "2001:db8::2", "127.0.0.1", "::1"]);
    }

    #[test]
    fn what_is_configured_is_announced_as_it_is() {
        let ips = ["203.0.113.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        assert_eq!(announced(&ips, true).unwrap(), ips);
        assert_eq!(announced(&ips, false).unwrap(), ips[..1]);
        assert!(matches!(announced(&ips[1..], false), Err(AddressError::NoAddress)));
    }

    #[test]
    fn this_machine_has_at_least_loopback() {
        assert!(announced(&[], true).unwrap().iter().any(IpAddr::is_loopback));
    }
}
