//! The whole program on free ports: a call's signalling, the pages, the
//! operator's view, and the end.

use std::time::{Duration, Instant};

use crate::support::{Client, http};
use anabranch::Standalone;
use anabranch::config::{Config, Sources};
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) fn config(flags: &[&str]) -> Config {
    let mut all = vec![
        "signal.listen=127.0.0.1:0".to_owned(),
        "ops.listen=127.0.0.1:0".to_owned(),
        "sfu.ips=[\"127.0.0.1\"]".to_owned(),
        "sfu.port=0".to_owned(),
        "sfu.workers=1".to_owned(),
    ];
    all.extend(flags.iter().map(ToString::to_string));
    Config::load(&Sources { flags: &all, ..Sources::default() }).unwrap()
}

async fn start() -> Standalone {
    Standalone::start(&config(&[])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_meet_and_talk() {
    let server = start().await;
    let (mut ann, mut bob) = (
        Client::connect(server.signal_address(), "ann").await,
        Client::connect(server.signal_address(), "bob").await,
    );
    assert_eq!(ann.done("join", json!({"rid": "r"})).await, json!({"users": [], "pubs": []}));
    let found = bob.done("join", json!({"rid": "r"})).await;
    assert_eq!(found["users"][0]["uid"], "ann");
    assert_eq!(ann.notified("peer-join").await["uid"], "bob");

    bob.done("broadcast", json!({"rid": "r", "data": {"text": "hello"}})).await;
    let heard = ann.notified("broadcast").await;
    assert_eq!(heard, json!({"rid": "r", "uid": "bob", "data": {"text": "hello"}}));

    bob.done("leave", json!({"rid": "r"})).await;
    assert_eq!(ann.notified("peer-leave").await, json!({"rid": "r", "uid": "bob"}));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_cannot_be_used_is_the_sfus_error_by_its_number() {
    let server = start().await;
    let mut ann = Client::connect(server.signal_address(), "ann").await;
    ann.done("join", json!({"rid": "r"})).await;
    let jsep = json!({"type": "offer", "sdp": "v=0\r\n"});
    let minfo = json!({"audio": true, "video": true, "audiotype": 0, "videotype": 0});
    let answer = ann.ask("publish", json!({"rid": "r", "jsep": jsep, "minfo": minfo})).await;
    assert_eq!((&answer["ok"], &answer["errorCode"]), (&json!(false), &json!(6)), "{answer}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_served_with_what_browsers_need() {
    let server = start().await;
    let address = server.signal_address();
    let (head, body) = http(address, "GET /?room=x").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for line in [
        "content-type: text/html",
        "content-security-policy: default-src 'self'",
        "x-content-type-options: nosniff",
        "cache-control: no-cache",
        "etag: \"",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(body.contains("<html"));

    let (same, none) = http(address, "HEAD /").await;
    assert!(same.starts_with("http/1.1 200") && none.is_empty(), "{same}");
    assert!(same.contains(&format!("content-length: {}", body.len())), "{same}");
    assert!(http(address, "GET /nothing").await.0.starts_with("http/1.1 404"));
    assert!(http(address, "GET /package.json").await.0.starts_with("http/1.1 404"));
    assert!(http(address, "POST /").await.0.starts_with("http/1.1 405"));

    let (head, body) = http(address, "GET /servers.json").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(body, r#"{"urls":[]}"#);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_that_it_lives_and_is_ready() {
    let server = start().await;
    let address = server.ops_address();
    assert!(http(address, "GET /healthz").await.0.starts_with("http/1.1 200"));
    let (head, body) = http(address, "GET /readyz").await;
    assert!(head.starts_with("http/1.1 200") && body == "ready\n", "{head} {body}");
    assert!(server.greeting().contains(&format!("http://{}/", server.signal_address())));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_closes_the_clients_and_frees_the_ports() {
    let server = start().await;
    let mut ann = Client::connect(server.signal_address(), "ann").await;
    ann.done("join", json!({"rid": "r"})).await;
    let (signal, ops) = (server.signal_address(), server.ops_address());
    let began = Instant::now();
    server.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(ann.hear().await, None);
    for address in [signal, ops] {
        TcpListener::bind(address).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    for key in ["ops.listen", "signal.listen"] {
        let result = Standalone::start(&config(&[&format!("{key}={address}")])).await;
        let message = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(&address.to_string()) && message.contains(key), "{message}");
    }
    let udp = std::net::UdpSocket::bind("[::]:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    let result = Standalone::start(&config(&[&format!("sfu.port={port}")])).await;
    let message = result.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains(&format!("UDP port {port}")), "{message}");
}
