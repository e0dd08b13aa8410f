//! Keeps web pages away from the operator's listener: a browser on this machine reaches it, whoever wrote the page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// What is asked by machines under any name, and tells nothing of people and rooms.
const FOR_ANYBODY: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Answers 403 to requests that a page has made. A browser says where a page comes from whenever one page posts or asks
/// another; and a page whose name was made to lead here gives itself away by that name.
pub(super) async fn refuse(State(own): State<Arc<Option<String>>>, request: Request, next: Next) -> Response {
    match objection(request.headers(), request.uri().path(), own.as_deref()) {
        None => next.run(request).await,
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
    }
}

fn objection(headers: &HeaderMap, path: &str, own: Option<&str>) -> Option<&'static str> {
    if headers.contains_key(ORIGIN) {
        return Some("not for web pages\n");
    }
    // What is no browser may leave it out.
    let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default())?;
    let known = FOR_ANYBODY.contains(&path) || is_known(name(host), own.map(name));
    (!known).then_some("not under this name: use an IP address, localhost, or the host of rpc.advertise\n")
}

fn is_known(name: &str, own: Option<&str>) -> bool {
    let ip = name.trim_start_matches('[').trim_end_matches(']');
    ip.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || own.is_some_and(|own| name.eq_ignore_ascii_case(own))
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(path: &str, host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(HOST, host.parse().unwrap()));
        origin.map(|origin| headers.insert(ORIGIN, origin.parse().unwrap()));
        objection(&headers, path, Some("sfu-1.example:9700")).is_none()
    }

    #[test]
    fn pages_are_known_by_their_origin_or_their_name() {
        for host in
            ["127.0.0.1:9600", "10.0.0.7", "[::1]:9600", "[::1]", "localhost:9600", "SFU-1.example:9600"]
        {
            assert!(allowed("/drain", Some(host), None), "{host}");
            assert!(!allowed("/drain", Some(host), Some("http://evil.example")), "{host}");
        }
        for host in
            ["evil.example:9600", "evil.example", "localhost.evil.example", "1.2.3.4.evil.example", ""]
        {
            assert!(!allowed("/rooms", Some(host), None), "{host}");
            assert!(allowed("/metrics", Some(host), None), "{host}");
            assert!(!allowed("/metrics", Some(host), Some("null")), "{host}");
        }
        assert!(allowed("/rooms", None, None));
    }
}
