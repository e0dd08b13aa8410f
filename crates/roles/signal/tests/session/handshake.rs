//! Who gets in, and how long that may take.

use crate::{
    client::open,
    world::{PATIENCE, World, config},
};
use cluster::{discovery::MemoryDiscovery, events::MemoryEvents};
use futures_util::{SinkExt, StreamExt};
use rpc::channel::Dialer;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use signal::{Config, Edges, Signal, Tls};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What the server says to some bytes, until it closes.
async fn says(address: SocketAddr, bytes: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.expect("the server never closed").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    says(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"))
        .await
}

/// The status of an upgrade that was refused.
async fn refused(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
    match open(address, path, headers).await {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        other => panic!("{path}: {other:?}"),
    }
}

#[tokio::test]
async fn protoo_is_selected_where_it_is_offered_and_not_required() {
    let world = World::new().await;
    for (offered, selected) in [
        (None, None),
        (Some("protoo"), Some("protoo")),
        (Some("chat, protoo"), Some("protoo")),
        (Some("protoo, chat"), Some("protoo")),
    ] {
        let headers: Vec<_> = offered.map(|offer| ("sec-websocket-protocol", offer)).into_iter().collect();
        let (_, response) = open(world.address(), "/ws?peer=alice", &headers).await.unwrap();
        let got = response.headers().get("sec-websocket-protocol").map(|name| name.to_str().unwrap());
        assert_eq!(got, selected);
    }
    // An offer of something else is no reason to refuse. Our client insists on its
    // offer, others do not.
    let offer = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: chat\r\n";
    let mut tcp = TcpStream::connect(world.address()).await.unwrap();
    let request = format!("GET /ws?peer=alice HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let length = timeout(PATIENCE, tcp.read(&mut answer)).await.expect("no answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
}

#[tokio::test]
async fn who_does_not_say_who_they_are_gets_400_and_a_reason() {
    let world = World::new().await;
    let long = format!("/ws?peer={}", "x".repeat(129));
    for path in
        ["/ws", "/ws?", "/ws?peer", "/ws?peer=", "/ws?peer=a&peer=b", "/ws?peer=a%0Ab", "/ws?peer=%ff", &long]
    {
        let (status, why) = refused(world.address(), path, &[]).await;
        assert_eq!(status, 400, "{path}");
        assert!(why.starts_with("peer "), "{path}: {why}");
    }
}

#[tokio::test]
async fn foreign_pages_are_refused_unless_allowed() {
    let world = World::new().await;
    let own = format!("http://{}", world.address());
    assert!(open(world.address(), "/ws?peer=a", &[("origin", &own)]).await.is_ok());
    let evil = [("origin", "https://evil.example")];
    assert_eq!(refused(world.address(), "/ws?peer=a", &evil).await.0, 403);
    let world = World::with(Config { allowed_origins: vec!["*".to_owned()], ..config() }).await;
    assert!(open(world.address(), "/ws?peer=a", &evil).await.is_ok());
}

#[tokio::test]
async fn everything_else_is_for_the_pages() {
    let world = World::new().await;
    let address = world.address();
    assert!(get(address, "/", "").await.ends_with("the demo"));
    assert!(get(address, "/none", "").await.starts_with("HTTP/1.1 404"));
    let answer = get(address, "/ws?peer=a", "").await;
    assert!(answer.starts_with("HTTP/1.1 426"), "{answer}");
    assert!(says(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let many: String = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect();
    assert!(get(address, "/", &many).await.starts_with("HTTP/1.1 431"));
    let long = format!("x: {}\r\n", "y".repeat(40_000));
    assert!(get(address, "/", &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_closed() {
    let world = World::with_timing(|timing| timing.handshake = Duration::from_millis(500)).await;
    for started in ["", "GET /ws?peer=a HTTP/1.1\r\nHost:"] {
        let began = Instant::now();
        assert!(!says(world.address(), started).await.contains("101"));
        assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    }
    // Drop by drop does not help.
    let mut tcp = TcpStream::connect(world.address()).await.unwrap();
    let dripping = async {
        while tcp.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, dripping).await.expect("the server never closed");
}

/// A certificate of our own in a directory of its own.
struct Identity {
    directory: PathBuf,
    tls: Tls,
    certificate: CertificateDer<'static>,
}

impl Identity {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("signal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let tls = Tls { cert: directory.join("cert.pem"), key: directory.join("key.pem") };
        let certificate = Self::written(&tls);
        Self { directory, tls, certificate }
    }

    /// Another certificate and key, in the same files.
    fn renew(&mut self) {
        self.certificate = Self::written(&self.tls);
    }

    fn written(tls: &Tls) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&tls.cert, made.cert.pem()).unwrap();
        std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    /// A connection of somebody who trusts nothing but this certificate.
    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, tcp).await
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn with_a_certificate_it_is_wss() {
    let identity = Identity::new("wss");
    let world = World::with_tls(identity.tls.clone()).await;
    let tls = identity.connect(world.address()).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async("wss://localhost/ws?peer=alice", tls).await.unwrap();
    socket
        .send(Message::text(r#"{"request":true,"id":1,"method":"join","data":{"rid":"r"}}"#))
        .await
        .unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(
        answer.to_text().unwrap(),
        r#"{"response":true,"id":1,"ok":true,"data":{"users":[],"pubs":[]}}"#
    );
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_while_the_node_runs() {
    let mut identity = Identity::new("renewed");
    let mut config = Config { tls: Some(identity.tls.clone()), ..config() };
    config.timing.certificates = Duration::from_millis(20);
    let world = World::with(config).await;
    let mut before = identity.connect(world.address()).await.unwrap();
    // Half of it is there for a moment, and then all.
    std::fs::write(&identity.tls.cert, "-----BEGIN CERTIFICATE-----\n").unwrap();
    identity.renew();
    let deadline = Instant::now() + PATIENCE;
    while identity.connect(world.address()).await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Who was connected stays so, and hears that TLS is the way to come.
    before.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The end of TLS may be missing at the end of the connection.
    let _ = timeout(PATIENCE, before.read_to_end(&mut answer)).await.expect("the server never closed");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    let plain = World::new().await;
    assert!(!get(plain.address(), "/ws", "").await.to_lowercase().contains("strict-transport-security"));
}

#[tokio::test]
async fn a_tls_handshake_has_its_time_too() {
    let identity = Identity::new("half-open");
    let mut config = Config { tls: Some(identity.tls.clone()), ..config() };
    config.timing.handshake = Duration::from_millis(500);
    let world = World::with(config).await;
    assert_eq!(says(world.address(), "").await, "");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let identity = Identity::new("bad-files");
    let Tls { cert, key } = identity.tls.clone();
    let missing = identity.directory.join("missing.pem");
    let empty = identity.directory.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let other = Identity::new("other");
    for (tls, what) in [
        (Tls { cert: missing.clone(), key: key.clone() }, "certificate"),
        (Tls { cert: empty.clone(), key: key.clone() }, "certificate"),
        (Tls { cert: cert.clone(), key: missing }, "key"),
        (Tls { cert: cert.clone(), key: empty }, "key"),
        (Tls { cert, key: other.tls.key.clone() }, "key"),
    ] {
        let path = if what == "key" { &tls.key } else { &tls.cert }.display().to_string();
        let started =
            Signal::start(Config { tls: Some(tls), ..config() }, edges(), axum::Router::new()).await;
        let error = started.err().expect("started all the same").to_string();
        assert!(error.contains(what) && error.contains(&path), "{error}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let world = World::new().await;
    let started =
        Signal::start(Config { listen: world.address(), ..config() }, edges(), axum::Router::new()).await;
    let error = started.err().expect("started all the same").to_string();
    assert!(error.contains(&world.address().to_string()), "{error}");
}

fn edges() -> Edges {
    Edges {
        dialer: Dialer::default(),
        discovery: Arc::new(MemoryDiscovery::default()),
        events: Arc::new(MemoryEvents::default()),
    }
}
