//! Which web pages may connect.
//!
//! A browser lets any page open a WebSocket to anywhere and says only whose
//! page it is. So the server's own pages may, those that are configured may, and
//! whoever is no browser (no `Origin` at all) may.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

#[derive(Clone, Debug)]
pub(super) struct Origins(Vec<String>);

impl Origins {
    pub(super) fn new(allowed: &[String]) -> Self {
        Self(allowed.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect())
    }

    /// Whether a request with these headers may open a WebSocket.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        if self.0.iter().any(|allowed| allowed == "*") {
            return true;
        }
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) || is_own(origin, headers)
    }
}

/// Whether the page came from the host that it now connects to. The scheme is
/// not compared: a proxy in front may speak TLS for us.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    // Neither side writes the scheme's own port, but a client by hand may.
    let host = host.strip_suffix(port).unwrap_or(host);
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    !host.is_empty() && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::{HOST, HeaderMap, ORIGIN, Origins};

    fn allows(allowed: &[&str], host: &str, origin: Option<&str>) -> bool {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        Origins::new(&allowed).allow(&headers)
    }

    #[test]
    fn without_an_origin_or_from_the_own_host_one_may() {
        assert!(allows(&[], "example.org:8080", None));
        assert!(allows(&[], "example.org:8080", Some("http://example.org:8080")));
        assert!(allows(&[], "example.org", Some("https://EXAMPLE.org")));
        assert!(allows(&[], "example.org:443", Some("https://example.org")));
        assert!(allows(&[], "[::1]:8080", Some("http://[::1]:8080")));
    }

    #[test]
    fn other_pages_may_not() {
        for origin in [
            "http://evil.example",
            "http://example.org",
            "http://example.org:8081",
            "http://example.org:8080.evil.example",
            "http://evil.example/example.org:8080",
            "null",
            "file://",
            "",
        ] {
            assert!(!allows(&[], "example.org:8080", Some(origin)), "{origin}");
        }
        assert!(!allows(&[], "", Some("http://")));
    }

    #[test]
    fn configured_pages_may_and_a_star_lets_in_all() {
        let allowed = ["https://app.example/", "http://localhost:3000"];
        assert!(allows(&allowed, "h", Some("https://app.example")));
        assert!(allows(&allowed, "h", Some("http://localhost:3000")));
        assert!(allows(&allowed, "h", Some("http://h")), "the own page still may");
        assert!(!allows(&allowed, "h", Some("http://app.example")));
        assert!(allows(&["*"], "h", Some("null")));
    }
}
