//! What tests of the program speak: HTTP by hand, and the client protocol.
#![expect(clippy::indexing_slicing, reason = "a broken assumption is a failed test")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One request on a connection of its own: status line and header, then body.
pub(crate) async fn http(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// A client of the protocol.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last: u64,
}

impl Client {
    pub(crate) async fn connect(signal: SocketAddr, uid: &str) -> Self {
        let url = format!("ws://{signal}/ws?peer={uid}");
        Self { socket: connect_async(url).await.unwrap().0, last: 0 }
    }

    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap()?;
            match message.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, data: Value) -> Value {
        self.last += 1;
        let request = json!({"request": true, "id": self.last, "method": method, "data": data});
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        let answer = self.hear().await.unwrap();
        assert_eq!((&answer["response"], &answer["id"]), (&json!(true), &json!(self.last)), "{answer}");
        answer
    }

    pub(crate) async fn done(&mut self, method: &str, data: Value) -> Value {
        let answer = self.ask(method, data).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["data"].clone()
    }

    pub(crate) async fn notified(&mut self, method: &str) -> Value {
        let notification = self.hear().await.unwrap();
        assert_eq!(notification["method"], method, "{notification}");
        notification["data"].clone()
    }
}

/// The first line of an answer, whatever becomes of the connection after it.
pub(crate) async fn first_line(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.contains(&b'\n') {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "the server closed");
        answer.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}
