//! The services of this process, by name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::transport::Uri;
use tower::Service;

/// What a pipe holds in each direction before its writer waits: a few HTTP/2 frames of 16 KiB.
const PIPE_BYTES: usize = 64 * 1024;

/// Connections that wait to be accepted. Beyond them a connecting fails, as with TCP's backlog.
const BACKLOG: usize = 64;

/// The services that listen in this process. Cheap to clone; every clone is the same registry.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    listeners: Arc<Mutex<HashMap<String, mpsc::Sender<DuplexStream>>>>,
}

/// Another service of this process listens under this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is in use: another service of this process listens there")]
pub struct NameTaken {
    /// The name.
    pub name: String,
}

/// The connections to a service, for `serve_with_incoming`. Dropping it ends the listening.
#[derive(Debug)]
pub struct Incoming {
    accepted: mpsc::Receiver<DuplexStream>,
}

impl InProcess {
    /// Listens under a name: `inproc://NAME` leads here from now on.
    ///
    /// # Errors
    /// Where somebody else listens there.
    pub fn listen(&self, name: &str) -> Result<Incoming, NameTaken> {
        let (connections, accepted) = mpsc::channel(BACKLOG);
        match self.listeners.lock().entry(name.to_owned()) {
            Entry::Occupied(entry) if !entry.get().is_closed() => {
                return Err(NameTaken { name: name.to_owned() });
            }
            Entry::Occupied(mut entry) => {
                entry.insert(connections);
            }
            Entry::Vacant(entry) => {
                entry.insert(connections);
            }
        }
        Ok(Incoming { accepted })
    }

    pub(super) fn connector(&self, name: &str) -> Connector {
        Connector { in_process: self.clone(), name: name.into() }
    }

    fn connect(&self, name: &str) -> io::Result<DuplexStream> {
        let listener = self.listeners.lock().get(name).cloned();
        let listener = listener.ok_or(io::ErrorKind::NotFound)?;
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        listener.try_send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl Stream for Incoming {
    type Item = io::Result<DuplexStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.accepted.poll_recv(cx).map(|pipe| pipe.map(Ok))
    }
}

/// Connects a channel to a service of this process.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    in_process: InProcess,
    name: Arc<str>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connected = self.in_process.connect(&self.name).map(TokioIo::new);
        Box::pin(std::future::ready(connected))
    }
}
