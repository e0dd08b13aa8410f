//! Where a server is.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo};

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    host: String,
    port: u16,
}

impl Address {
    pub(super) fn of(addr: &ConnectionAddr) -> Self {
        match addr {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Self { host: host.clone(), port: *port }
            }
            // No other gets past the configuration.
            _ => Self { host: String::new(), port: 0 },
        }
    }

    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// What a redirection names: `HOST:PORT`, where a server that does not know its own host leaves it out.
    pub(super) fn redirected(node: &str, by: &Self) -> Option<Self> {
        let (host, port) = node.rsplit_once(':')?;
        let host = if host.is_empty() || host == "?" { by.host.as_str() } else { host };
        Some(Self::new(host.trim_matches(['[', ']']), port.parse().ok()?))
    }

    /// How to reach this address in the way in which another is reached.
    pub(super) fn like(&self, other: &ConnectionInfo) -> ConnectionInfo {
        let addr = match other.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: self.host.clone(),
                port: self.port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(self.host.clone(), self.port),
        };
        other.clone().set_addr(addr)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_names_a_host_or_means_the_one_that_redirects() {
        let by = Address::new("10.0.0.1", 7000);
        let to = |node| Address::redirected(node, &by).map(|address| address.to_string());
        assert_eq!(to("10.0.0.2:7001"), Some("10.0.0.2:7001".to_owned()));
        assert_eq!(to(":7001"), Some("10.0.0.1:7001".to_owned()));
        assert_eq!(to("?:7001"), Some("10.0.0.1:7001".to_owned()));
        assert_eq!(to("2001:db8::1:7001"), Some("2001:db8::1:7001".to_owned()));
        assert_eq!(to("nonsense"), None);
        assert_eq!(to("host:port"), None);
    }
}
