//! The TCP end of a node's services: who comes in, and how it ends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Router;

use crate::DEADLINE;
use crate::tls::Tls;
use crate::wire::{Duplex, Wire};

/// Connections at the same time: each other node has one, and tools have a few. Further ones are closed as
/// soon as they are accepted.
const MAX_CONNECTIONS: usize = 4096;

/// Wire connections that wait for their server. It takes them at once; further ones wait in their tasks,
/// of which there are no more than [`MAX_CONNECTIONS`].
const BACKLOG: usize = 64;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// After a failed accept (out of file descriptors, mostly) the loop rests for this long, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// As configured.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// A bound address, ready to serve.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Listener {
    /// Binds an address; port 0: any free one. With `tls`, only other nodes come in.
    ///
    /// # Errors
    /// Names the address.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, BindError> {
        let error = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address, tls })
    }

    /// What was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready; then takes nobody new and answers the calls that are under way, for
    /// no longer than one may take.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()> + Send + 'static) {
        let (connections, incoming) = mpsc::channel(BACKLOG);
        let accepting =
            tokio::spawn(accept(self.listener, self.tls.map(|tls| tls.server.into()), connections));
        let (told, ending) = tokio::sync::oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            told.send(()).ok();
        };
        let last_calls = async {
            // Ready or dropped: it ends, either way.
            drop(ending.await);
            tokio::time::sleep(DEADLINE).await;
        };
        let incoming = ReceiverStream::new(incoming);
        tokio::select! {
            served = router.serve_with_incoming_shutdown(incoming, shutdown) => {
                if let Err(error) = served {
                    tracing::error!(%error, "the gRPC services ended");
                }
            }
            () = last_calls => tracing::info!("not every call could be answered"),
        }
        // Now nobody listens any more, so that the port is free again.
        accepting.abort();
        drop(accepting.await);
    }
}

/// Accepts until nobody takes the connections any more.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: mpsc::Sender<io::Result<Wire>>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = connections.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    tokio::spawn(admit(stream, place, tls.clone(), connections.clone()));
                }
                Err(_) => tracing::debug!(%from, "refused: {MAX_CONNECTIONS} connections are open"),
            },
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn admit(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    tls: Option<TlsAcceptor>,
    connections: mpsc::Sender<io::Result<Wire>>,
) {
    match tokio::time::timeout(HANDSHAKE, secure(stream, tls)).await {
        // An error: the server ended meanwhile.
        Ok(Ok(io)) => drop(connections.send(Ok(Wire::accepted(io, place))).await),
        Ok(Err(error)) => tracing::debug!(%error, "not let in"),
        Err(_) => tracing::debug!("not let in: the handshake took too long"),
    }
}

async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Box<dyn Duplex>> {
    stream.set_nodelay(true)?;
    Ok(match tls {
        Some(tls) => Box::new(tls.accept(stream).await?),
        None => Box::new(stream),
    })
}
