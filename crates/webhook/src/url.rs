//! Where a webhook goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;

/// A URL that requests can be sent to: http or https, and a host that is a DNS name or an IP address in its usual form.
///
/// Path and query may hold a key of the receiver's, so neither `Display` nor `Debug` shows more than scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    uri: Uri,
    is_tls: bool,
    host: Host,
    port: u16,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why a text is no URL for a webhook. Repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is too long.
    #[error("has {len} bytes, expected at most {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// It is none at all: a space, a control character, a letter that is not ASCII, or no structure.
    #[error("is no URL, expected https://HOST/PATH with everything unusual percent-encoded")]
    Shape,
    /// It begins with neither `http://` nor `https://`.
    #[error("has another scheme, expected http or https")]
    Scheme,
    /// There is a name, or a name and a password, before the host.
    #[error("has a user before its host, which is not supported")]
    User,
    /// There is something behind a `#`.
    #[error("has a fragment (#…), which is never sent")]
    Fragment,
    /// There is no host.
    #[error("has no host")]
    NoHost,
    /// The host is neither a DNS name nor an IP address.
    #[error("has a host that is neither a DNS name (letters, digits, '-', '_' and '.') nor an IP address")]
    Host,
    /// The host is a number of a kind that only some programs take for an IP address.
    #[error("has a host that ends in a number and is no IPv4 address of four decimal numbers")]
    NumericHost,
    /// The port is not one that can be connected to.
    #[error("has a port that is not between 1 and 65535")]
    Port,
}

impl HookUrl {
    /// The longest URL.
    pub const MAX_BYTES: usize = 2048;

    /// Takes a URL from outside.
    ///
    /// # Errors
    /// Says what is wrong with it and what was expected.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidUrl::TooLong { len: text.len(), max: Self::MAX_BYTES });
        }
        // Whoever parses it cuts it off in silence.
        if text.contains('#') {
            return Err(InvalidUrl::Fragment);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let is_tls = is_tls(scheme)?;
        if rest.is_empty() || rest.starts_with(['/', '?', ':']) {
            return Err(InvalidUrl::NoHost);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Shape)?;
        let authority = uri.authority().ok_or(InvalidUrl::NoHost)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::User);
        }
        let host = host(authority.host())?;
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = port_number(port, is_tls)?;
        Ok(Self { is_tls, host, port, uri })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn is_tls(scheme: &str) -> Result<bool, InvalidUrl> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(false),
        "https" => Ok(true),
        _ => Err(InvalidUrl::Scheme),
    }
}

/// `text` is what follows the host.
fn port_number(text: &str, is_tls: bool) -> Result<u16, InvalidUrl> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Ok(if is_tls { 443 } else { 80 }),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port != 0).ok_or(InvalidUrl::Port)
        }
        _ => Err(InvalidUrl::Port),
    }
}

fn host(text: &str) -> Result<Host, InvalidUrl> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address
            .parse::<Ipv6Addr>()
            .map(|address| Host::Address(address.into()))
            .map_err(|_| InvalidUrl::Host);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    // A DNS name has 253 bytes at most, and its labels 63 (RFC 1035 section 2.3.4).
    let labels: Vec<&str> = text.split('.').collect();
    if text.len() > 253 || !labels.iter().all(|label| is_label(label)) {
        return Err(InvalidUrl::Host);
    }
    // As the URL standard has it: a resolver may take 127.1, 0x7f000001 or 2130706433 for 127.0.0.1.
    if labels.last().is_some_and(|label| is_number(label)) {
        return Err(InvalidUrl::NumericHost);
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

fn is_label(label: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(legal)
}

fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        match &self.host {
            Host::Address(address @ IpAddr::V6(_)) => write!(f, "{scheme}://[{address}]:{}", self.port),
            host => write!(f, "{scheme}://{host}:{}", self.port),
        }
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_urls_are_taken_and_shown_without_what_may_be_secret() {
        for (text, shown) in [
            ("https://example.com", "https://example.com:443"),
            ("HTTPS://Example.com/hook?key=secret", "https://example.com:443"),
            ("http://hooks.example.com:8080/a/secret", "http://hooks.example.com:8080"),
            ("http://127.0.0.1/x", "http://127.0.0.1:80"),
            ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443"),
            ("http://my_host/", "http://my_host:80"),
            ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example:80"),
            ("http://1.example/", "http://1.example:80"),
        ] {
            let url = HookUrl::parse(text).unwrap_or_else(|error| panic!("{text} {error}"));
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
    }

    #[test]
    fn a_url_that_cannot_be_is_named() {
        let long = format!("http://a/{}", "x".repeat(HookUrl::MAX_BYTES));
        for (text, why) in [
            ("", InvalidUrl::Scheme),
            ("example.com/hook", InvalidUrl::Scheme),
            ("ftp://example.com/", InvalidUrl::Scheme),
            ("http:/example.com", InvalidUrl::Scheme),
            ("http://", InvalidUrl::NoHost),
            ("http:///hook", InvalidUrl::NoHost),
            ("http://:80/", InvalidUrl::NoHost),
            ("http://?x", InvalidUrl::NoHost),
            ("http://ann:secret@example.com/", InvalidUrl::User),
            ("http://@example.com/", InvalidUrl::User),
            ("http://example.com/#top", InvalidUrl::Fragment),
            ("http://example.com/a b", InvalidUrl::Shape),
            ("http://example.com/\r\nx: y", InvalidUrl::Shape),
            ("http://bücher.example/", InvalidUrl::Shape),
            ("http://example.com:0/", InvalidUrl::Port),
            ("http://example.com:/", InvalidUrl::Port),
            ("http://example.com:65536/", InvalidUrl::Port),
            ("http://example..com/", InvalidUrl::Host),
            ("http://example.com./", InvalidUrl::Host),
            ("http://a%2eb/", InvalidUrl::Host),
            ("http://[fe80::1%25eth0]/", InvalidUrl::Host),
            (&long, InvalidUrl::TooLong { len: long.len(), max: HookUrl::MAX_BYTES }),
        ] {
            let found = HookUrl::parse(text).unwrap_err();
            assert!(
                found == why || matches!((found, why), (InvalidUrl::Shape, InvalidUrl::Host)),
                "{text:?}: {found:?}, expected {why:?}"
            );
            assert!(!found.to_string().contains("secret"));
        }
    }

    #[test]
    fn no_number_but_a_plain_address_is_a_host() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0X7F000001",
            "017700000001",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "127.0.0.01",
            "0x7f.0.0.1",
            "127.0.0.0x1",
            "256.0.0.1",
            "1.2.3.4.5",
            "0x",
            "example.1",
            "foo.0x7f",
        ] {
            let found = HookUrl::parse(&format!("http://{host}/"));
            assert_eq!(found, Err(InvalidUrl::NumericHost), "{host}");
        }
    }
}
