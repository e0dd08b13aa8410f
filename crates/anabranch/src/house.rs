//! What the parts of a process share: how they find and reach others, what runs for them, and how that ends.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use cluster::{Discovery, DiscoveryError, NodeInfo};
use metrics::Pressure;
use rpc::channel::{Dialer, InProcess, NameTaken};
use rpc::server::{Health, Listener};
use rpc::tls::Tls;
use tokio::sync::OnceCell;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tonic::transport::server::Router;

use crate::config::Config;
use crate::memory;
use crate::numbers::Numbers;
use crate::ops::{self, Need, Ops};
use crate::patience::Patient;
use crate::roles::StartError;

/// The shared part. Dropping it ends what runs for it.
pub(crate) struct House {
    pub(crate) dialer: Dialer,
    pub(crate) discovery: Arc<dyn Discovery>,
    in_process: InProcess,
    tasks: TaskTracker,
    /// What was announced, until it is taken back.
    announcements: TaskTracker,
    /// First the node takes nothing new, then its services end.
    draining: CancellationToken,
    ending: CancellationToken,
    drain_asked: CancellationToken,
    health: OnceCell<Health>,
    numbers: Numbers,
    pressure: Pressure,
}

impl House {
    /// For a program that finds its parts within itself.
    pub(crate) fn alone(discovery: Arc<dyn Discovery>, numbers: Numbers) -> Self {
        Self::new(discovery, None, TaskTracker::new(), numbers)
    }

    /// For a node of a cluster, whose discovery may be away.
    pub(crate) fn in_cluster(discovery: Arc<dyn Discovery>, tls: Option<Tls>, numbers: Numbers) -> Self {
        let announcements = TaskTracker::new();
        let discovery = Arc::new(Patient::new(discovery, announcements.clone()));
        Self::new(discovery, tls, announcements, numbers)
    }

    fn new(
        discovery: Arc<dyn Discovery>,
        tls: Option<Tls>,
        announcements: TaskTracker,
        numbers: Numbers,
    ) -> Self {
        numbers.add(|registry| cluster::metered::discovery(&*discovery, registry));
        let in_process = InProcess::default();
        Self {
            dialer: Dialer::new(in_process.clone()).with_tls(tls),
            discovery,
            in_process,
            tasks: TaskTracker::new(),
            announcements,
            draining: CancellationToken::new(),
            ending: CancellationToken::new(),
            drain_asked: CancellationToken::new(),
            health: OnceCell::new(),
            numbers,
            pressure: Pressure::default(),
        }
    }

    /// Whether memory is short, as long as somebody watches.
    pub(crate) fn pressure(&self) -> Pressure {
        self.pressure.clone()
    }

    /// Where the parts add what they count.
    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Watches the memory, and serves the operator as configured from now on; answers the port that was bound. `more` is what only this node has.
    pub(crate) async fn serve_ops(
        &self,
        config: &Config,
        needs: Vec<Need>,
        more: axum::Router,
    ) -> Result<SocketAddr, StartError> {
        self.spawn(memory::watch(self.pressure.clone(), config.limits.memory));
        let pressure = self.pressure.clone();
        let memory = Need::new("memory", move || !pressure.is_high());
        let needs = needs.into_iter().chain([memory]).collect();
        let (address, host) = (config.ops.listen, config.rpc.advertise.clone());
        let error = |source| StartError::Ops { address, source };
        let listener = ops::bind(address).await.map_err(error)?;
        let bound = listener.local_addr().map_err(error)?;
        let (draining, drain_asked) = (self.draining.clone(), self.drain_asked.clone());
        let ops = Ops { needs, draining, drain_asked, numbers: self.numbers.clone(), host };
        self.spawn(ops::serve(listener, ops, more));
        Ok(bound)
    }

    /// Runs something until the house ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        self.tasks.spawn(async move {
            ending.run_until_cancelled(task).await;
        });
    }

    /// Runs something that is told when the house ends, and ends by itself soon after.
    pub(crate) fn spawn_to_the_end<F>(&self, task: impl FnOnce(WaitForCancellationFutureOwned) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.ending.clone().cancelled_owned()));
    }

    /// Serves a role's gRPC services to the others in this process.
    pub(crate) fn serve_in_process(
        &self,
        name: &str,
        add: impl FnOnce(&mut tonic::transport::Server) -> Router,
    ) -> Result<(), NameTaken> {
        let incoming = self.in_process.listen(name)?;
        let server = add(&mut rpc::server::builder());
        self.spawn(async move {
            if let Err(error) = server.serve_with_incoming(incoming).await {
                tracing::error!(%error, "a service ended");
            }
        });
        Ok(())
    }

    /// Serves a role's gRPC service, its health and reflection to the cluster. When the house ends, calls that
    /// are under way are still answered.
    pub(crate) async fn serve_tcp(&self, listener: Listener, router: Router, service: &'static str) {
        let (router, health) = rpc::server::with_health(router, service).await;
        // A node has one service.
        self.health.set(health).ok();
        self.tasks.spawn(listener.serve(router, self.ending.clone().cancelled_owned()));
    }

    /// The same beside the role's own service, whose health is the node's.
    pub(crate) async fn serve_more(&self, listener: Listener, router: Router, service: &'static str) {
        let (router, _) = rpc::server::with_health(router, service).await;
        self.tasks.spawn(listener.serve(router, self.ending.clone().cancelled_owned()));
    }

    /// Announces a node for as long as the house stands, as draining once it is. Whatever serves the node must
    /// be there already.
    pub(crate) async fn announce(&self, node: NodeInfo) -> Result<(), DiscoveryError> {
        let lease = self.discovery.register(node).await?;
        let draining = self.draining.clone();
        self.spawn(async move {
            draining.cancelled().await;
            lease.update(0.0, true);
            std::future::pending::<()>().await;
        });
        Ok(())
    }

    /// Waits until the operator asks for a drain.
    pub(crate) async fn drain_asked(&self) {
        self.drain_asked.cancelled().await;
    }

    /// Marks the node: it takes nothing new from now on.
    pub(crate) async fn mark_draining(&self) {
        self.draining.cancel();
        if let Some(health) = self.health.get() {
            health.set_serving(false).await;
        }
    }

    /// Ends what runs for it, and waits for that.
    pub(crate) async fn end(&self) {
        self.draining.cancel();
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.announcements.close();
        self.announcements.wait().await;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}
