//! Addresses: where we listen, what we announce, who may connect.

use std::net::{IpAddr, SocketAddr};

use super::error::ConfigError;
use super::layers::Layers;

impl Layers {
    pub(super) fn listen(&self, section: &'static str, key: &'static str) -> Result<SocketAddr, ConfigError> {
        let expected = "an address and a port such as \"0.0.0.0:8080\" or \"[::]:8080\"";
        self.read(section, key, expected, |value| value.as_str()?.parse().ok())
    }

    /// Addresses to announce: of one host, so neither unspecified nor multicast;
    /// each once.
    pub(super) fn addresses(
        &self,
        section: &'static str,
        key: &'static str,
    ) -> Result<Vec<IpAddr>, ConfigError> {
        let expected = "a list of IP addresses such as [\"192.0.2.1\", \"2001:db8::1\"]";
        let mut ips: Vec<IpAddr> = self.list(section, key, expected, |text| {
            let ip: IpAddr = text.parse().ok()?;
            (!ip.is_unspecified() && !ip.is_multicast()).then(|| ip.to_canonical())
        })?;
        let mut seen = Vec::new();
        ips.retain(|ip| {
            !seen.contains(ip) && {
                seen.push(*ip);
                true
            }
        });
        Ok(ips)
    }

    /// `*`, or `scheme://host[:port]` as browsers write it in the Origin header.
    pub(super) fn origins(
        &self,
        section: &'static str,
        key: &'static str,
    ) -> Result<Vec<String>, ConfigError> {
        let expected = "a list of origins such as [\"https://example.org\"], or [\"*\"]";
        self.list(section, key, expected, |text| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            let good = host.is_some_and(|host| {
                !host.is_empty()
                    && !host.contains(['/', '?', '#', '@'])
                    && !host.contains(char::is_whitespace)
            });
            (text == "*" || good).then(|| text.to_owned())
        })
    }
}
