//! The three roles in one process: the same services as in a cluster, with store,
//! events and discovery in memory and pipes in place of the network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Discovery, DiscoveryError, Events, Lease, NodeInfo, Role, Store};
use rpc::channel::{Dialer, InProcess, NameTaken};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::server::Router;

use crate::config::Config;
use crate::{ops, pages};

/// How long the clients' connections have to close, before the media does.
const SIGNAL_PATIENCE: Duration = Duration::from_secs(2);

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
    /// The SFU did not start.
    #[error(transparent)]
    Sfu(#[from] sfu::StartError),
    /// The signalling node did not start.
    #[error("{0} (signal.listen)")]
    SignalListen(signal::StartError),
    /// The signalling node did not start.
    #[error(transparent)]
    Signal(signal::StartError),
    /// Two services of one name: a bug.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// A node could not be announced.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
}

/// Everything, running. Dropping it ends it without a word to anybody;
/// [`Standalone::shutdown`] takes leave.
pub struct Standalone {
    signal: signal::Signal,
    sfu: sfu::Sfu,
    ops: SocketAddr,
    tls: bool,
    house: House,
    _leases: Vec<Lease>,
}

/// What the roles share: how they find and reach each other, and what runs for them.
struct House {
    in_process: InProcess,
    dialer: Dialer,
    discovery: Arc<dyn Discovery>,
    tasks: TaskTracker,
    // First the clients hear of it, then the services end.
    draining: CancellationToken,
    ending: CancellationToken,
}

impl Standalone {
    /// Starts all roles. Port 0 in the config takes any free port. To be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// Names the address or port that cannot be had, or what else is wrong.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let house = House::new();
        let ops = house.serve_ops(config.ops.listen).await?;
        let mut leases = Vec::new();

        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let events: Arc<dyn Events> = Arc::new(MemoryEvents::default());
        house.serve("register", |server| {
            server.add_service(register::service(Arc::clone(&store), Arc::clone(&events)))
        })?;
        let ending = house.ending.clone().cancelled_owned();
        house.tasks.spawn(register::run_sweeper(store, Arc::clone(&events), ending));
        leases.push(house.announce(config, Role::Register).await?);

        let mut sfu = sfu::Sfu::start(&sfu_config(config), &*house.discovery, house.dialer.clone())?;
        let service = sfu.service();
        house.serve("sfu", |server| server.add_service(service))?;
        sfu.announce(&*house.discovery, &config.node.dc, &address("sfu")).await?;

        let edges =
            signal::Edges { dialer: house.dialer.clone(), discovery: Arc::clone(&house.discovery), events };
        let signal = signal::Signal::start(signal_config(config), edges, pages::router()).await;
        let signal = signal.map_err(StartError::of_signal)?;
        let service = rpc::server::signal(signal.service());
        house.serve("signal", |server| server.add_service(service))?;
        leases.push(house.announce(config, Role::Signal).await?);

        tracing::info!(media = ?sfu.candidates(), clients = %signal.address(), %ops, "started");
        Ok(Self { signal, sfu, ops, tls: config.signal.tls.is_some(), house, _leases: leases })
    }

    /// Where clients connect.
    #[must_use]
    pub fn signal_address(&self) -> SocketAddr {
        self.signal.address()
    }

    /// Where the operator looks.
    #[must_use]
    pub fn ops_address(&self) -> SocketAddr {
        self.ops
    }

    /// The addresses that media is sent to, for each worker.
    #[must_use]
    pub fn media_addresses(&self) -> &[Vec<SocketAddr>] {
        self.sfu.candidates()
    }

    /// One line that says which pages to open.
    #[must_use]
    pub fn greeting(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let address = self.signal_address();
        let url = |host: &str| format!("{scheme}://{host}:{}/", address.port());
        if !address.ip().is_unspecified() {
            return format!("Anabranch is ready: open {scheme}://{address}/");
        }
        let first = self.sfu.candidates().first();
        let reachable =
            first.into_iter().flatten().map(SocketAddr::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
        let elsewhere = match reachable {
            Some(IpAddr::V4(ip)) => format!(", or {} from another machine", url(&ip.to_string())),
            _ => String::new(),
        };
        format!("Anabranch is ready: open {} here{elsewhere}", url("localhost"))
    }

    /// Ends the calls, says goodbye to clients and peers, and ends everything.
    pub async fn shutdown(self) {
        self.house.draining.cancel();
        self.signal.shutdown(SIGNAL_PATIENCE).await;
        self.sfu.shutdown().await;
        self.house.ending.cancel();
        self.house.tasks.close();
        self.house.tasks.wait().await;
    }
}

impl StartError {
    fn of_signal(error: signal::StartError) -> Self {
        match error {
            signal::StartError::Listen { .. } => Self::SignalListen(error),
            error => Self::Signal(error),
        }
    }
}

impl House {
    fn new() -> Self {
        let in_process = InProcess::default();
        Self {
            dialer: Dialer::new(in_process.clone()),
            in_process,
            discovery: Arc::new(MemoryDiscovery::default()),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            ending: CancellationToken::new(),
        }
    }

    async fn serve_ops(&self, address: SocketAddr) -> Result<SocketAddr, StartError> {
        let error = |source| StartError::Ops { address, source };
        let listener = ops::bind(address).await.map_err(error)?;
        let bound = listener.local_addr().map_err(error)?;
        let (discovery, draining, ending) =
            (Arc::clone(&self.discovery), self.draining.clone(), self.ending.clone());
        self.tasks.spawn(async move {
            ending.run_until_cancelled(ops::serve(listener, discovery, draining)).await;
        });
        Ok(bound)
    }

    /// Serves a role's gRPC services to the others in this process.
    fn serve(
        &self,
        name: &str,
        add: impl FnOnce(&mut tonic::transport::Server) -> Router,
    ) -> Result<(), NameTaken> {
        let incoming = self.in_process.listen(name)?;
        let server = add(&mut rpc::server::builder());
        let ending = self.ending.clone();
        self.tasks.spawn(async move {
            let served = ending.run_until_cancelled(server.serve_with_incoming(incoming)).await;
            if let Some(Err(error)) = served {
                tracing::error!(%error, "a service ended");
            }
        });
        Ok(())
    }

    async fn announce(&self, config: &Config, role: Role) -> Result<Lease, DiscoveryError> {
        let node = NodeInfo {
            id: config.node.id.clone(),
            dc: config.node.dc.as_str().into(),
            role,
            address: address(role.as_str()).into(),
            load: 0.0,
            draining: false,
        };
        self.discovery.register(node).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

/// Where a role's services are reached within this process.
fn address(name: &str) -> String {
    format!("inproc://{name}")
}

fn sfu_config(config: &Config) -> sfu::Config {
    sfu::Config {
        id: config.node.id.clone(),
        ips: config.sfu.ips.clone(),
        port: config.sfu.port,
        workers: config.workers(),
        limits: sfu::Limits::default(),
    }
}

fn signal_config(config: &Config) -> signal::Config {
    signal::Config {
        node: config.node.id.clone(),
        dc: config.node.dc.as_str().into(),
        listen: config.signal.listen,
        tls: config.signal.tls.clone().map(|files| signal::Tls { cert: files.cert, key: files.key }),
        allowed_origins: config.signal.allowed_origins.clone(),
        timing: signal::Timing::default(),
    }
}
