//! Just enough HTTP/1.1 to ask a server one thing and read all of the answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header block as it came.
    pub head: String,
    /// The body as it came (chunks are not put together).
    pub body: String,
}

/// `GET path` of `HOST:PORT`, on a connection of its own.
///
/// # Errors
/// When nobody listens there, or the answer is no HTTP.
pub fn get(address: &str, path: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status line in {head:?}")))?;
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}
