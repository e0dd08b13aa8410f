//! A WebSocket by hand: frames as no library would send them.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer is waited for; one that comes takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Came {
    Text(String),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The connection was closed without a close frame.
    End,
}

/// A connection after its handshake.
pub(crate) struct Raw(TcpStream);

/// A frame, masked with zeros so that its payload stays readable.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fn header(first: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(0x80 | len as u8),
        126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes
}

/// The answer's header and the socket.
pub(crate) async fn upgrade(address: &str, more: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /ws?peer=raw-{} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n",
        peer::unique()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    (String::from_utf8(head).unwrap().to_lowercase(), stream)
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Self {
        let (head, stream) = upgrade(address, "").await;
        assert!(head.starts_with("http/1.1 101"), "{head}");
        Self(stream)
    }

    /// Sends as much as the server takes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        drop(self.0.write_all(bytes).await);
    }

    /// What comes next, pings of the server aside.
    pub(crate) async fn next(&mut self) -> Came {
        loop {
            match timeout(PATIENCE, self.frame()).await.expect("an answer, or the end") {
                Some((0x81, payload)) => return Came::Text(String::from_utf8(payload).unwrap()),
                Some((0x8a, payload)) => return Came::Pong(payload),
                Some((0x88, payload)) => {
                    return Came::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
                }
                Some((0x89, _)) => {}
                Some(other) => panic!("the server sent {other:?}"),
                None => return Came::End,
            }
        }
    }

    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let len = match self.0.read_u8().await.ok()? {
            126 => usize::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()? as usize,
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }
}
