//! How a node reaches another one: an address becomes a gRPC channel.
//!
//! `http://HOST:PORT` is another process, `https://HOST:PORT` one of a cluster with mutual TLS.
//! `inproc://NAME` is a service in this one: the same calls through a pipe in memory, so that one process and
//! many run the same code.

mod in_process;
mod tcp;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::DEADLINE;
use crate::tls::Tls;
pub use in_process::{InProcess, Incoming, NameTaken};
use tcp::Tcp;

/// How often a silent connection is asked whether its other end is still there. With [`ANSWER_TIME`], a node
/// that stopped is given up within the 3 s that a call may take.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the other end may think. A busy one answers in milliseconds: its runtime does, not its services.
const ANSWER_TIME: Duration = Duration::from_millis(1500);

/// Channels that are kept. Addresses come from discovery, so this is more than there are nodes;
/// beyond it all are forgotten, which costs each its next connecting.
const MAX_CHANNELS: usize = 1024;

const IN_PROCESS_SCHEME: &str = "inproc://";

/// An address that is none, or not one of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no node address, expected {scheme}://HOST:PORT or inproc://NAME")]
pub struct InvalidAddress {
    /// The address.
    pub address: String,
    /// How this cluster's addresses begin: "http" or, with TLS, "https".
    pub scheme: &'static str,
}

/// Turns addresses into channels, one per address. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    in_process: InProcess,
    tls: Option<Tls>,
    channels: Arc<Mutex<HashMap<String, Channel>>>,
}

impl Dialer {
    /// A dialer that finds the services of this process in `in_process`.
    #[must_use]
    pub fn new(in_process: InProcess) -> Self {
        Self { in_process, ..Self::default() }
    }

    /// Speaks to other processes over mutual TLS, and to none that does not.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// The channel to an address. It connects with the first call and again whenever it lost its
    /// connection, so that this never waits; a call without a connection answers UNAVAILABLE within
    /// a second, and one that takes longer than [`DEADLINE`] CANCELLED. Call it inside a runtime.
    ///
    /// # Errors
    /// Where the address is none, or where one of the two uses TLS and the other does not.
    pub fn dial(&self, address: &str) -> Result<Channel, InvalidAddress> {
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(address) {
            return Ok(channel.clone());
        }
        let channel = self.connect(address)?;
        if channels.len() >= MAX_CHANNELS {
            channels.clear();
        }
        channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }

    fn connect(&self, address: &str) -> Result<Channel, InvalidAddress> {
        if let Some(name) = address.strip_prefix(IN_PROCESS_SCHEME).filter(|name| !name.is_empty()) {
            // A pipe breaks only with its process: no pings.
            let endpoint = Endpoint::from_static("http://in-process").timeout(DEADLINE);
            return Ok(endpoint.connect_with_connector_lazy(self.in_process.connector(name)));
        }
        let endpoint = Endpoint::from(self.plain(address)?)
            .timeout(DEADLINE)
            .http2_keep_alive_interval(ASK_INTERVAL)
            .keep_alive_timeout(ANSWER_TIME)
            .keep_alive_while_idle(true);
        Ok(endpoint.connect_with_connector_lazy(Tcp::new(self.tls.clone())))
    }

    /// Checks an address of another process, and answers it as the gRPC library wants it: TLS is the
    /// connector's business.
    fn plain(&self, address: &str) -> Result<Uri, InvalidAddress> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let read = || {
            let uri: Uri = address.parse().ok()?;
            let good = uri.scheme_str() == Some(scheme) && uri.port().is_some();
            Uri::builder()
                .scheme("http")
                .authority(uri.authority().filter(|_| good)?.as_str())
                .path_and_query("/")
                .build()
                .ok()
        };
        read().ok_or_else(|| InvalidAddress { address: address.to_owned(), scheme })
    }
}

#[cfg(test)]
mod tests;
