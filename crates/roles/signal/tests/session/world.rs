//! A cluster of one signalling node, one register and one fake SFU.

use crate::{client::Client, fake_sfu::FakeSfu, unreliable::Unreliable};
use cluster::{Discovery, Lease, NodeInfo, Role, Store, discovery::MemoryDiscovery, store::MemoryStore};
use model::{NodeId, RoomId, RoomState};
use rpc::channel::{Dialer, InProcess};
use signal::{Access, Config, Edges, Limits, Signal, Timing, Tls};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// Longer than anything in these tests takes, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) signal: Signal,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) events: Unreliable,
    pub(crate) sfu: FakeSfu,
    pub(crate) register: Option<Lease>,
    pub(crate) sfu_lease: Option<Lease>,
    edges: Edges,
    in_process: InProcess,
    /// The register's process, as it were.
    register_server: Server,
}

pub(crate) fn config() -> Config {
    Config {
        node: NodeId::parse("signal-1").unwrap(),
        dc: "here".into(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        allowed_origins: Vec::new(),
        access: Access::everybody(),
        limits: Limits::default(),
        timing: Timing::default(),
        pressure: metrics::Pressure::default(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with_timing(change: impl FnOnce(&mut Timing)) -> Self {
        let mut config = config();
        change(&mut config.timing);
        Self::with(config).await
    }

    pub(crate) async fn with_tls(tls: Tls) -> Self {
        Self::with(Config { tls: Some(tls), ..config() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (events, store, sfu) =
            (Unreliable::default(), Arc::new(MemoryStore::default()), FakeSfu::default());
        let (in_process, discovery) = (InProcess::default(), MemoryDiscovery::default());

        let incoming = in_process.listen("register").unwrap();
        let service = register::Register::new(store.clone(), Arc::new(events.clone())).service();
        let server = rpc::server::builder().add_service(service);
        let register_server = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        register_server.spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });

        let incoming = in_process.listen("sfu").unwrap();
        let server = rpc::server::builder().add_service(rpc::server::sfu(sfu.clone()));
        tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });

        let register = discovery.register(node(Role::Register)).await.unwrap();
        let sfu_lease = discovery.register(node(Role::Sfu)).await.unwrap();
        let edges = Edges {
            dialer: Dialer::new(in_process.clone()),
            discovery: Arc::new(discovery),
            events: Arc::new(events.clone()),
        };
        let pages = axum::Router::new().route("/", axum::routing::get(async || "the demo"));
        let signal = Signal::start(config, edges.clone(), pages).await.unwrap();
        Self {
            signal,
            edges,
            in_process,
            store,
            events,
            sfu,
            register: Some(register),
            sfu_lease: Some(sfu_lease),
            register_server: Server(Some(register_server)),
        }
    }

    /// Another signalling node of the same cluster.
    pub(crate) async fn another_signal(&self) -> Signal {
        let config = Config { node: NodeId::parse("signal-2").unwrap(), ..config() };
        Signal::start(config, self.edges.clone(), axum::Router::new()).await.unwrap()
    }

    /// Another SFU, for as long as its lease is held.
    pub(crate) async fn another_sfu(&self) -> (FakeSfu, Lease) {
        let (sfu, name) = (FakeSfu::default(), "sfu-2");
        let incoming = self.in_process.listen(name).unwrap();
        let server = rpc::server::builder().add_service(rpc::server::sfu(sfu.clone()));
        tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
        let address = format!("inproc://{name}").into();
        let node = NodeInfo { id: NodeId::parse(name).unwrap(), address, ..node(Role::Sfu) };
        (sfu, self.edges.discovery.register(node).await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.signal.address()
    }

    pub(crate) async fn client(&self, uid: &str) -> Client {
        Client::connect(self.address(), uid).await
    }

    /// A client who has joined a room.
    pub(crate) async fn member(&self, uid: &str, rid: &str) -> Client {
        let mut client = self.client(uid).await;
        client.join(rid).await;
        client
    }

    /// The room as the register has it.
    pub(crate) async fn truth(&self, rid: &str) -> RoomState {
        self.store.snapshot(&RoomId::parse(rid).unwrap()).await.unwrap()
    }

    /// The register's process dies, but discovery does not know it yet.
    pub(crate) fn kill_register(&mut self) {
        self.register_server.0.take().unwrap().shutdown_background();
    }
}

struct Server(Option<Runtime>);

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn node(role: Role) -> NodeInfo {
    NodeInfo {
        id: NodeId::parse(&format!("{role}-1")).unwrap(),
        dc: "here".into(),
        role,
        address: format!("inproc://{role}").into(),
        load: 0.0,
        draining: false,
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never happened: {what}");
}
