//! Addresses: where we listen, what we announce, who may connect.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// `HOST` or `HOST:PORT`.
fn is_authority(text: &str) -> bool {
    let good =
        |authority: Authority| !authority.host().is_empty() && !text.contains('@') && !text.ends_with(':');
    text.parse().is_ok_and(good)
}

impl Layers {
    pub(super) fn listen(&self, section: &'static str, key: &'static str) -> Result<SocketAddr, ConfigError> {
        let expected = "an address and a port such as \"0.0.0.0:8080\" or \"[::]:8080\"";
        self.read(section, key, expected, |value| value.as_str()?.parse().ok())
    }

    /// One address or a list of them: `SCHEME://HOST[:PORT]`, without a name and password in it, which
    /// would stand in every log.
    pub(super) fn servers(
        &self,
        section: &'static str,
        key: &'static str,
        schemes: &[&str],
        example: &str,
    ) -> Result<Vec<String>, ConfigError> {
        let good = |text: &str| {
            let (scheme, rest) = text.split_once("://")?;
            (schemes.contains(&scheme) && is_authority(rest)).then(|| text.to_owned())
        };
        let expected = format!("one or several addresses such as [{example:?}]");
        self.read(section, key, &expected, |value| match value {
            Value::String(one) => Some(vec![good(one)?]),
            Value::Array(items) if !items.is_empty() => {
                items.iter().map(|item| good(item.as_str()?)).collect()
            }
            _ => None,
        })
    }

    /// `rpc.advertise`, as `HOST:PORT`. A scheme may be written, but is what the certificates say.
    pub(super) fn advertised(&self, secure: bool) -> Result<String, ConfigError> {
        let scheme = if secure { "https://" } else { "http://" };
        let expected = format!("an address that other nodes reach, such as \"{scheme}192.0.2.7:9700\"");
        self.read("rpc", "advertise", &expected, |value| {
            let text = value.as_str()?;
            let address = text.strip_prefix(scheme).unwrap_or(text);
            let port = address.parse::<Authority>().ok()?.port_u16()?;
            (is_authority(address) && port != 0).then(|| address.to_owned())
        })
    }

    /// The addresses at which clients reach the cluster's other signalling nodes.
    pub(super) fn websockets(
        &self,
        section: &'static str,
        key: &'static str,
    ) -> Result<Vec<String>, ConfigError> {
        let expected = "a list of WebSocket addresses such as [\"wss://one.example.org/ws\"]";
        self.list(section, key, expected, |text| {
            let rest = text.strip_prefix("wss://").or_else(|| text.strip_prefix("ws://"))?;
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            (is_authority(authority) && !path.contains(['#', '?', ' '])).then(|| text.to_owned())
        })
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
