//! Just enough HTTP/1.1 to ask a server one thing on loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A paused server accepts a connection and never answers.
const WITHIN: Duration = Duration::from_secs(2);

/// `GET path` of `HOST:PORT`: the whole answer, head and body.
pub(crate) fn get(address: &str, path: &str) -> io::Result<String> {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

fn ask(address: &str, request: &str) -> io::Result<String> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
