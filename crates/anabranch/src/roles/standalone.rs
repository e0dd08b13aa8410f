//! The three roles in one process: the same services as in a cluster, with store,
//! events and discovery in memory and pipes in place of the network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Discovery, Events, Lease, Role, Store};
use register::Register;

use super::cluster_node::Who;
use super::recordings::Recordings;
use super::{SIGNAL_PATIENCE, StartError, admin, entrance, hooks, node_info, sfu_config, signal_config};
use crate::config::{Config, Program};
use crate::house::House;
use crate::lifecycle::Node;
use crate::ops::streams::{self, Streams};
use crate::ops::{Need, rooms};
use crate::pages;

/// What has to be there before calls can be made.
const NEEDED: [Role; 3] = [Role::Register, Role::Sfu, Role::Signal];

/// Everything, running. Dropping it ends it without a word to anybody;
/// [`Standalone::shutdown`] takes leave.
pub struct Standalone {
    signal: signal::Signal,
    sfu: sfu::Sfu,
    ops: SocketAddr,
    admin: Option<SocketAddr>,
    tls: bool,
    recordings: Recordings,
    house: House,
    _leases: Vec<Lease>,
}

impl Standalone {
    /// Starts all roles. Port 0 in the config takes any free port. To be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// Names the address or port that cannot be had, or what else is wrong.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let Who { id, numbers } = Who::is(config, Program::Standalone)?;
        let discovery: Arc<dyn Discovery> = Arc::new(MemoryDiscovery::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default().with_limits(config.limits.room));
        let events: Arc<dyn Events> = Arc::new(MemoryEvents::default());
        let (store, events) = numbers.add(|registry| {
            (cluster::metered::store(store, registry), cluster::metered::events(events, registry))
        });
        let house = House::alone(Arc::clone(&discovery), numbers);
        let needs = NEEDED.map(|role| Need::of_role(role, &*discovery)).to_vec();
        let view = Streams::default();
        let more = rooms::router(Arc::clone(&store)).merge(streams::router(Arc::clone(&view)));
        let ops = house.serve_ops(config, needs, more).await?;
        let node = |role: Role| node_info(id.clone(), config, role, &address(role.as_str()));
        let mut leases = Vec::new();

        let register = Register::new(store, Arc::clone(&events)).with_listener(hooks::start(config, &house)?);
        house.numbers().add(|registry| register.register_metrics(registry));
        house.serve_in_process("register", |server| server.add_service(register.service()))?;
        house.spawn(register.sweep(std::future::pending()));
        leases.push(discovery.register(node(Role::Register)).await?);

        let recordings = Recordings::open(config, &id)?;
        let settings = sfu_config(config, id.clone(), house.pressure(), recordings.config.clone());
        let mut sfu = sfu::Sfu::start(&settings, &*discovery, house.dialer.clone())?;
        view.set(sfu.view()).ok();
        house.numbers().add(|registry| sfu.register_metrics(registry));
        recordings.register_metrics(house.numbers());
        let service = sfu.service();
        house.serve_in_process("sfu", |server| server.add_service(service))?;
        sfu.announce(&discovery, &address("sfu")).await?;

        let edges = signal::Edges { dialer: house.dialer.clone(), discovery: Arc::clone(&discovery), events };
        let access = entrance::open(config)?;
        let router = pages::router(&config.signal.urls);
        let signal = signal::Signal::start(
            signal_config(config, id.clone(), access.clone(), house.pressure()),
            edges,
            router,
        )
        .await;
        let signal = signal.map_err(StartError::of_signal)?;
        house.spawn(entrance::renew(config.auth.clone(), access));
        let admin = admin::serve(config, &house, &signal).await?;
        house.numbers().add(|registry| signal.register_metrics(registry));
        let service = rpc::server::signal(signal.service());
        house.serve_in_process("signal", |server| server.add_service(service))?;
        leases.push(discovery.register(node(Role::Signal)).await?);

        tracing::info!(media = ?sfu.candidates(), clients = %signal.address(), %ops, "started");
        Ok(Self {
            signal,
            sfu,
            ops,
            admin,
            tls: config.signal.tls.is_some(),
            recordings,
            house,
            _leases: leases,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn signal_address(&self) -> SocketAddr {
        self.signal.address()
    }

    /// Where administrators call, if anywhere.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
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
        greeting(self.signal_address(), self.tls, &self.sfu.candidates().concat())
    }

    /// Takes nobody new, and sends the clients away until `patience` is over.
    pub async fn drain(&self, patience: Duration) {
        self.house.mark_draining().await;
        self.signal.drain(patience).await;
    }

    /// Ends the calls, says goodbye to clients and peers, and ends everything.
    pub async fn shutdown(self) {
        self.house.mark_draining().await;
        self.signal.shutdown(SIGNAL_PATIENCE).await;
        self.sfu.shutdown().await;
        self.recordings.close().await;
        self.house.end().await;
    }
}

#[async_trait]
impl Node for Standalone {
    fn greeting(&self) -> String {
        Self::greeting(self)
    }

    // There is nowhere else to go.
    fn drains(&self) -> bool {
        false
    }

    async fn drain_asked(&self) {
        self.house.drain_asked().await;
    }

    async fn drain(&self, patience: Duration) {
        Self::drain(self, patience).await;
    }

    async fn shutdown(self: Box<Self>) {
        Self::shutdown(*self).await;
    }
}

/// Which pages to open, for a listener that may listen everywhere on a machine with these addresses.
pub(super) fn greeting(address: SocketAddr, tls: bool, machine: &[SocketAddr]) -> String {
    let scheme = if tls { "https" } else { "http" };
    let url = |host: &str| format!("{scheme}://{host}:{}/", address.port());
    if !address.ip().is_unspecified() {
        return format!("Anabranch is ready: open {scheme}://{address}/");
    }
    let reachable = machine.iter().map(SocketAddr::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    let elsewhere = match reachable {
        Some(IpAddr::V4(ip)) => format!(", or {} from another machine", url(&ip.to_string())),
        _ => String::new(),
    };
    format!("Anabranch is ready: open {} here{elsewhere}", url("localhost"))
}

/// Where a role's services are reached within this process.
fn address(name: &str) -> String {
    format!("inproc://{name}")
}
