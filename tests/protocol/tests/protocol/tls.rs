//! `wss`, when a certificate and a key are configured.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use peer::signalling::{dial_with, request_for, trust};
use peer::{Peer, Server, ServerConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A server with a certificate of its own, and a directory that goes with it.
struct Secure {
    server: Option<Server>,
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
    directory: PathBuf,
}

impl Secure {
    fn start() -> Self {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let directory = std::env::temp_dir().join(format!("anabranch-{}", peer::unique()));
        fs::create_dir(&directory).expect("a directory");
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        fs::write(&cert, certificate.cert.pem()).expect("written");
        fs::write(&key, certificate.signing_key.serialize_pem()).expect("written");
        let server = Server::with(ServerConfig::default().tls(&cert, &key));
        Self { server: Some(server), certificate, directory }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    async fn connect(&self, uid: &str) -> Peer {
        let request = request_for(self.server().ws_url(), uid).expect("a request");
        let dialled = dial_with(request, Some(trust(self.certificate.cert.der().clone()))).await;
        Peer::over(uid, dialled.expect("a connection").socket)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(self.server.take());
        drop(fs::remove_dir_all(&self.directory));
    }
}

#[tokio::test]
async fn the_protocol_runs_over_wss() {
    let secure = Secure::start();
    let (ada, bob) = (secure.connect("ada").await, secure.connect("bob").await);
    ada.join("room").await;
    bob.join("room").await;
    ada.notification("peer-join", |data| data["uid"] == "bob").await;
    bob.request("broadcast", json!({"rid": "room", "data": "safe"})).await.expect("a broadcast");
    ada.notification("broadcast", |data| data["data"] == "safe").await;
}

#[tokio::test]
async fn plain_connections_and_silent_ones_get_nowhere() {
    let secure = Secure::start();
    let address = secure.server().signal_address().to_owned();
    let plain = format!("ws://{address}/ws");
    assert!(
        timeout(Duration::from_secs(12), Peer::try_connect(&plain, "ada"))
            .await
            .is_ok_and(|peer| peer.is_err())
    );

    // A handshake that stops half-way has ten seconds, TLS included.
    let mut silent = TcpStream::connect(&address).await.expect("a connection");
    silent.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.expect("sent");
    let ada = secure.connect("ada").await;
    ada.join("room").await;
    let mut rest = Vec::new();
    assert!(timeout(Duration::from_secs(14), silent.read_to_end(&mut rest)).await.is_ok(), "still open");
    ada.request("keepalive", json!({"rid": "room"})).await.expect("alive");
}
