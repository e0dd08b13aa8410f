//! The sections that every process may have, in a cluster or alone.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use model::ids::NodeId;

use super::error::ConfigError;
use super::layers::Layers;

/// In milliseconds: what waits longer is late.
const MAX_COALESCE: i64 = 20;

/// A day, in seconds: whoever waits longer for the last stream forgot about it.
const MAX_DRAIN: i64 = 24 * 60 * 60;

/// In Mbit/s: faster than any network card.
const MAX_BANDWIDTH: i64 = 1_000_000;

/// More cores than that are not served by one process.
pub(super) const MAX_WORKERS: i64 = 256;

/// Who this node is.
#[derive(Debug)]
pub struct Node {
    /// Its name in the cluster; `None`: one that is made up.
    pub id: Option<NodeId>,
    /// The data centre that it stands in.
    pub dc: String,
    /// How long it waits for its clients and streams to go elsewhere before it ends.
    pub drain_timeout: Duration,
}

/// Where clients connect.
#[derive(Debug)]
pub struct Signal {
    /// The address of the WebSocket and of the pages.
    pub listen: SocketAddr,
    /// Certificate chain and private key, PEM files: with them, `https` and `wss`.
    pub tls: Option<TlsFiles>,
    /// The origins whose pages may connect besides our own; `*`: any.
    pub allowed_origins: Vec<String>,
    /// Where else clients reach this cluster.
    pub urls: Vec<String>,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where media flows.
#[derive(Debug)]
pub struct Sfu {
    /// The addresses announced to clients; empty: those of the interfaces.
    pub ips: Vec<IpAddr>,
    /// The UDP port of the first worker, worker n has `port + n`; 0: any free ones.
    pub port: u16,
    /// The TCP port for clients without UDP; 0: none.
    pub tcp_port: u16,
    /// How many workers; `None`: one per core.
    pub workers: Option<usize>,
    /// What the node may send, in Mbit/s.
    pub bandwidth: u32,
    /// From which part of its core on, in percent, a worker sends new subscribers of its streams to another one.
    pub branch_at: u8,
    /// How long packets may wait for the rest of their video frame.
    pub coalesce: Duration,
    /// Whether each subscriber gets no more than its network carries.
    pub congestion_control: bool,
}

/// What is logged, and how.
#[derive(Debug)]
pub struct Log {
    /// The filter, which [`telemetry::Filter`] has accepted.
    pub level: String,
    /// One line for people, or one of JSON.
    pub format: telemetry::Format,
}

/// Where the operator looks.
#[derive(Debug)]
pub struct Ops {
    /// The address of `/healthz` and `/readyz`.
    pub listen: SocketAddr,
}

impl Layers {
    pub(super) fn node(&self) -> Result<Node, ConfigError> {
        Ok(Node {
            id: self.optional("node", "id", Layers::node_id)?,
            dc: self.text("node", "dc")?,
            drain_timeout: self.seconds("node", "drain_timeout", 0..=MAX_DRAIN)?,
        })
    }

    pub(super) fn signal(&self) -> Result<Signal, ConfigError> {
        let tls = match (self.path("signal", "cert")?, self.path("signal", "key")?) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(self.alone("signal", "cert", "key")),
            (None, Some(_)) => return Err(self.alone("signal", "key", "cert")),
        };
        Ok(Signal {
            listen: self.listen("signal", "listen")?,
            tls,
            allowed_origins: self.origins("signal", "allowed_origins")?,
            urls: self.websockets("signal", "urls")?,
        })
    }

    pub(super) fn sfu(&self) -> Result<Sfu, ConfigError> {
        Ok(Sfu {
            ips: self.addresses("sfu", "ips")?,
            port: self.number("sfu", "port", 0..=65_535)? as u16,
            tcp_port: self.number("sfu", "tcp_port", 0..=65_535)? as u16,
            workers: self.optional("sfu", "workers", |layers, section, key| {
                layers.number(section, key, 1..=MAX_WORKERS).map(|number| number as usize)
            })?,
            coalesce: Duration::from_millis(self.number("sfu", "coalesce", 0..=MAX_COALESCE)?.unsigned_abs()),
            congestion_control: self.flag("sfu", "congestion_control")?,
            branch_at: self.number("sfu", "branch_at", 0..=100)? as u8,
            bandwidth: self.number("sfu", "bandwidth", 1..=MAX_BANDWIDTH)? as u32,
        })
    }

    pub(super) fn log(&self) -> Result<Log, ConfigError> {
        Ok(Log { level: self.log_level("log", "level")?, format: self.log_format("log", "format")? })
    }
}
