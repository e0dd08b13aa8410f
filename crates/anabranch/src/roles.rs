//! The programs: each wires one role, or all of them, to its edges.

mod admin;
mod cluster_node;
mod entrance;
mod hooks;
mod recordings;
mod register;
mod sfu;
mod signal;
mod standalone;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::signal::Access;
use cluster::{DiscoveryError, NodeInfo, Role};
use metrics::Pressure;
use model::NodeId;
use rpc::channel::NameTaken;
use rpc::server::BindError;
use rpc::tls::TlsError;

use crate::config::{Config, ConfigError, KeysError, Program};
use crate::edges::{self, EdgeError};
use crate::lifecycle::Node;
pub use register::RegisterNode;
pub use sfu::SfuNode;
pub use signal::SignalNode;
pub use standalone::Standalone;

/// `sfu.bandwidth` is in Mbit/s.
const BITS_PER_MBIT: u64 = 1_000_000;

/// How long the clients' connections have to close, before whatever they need does. An SFU needs two more seconds at
/// most, and all together less than a node has to end.
const SIGNAL_PATIENCE: Duration = Duration::from_millis(700);

/// Why the program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operator's address cannot be listened on.
    #[error("cannot listen on {address} (ops.listen): {source}")]
    Ops {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The config lacks something.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// One of the cluster's servers cannot be used as configured.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The address for the other nodes cannot be listened on.
    #[error("{0} (rpc.listen)")]
    Rpc(#[from] BindError),
    /// The address for administrators cannot be listened on.
    #[error("{0} (admin.listen)")]
    Admin(BindError),
    /// The node's certificate cannot be used.
    #[error("{0} (rpc.cert, rpc.key, rpc.ca)")]
    Tls(#[from] TlsError),
    /// The SFU did not start.
    #[error(transparent)]
    Sfu(#[from] ::sfu::StartError),
    /// The signalling node did not start.
    #[error("{0} (signal.listen)")]
    SignalListen(::signal::StartError),
    /// The signalling node did not start.
    #[error(transparent)]
    Signal(::signal::StartError),
    /// The keys of tokens cannot be used.
    #[error("{0} (auth)")]
    Keys(#[from] KeysError),
    /// Nobody can be told what happens.
    #[error("{0} (webhooks)")]
    Webhooks(#[from] webhook::StartError),
    /// Recordings cannot be uploaded as configured.
    #[error("{0} (upload)")]
    Upload(#[from] archive::OpenError),
    /// Two services of one name: a bug.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// A node could not be announced.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The system has no random numbers.
    #[error("cannot make up a name for this node: set node.id")]
    NoId,
}

impl StartError {
    fn of_signal(error: ::signal::StartError) -> Self {
        match error {
            ::signal::StartError::Listen { .. } => Self::SignalListen(error),
            error => Self::Signal(error),
        }
    }
}

/// Starts a program on the servers that its config names.
///
/// # Errors
/// Names what is missing, or the address, port or file that cannot be had.
pub(crate) async fn start(program: Program, config: &Config) -> Result<Box<dyn Node>, StartError> {
    Ok(match program {
        Program::Standalone => Box::new(Standalone::start(config).await?),
        Program::Signal => {
            let (etcd, nats) = config.for_signal()?;
            Box::new(SignalNode::start(config, edges::etcd(etcd)?, edges::nats(nats).await?).await?)
        }
        Program::Register => {
            let (etcd, nats, redis) = config.for_register()?;
            let (etcd, nats, redis) =
                (edges::etcd(etcd)?, edges::nats(nats).await?, edges::redis(redis, config.limits.room)?);
            Box::new(RegisterNode::start(config, etcd, nats, redis).await?)
        }
        Program::Sfu => Box::new(SfuNode::start(config, edges::etcd(config.for_sfu()?)?).await?),
    })
}

/// A node as it announces itself at first.
fn node_info(id: NodeId, config: &Config, role: Role, address: &str) -> NodeInfo {
    NodeInfo {
        id,
        dc: config.node.dc.as_str().into(),
        role,
        address: address.into(),
        load: 0.0,
        draining: false,
    }
}

pub(crate) fn sfu_config(
    config: &Config,
    id: NodeId,
    pressure: Pressure,
    record: Option<::sfu::RecordConfig>,
) -> ::sfu::Config {
    ::sfu::Config {
        id,
        dc: config.node.dc.as_str().into(),
        ips: config.sfu.ips.clone(),
        port: config.sfu.port,
        tcp: (config.sfu.tcp_port != 0).then_some(::sfu::TcpConfig {
            port: config.sfu.tcp_port,
            connections: config.limits.tcp_connections,
            connections_per_address: config.limits.tcp_connections_per_address,
        }),
        workers: config.workers(),
        limits: config.limits.media,
        coalesce: config.sfu.coalesce,
        estimation: config.sfu.congestion_control.then(::sfu::Estimation::default),
        branch_at: f64::from(config.sfu.branch_at) / 100.0,
        bandwidth: u64::from(config.sfu.bandwidth) * BITS_PER_MBIT,
        pressure,
        record,
    }
}

pub(crate) fn signal_config(
    config: &Config,
    id: NodeId,
    access: Access,
    pressure: Pressure,
) -> ::signal::Config {
    ::signal::Config {
        node: id,
        dc: config.node.dc.as_str().into(),
        listen: config.signal.listen,
        tls: config.signal.tls.clone().map(|files| ::signal::Tls { cert: files.cert, key: files.key }),
        allowed_origins: allowed_origins(&config.signal),
        access,
        limits: config.limits.signal,
        timing: ::signal::Timing { handshake: config.limits.handshake, ..::signal::Timing::default() },
        pressure,
    }
}

/// Those of the config, and those of the cluster's other addresses: a page that one node served comes to this one
/// when that node is gone.
fn allowed_origins(signal: &crate::config::Signal) -> Vec<String> {
    let siblings = signal.urls.iter().filter_map(|url| origin_of(url));
    signal.allowed_origins.iter().cloned().chain(siblings).collect()
}

/// The origin of the pages beside a WebSocket address.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "ws" => "http",
        "wss" => "https",
        _ => return None,
    };
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn the_pages_beside_a_websocket_have_its_host_and_port() {
        assert_eq!(origin_of("ws://a:8080/ws").as_deref(), Some("http://a:8080"));
        assert_eq!(origin_of("wss://a.example/ws?x").as_deref(), Some("https://a.example"));
        assert_eq!(origin_of("http://a/ws"), None);
        assert_eq!(origin_of("ws:///ws"), None);
    }
}
