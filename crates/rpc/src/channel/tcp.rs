//! Connects to another node over TCP, with mutual TLS where this cluster uses it.
//!
//! A stopped process still accepts: its kernel does. So a connection counts only once the other side has said
//! its first word, which HTTP/2 servers like ours do by themselves (RFC 9113 section 3.4); until then no call
//! has been sent, and the caller may safely ask another node.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tonic::transport::Uri;
use tower::Service;

use crate::tls::{Tls, server_name};
use crate::wire::{Duplex, Wire};

/// How long connecting may take, TLS and first word included. Local networks only, so a second is much.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// After a connecting that took too long, the next ones fail at once for this long: the calls that wait for a
/// stopped node would otherwise fail one after the other, a second each.
const REST: Duration = Duration::from_secs(1);

/// What the first word is read into: its header at least (9 bytes), and settings, mostly.
const FIRST_WORD: usize = 64;

/// Connects a channel to one address. Clones know of each other's failures.
#[derive(Clone, Debug)]
pub(super) struct Tcp {
    tls: Option<Tls>,
    resting_until: Arc<Mutex<Option<Instant>>>,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<Wire>>> + Send>>;

impl Tcp {
    pub(super) fn new(tls: Option<Tls>) -> Self {
        Self { tls, resting_until: Arc::default() }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Wire>> {
        if self.resting_until.lock().is_some_and(|until| Instant::now() < until) {
            return Err(silent(&uri));
        }
        match tokio::time::timeout(CONNECT_TIMEOUT, self.greeted(&uri)).await {
            Ok(connected) => {
                *self.resting_until.lock() = None;
                connected.map(TokioIo::new)
            }
            Err(_) => {
                *self.resting_until.lock() = Some(Instant::now() + REST);
                Err(silent(&uri))
            }
        }
    }

    async fn greeted(&self, uri: &Uri) -> io::Result<Wire> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().ok_or(io::ErrorKind::InvalidInput)?;
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let mut io: Box<dyn Duplex> = match &self.tls {
            Some(tls) => Box::new(secured(tls, stream).await.inspect_err(|error| refused(uri, error))?),
            None => Box::new(stream),
        };
        let mut first = bytes::BytesMut::with_capacity(FIRST_WORD);
        // A server that does not take our certificate says so only now (RFC 8446 section 4.4.2.4).
        if io.read_buf(&mut first).await.inspect_err(|error| refused(uri, error))? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Wire::greeted(first.freeze(), io))
    }
}

async fn secured(tls: &Tls, stream: TcpStream) -> io::Result<impl Duplex + use<>> {
    let name = server_name().map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await
}

/// A certificate that is not taken needs a person; a connection that breaks does not.
fn refused(uri: &Uri, error: &io::Error) {
    if error.kind() == io::ErrorKind::InvalidData {
        tracing::warn!(address = %uri, %error, "no TLS with this node: check rpc.cert and rpc.ca of both");
    }
}

fn silent(uri: &Uri) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("{} is silent", uri.authority().map_or("", |a| a.as_str())),
    )
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
