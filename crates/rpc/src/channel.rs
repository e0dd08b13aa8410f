//! How a node reaches another one: an address becomes a gRPC channel.
//!
//! `http://HOST:PORT` is another process. `inproc://NAME` is a service in this one: the same calls
//! through a pipe in memory, so that one process and many run the same code.

mod in_process;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::DEADLINE;
use crate::server::KEEPALIVE;
pub use in_process::{InProcess, Incoming, NameTaken};

/// How long connecting may take. Local networks only, so a second is much.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Channels that are kept. Addresses come from discovery, so this is more than there are nodes;
/// beyond it all are forgotten, which costs each its next connecting.
const MAX_CHANNELS: usize = 1024;

const IN_PROCESS_SCHEME: &str = "inproc://";

/// An address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no node address, expected http://HOST:PORT or inproc://NAME")]
pub struct InvalidAddress {
    /// The address.
    pub address: String,
}

/// Turns addresses into channels, one per address. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    in_process: InProcess,
    channels: Arc<Mutex<HashMap<String, Channel>>>,
}

impl Dialer {
    /// A dialer that finds the services of this process in `in_process`.
    #[must_use]
    pub fn new(in_process: InProcess) -> Self {
        Self { in_process, channels: Arc::default() }
    }

    /// The channel to an address. It connects with the first call and again whenever it lost its
    /// connection, so that this never waits; a call without a connection answers UNAVAILABLE within
    /// a second, and one that takes longer than [`DEADLINE`] CANCELLED. Call it inside a runtime.
    ///
    /// # Errors
    /// Where the address is none.
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
            let endpoint = configured(Endpoint::from_static("http://in-process"));
            return Ok(endpoint.connect_with_connector_lazy(self.in_process.connector(name)));
        }
        let invalid = || InvalidAddress { address: address.to_owned() };
        let uri: Uri = address.parse().map_err(|_| invalid())?;
        if uri.scheme_str() != Some("http") || uri.port().is_none() {
            return Err(invalid());
        }
        let endpoint = configured(Endpoint::from(uri))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        Ok(endpoint.connect_lazy())
    }
}

fn configured(endpoint: Endpoint) -> Endpoint {
    endpoint.timeout(DEADLINE).connect_timeout(CONNECT_TIMEOUT)
}

#[cfg(test)]
mod tests;
