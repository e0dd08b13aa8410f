//! Who may connect, and how.

use peer::signalling::{dial, dial_with, request_for};
use peer::{Peer, Server, ServerConfig};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::fixture::Place;

#[tokio::test]
async fn the_sub_protocol_is_selected_when_it_is_offered() {
    let place = Place::new();
    let dialled = dial(place.url(), &place.uid("ada")).await.expect("a connection");
    assert_eq!(dialled.response.headers()["sec-websocket-protocol"], "protoo");

    let mut request = request_for(place.url(), &place.uid("ada")).expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("chat, protoo"));
    let dialled = dial_with(request, None).await.expect("a connection");
    assert_eq!(dialled.response.headers()["sec-websocket-protocol"], "protoo");
}

#[tokio::test]
async fn the_sub_protocol_is_not_required() {
    let place = Place::new();
    let request = request_for(place.url(), &place.uid("ada")).expect("a request");
    let dialled = dial_with(request, None).await.expect("a connection");
    assert!(!dialled.response.headers().contains_key("sec-websocket-protocol"));
    let peer = Peer::over(&place.uid("ada"), dialled.socket);
    assert_eq!(peer.request("join", json!({"rid": place.rid()})).await.expect("a room")["users"], json!([]));
}

#[tokio::test]
async fn a_missing_peer_is_a_bad_request() {
    let place = Place::new();
    for query in ["", "?", "?peer", "?peer=", "?other=ada", "?PEER=ada"] {
        let request = format!("{}{query}", place.url()).into_client_request().expect("a request");
        let error = dial_with(request, None).await.err().unwrap_or_else(|| panic!("{query:?} is let in"));
        assert_eq!(Peer::status_of(&error), Some(400), "{query:?}: {error}");
    }
}

#[tokio::test]
async fn an_invalid_peer_is_a_bad_request() {
    let place = Place::new();
    let too_long = "a".repeat(129);
    // 64 characters of two bytes and one more byte.
    let too_long_in_bytes = format!("{}a", "é".repeat(64));
    for uid in ["\u{0}", "a\nb", "tab\t", "\u{7f}", "\u{85}", &too_long, &too_long_in_bytes] {
        assert_eq!(Peer::refused_status(place.url(), uid).await, Some(400), "{uid:?}");
    }
    let request = format!("{}?peer=%ff%fe", place.url()).into_client_request().expect("a request");
    let error = dial_with(request, None).await.err().expect("what is no UTF-8 is refused");
    assert_eq!(Peer::status_of(&error), Some(400), "{error}");
}

#[tokio::test]
async fn the_longest_peer_is_let_in() {
    let place = Place::new();
    let prefix = place.uid("");
    for uid in [format!("{prefix}{}", "a".repeat(128 - prefix.len())), prefix.clone()] {
        assert_eq!(Peer::refused_status(place.url(), &uid).await, None, "{uid:?}");
    }
}

/// The HTTP status of an upgrade from a page of this origin; `None`: it is let in.
async fn refused_from(url: &str, origin: &str) -> Option<u16> {
    let mut request = request_for(url, "ada").expect("a request");
    request.headers_mut().insert("Origin", HeaderValue::from_str(origin).expect("an origin"));
    match dial_with(request, None).await {
        Ok(_) => None,
        Err(error) => Some(Peer::status_of(&error).unwrap_or_else(|| panic!("{origin}: {error}"))),
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_they_are_allowed() {
    let place = Place::new();
    let own = format!("http://{}", place.address());
    assert_eq!(refused_from(place.url(), &own).await, None, "the server's own page");
    for origin in ["http://evil.example", "https://127.0.0.1", "null"] {
        assert_eq!(refused_from(place.url(), origin).await, Some(403), "{origin}");
    }
    let open = Server::with(ServerConfig::default().set("signal.allowed_origins", "[\"*\"]"));
    assert_eq!(refused_from(open.ws_url(), "http://evil.example").await, None);
    let one = ServerConfig::default().set("signal.allowed_origins", "[\"https://app.example\"]");
    let one = Server::with(one);
    assert_eq!(refused_from(one.ws_url(), "https://app.example").await, None);
    assert_eq!(refused_from(one.ws_url(), "https://other.example").await, Some(403));
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_gets_an_http_answer() {
    let place = Place::new();
    let reply = peer::server::get(place.address(), "/ws?peer=ada").expect("an answer");
    assert!((400..500).contains(&reply.status), "{}", reply.head);
}
