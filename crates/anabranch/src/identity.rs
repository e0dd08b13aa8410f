//! Who a node of a cluster is, where its config does not say: a name that no other has, and an address that
//! others reach.

use std::net::{IpAddr, SocketAddr};

use model::NodeId;

use crate::config::{Config, Program};

/// What of a host's name goes into a node's: with role and letters it stays within the 64 of a [`NodeId`].
const MAX_HOST: usize = 40;

/// The node's id: the configured one, or for a node of a cluster one made up for this run. Two nodes of one
/// name would take each other's place, so the made-up one has random letters.
pub(crate) fn node_id(config: &Config, program: Program) -> Option<NodeId> {
    if let Some(id) = &config.node.id {
        return Some(id.clone());
    }
    if program == Program::Standalone {
        return NodeId::parse("standalone").ok();
    }
    let host = rustix::system::uname();
    let host = host_part(&host.nodename().to_string_lossy());
    let letters = getrandom::u32().ok()?;
    NodeId::parse(&format!("{host}-{program}-{letters:08x}")).ok()
}

/// The first label of a host's name, of letters that an id may have.
fn host_part(name: &str) -> String {
    let label = name.split('.').next().unwrap_or_default();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    let part: String = label.chars().filter(allowed).take(MAX_HOST).collect();
    if part.is_empty() { "node".into() } else { part }
}

/// The address that other nodes are told: the configured one, or the one that was bound, and where that is
/// any, the first of an interface that leads to others.
pub(crate) fn advertised(configured: Option<&str>, bound: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let address = configured.map_or_else(|| reachable(bound).to_string(), str::to_owned);
    format!("{scheme}://{address}")
}

fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let ips: Vec<IpAddr> =
        interfaces.iter().filter(|interface| !interface.is_loopback()).map(if_addrs::Interface::ip).collect();
    SocketAddr::new(most_reachable(&ips, bound.is_ipv6()), bound.port())
}

/// IPv4 first: every machine has it. A link-local address leads nowhere without its interface.
fn most_reachable(ips: &[IpAddr], with_ipv6: bool) -> IpAddr {
    let global = |ip: &&IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => with_ipv6 && !ip.is_unicast_link_local(),
    };
    let mut found = ips.iter().filter(global);
    let first = found.clone().find(|ip| ip.is_ipv4()).or_else(|| found.next());
    first.copied().unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn config(flags: &[&str]) -> Config {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        Config::load(&Sources { flags: &flags, ..Sources::default() }).unwrap()
    }

    #[test]
    fn a_nodes_name_is_its_own_unless_it_was_given_one() {
        let id = |flags: &[&str], program| node_id(&config(flags), program).unwrap().to_string();
        assert_eq!(id(&[], Program::Standalone), "standalone");
        assert_eq!(id(&["node.id=a"], Program::Sfu), "a");
        let (one, other) = (id(&[], Program::Sfu), id(&[], Program::Sfu));
        assert!(one.contains("-sfu-"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn any_hosts_name_becomes_part_of_an_id() {
        assert_eq!(host_part("web-1.example.org"), "web-1");
        assert_eq!(host_part(""), "node");
        assert_eq!(host_part("löwe"), "lwe");
        assert_eq!(host_part(&"a".repeat(64)).len(), MAX_HOST);
    }

    #[test]
    fn others_are_told_an_address_that_leads_here() {
        let bound = |text: &str| text.parse().unwrap();
        assert_eq!(advertised(None, bound("10.0.0.7:9700"), false), "http://10.0.0.7:9700");
        assert_eq!(advertised(None, bound("[2001:db8::1]:9700"), true), "https://[2001:db8::1]:9700");
        assert_eq!(advertised(Some("a.example:1"), bound("0.0.0.0:9700"), false), "http://a.example:1");
        assert!(!advertised(None, bound("0.0.0.0:9700"), false).contains("0.0.0.0"));
    }

    #[test]
    fn of_several_addresses_the_one_is_chosen_that_all_reach() {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let chosen = |texts: &[&str], with_ipv6| most_reachable(&ips(texts), with_ipv6).to_string();
        assert_eq!(chosen(&["fe80::1", "2001:db8::1", "169.254.1.1", "10.0.0.7"], true), "10.0.0.7");
        assert_eq!(chosen(&["fe80::1", "2001:db8::1"], true), "2001:db8::1");
        assert_eq!(chosen(&["2001:db8::1"], false), "127.0.0.1");
        assert_eq!(chosen(&[], true), "127.0.0.1");
    }
}
