//! `anabranch signal`: terminates client connections.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use cluster::{Discovery, Events, Role};
use rpc::proto::signal_server::SERVICE_NAME;

use super::cluster_node::{ClusterNode, Who};
use super::standalone::greeting;
use super::{SIGNAL_PATIENCE, StartError, admin, entrance, signal_config};
use crate::config::{Config, Program};
use crate::edges::Edge;
use crate::house::House;
use crate::lifecycle::Node;
use crate::pages;

/// A running signalling node. Dropping it ends it without a word to anybody.
pub struct SignalNode {
    signal: signal::Signal,
    ops: SocketAddr,
    admin: Option<SocketAddr>,
    tls: bool,
    house: House,
}

impl SignalNode {
    /// Starts it on its edges. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Names the address or file that cannot be had.
    pub async fn start(
        config: &Config,
        etcd: Edge<dyn Discovery>,
        nats: Edge<dyn Events>,
    ) -> Result<Self, StartError> {
        let (who, others) = (Who::is(config, Program::Signal)?, [Role::Register, Role::Sfu]);
        let (needs, more) = (vec![nats.need], axum::Router::new());
        let node = ClusterNode::prepare(config, who, etcd, needs, &others, more).await?;
        let info = node.info(config, Role::Signal);
        let ClusterNode { house, id, ops, listener, address } = node;
        let edges = signal::Edges {
            dialer: house.dialer.clone(),
            discovery: house.discovery.clone(),
            events: house.numbers().add(|registry| cluster::metered::events(nats.server, registry)),
        };
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
        let services = rpc::server::builder().add_service(rpc::server::signal(signal.service()));
        house.serve_tcp(listener, services, SERVICE_NAME).await;
        house.announce(info).await?;
        tracing::info!(%id, rpc = address, clients = %signal.address(), %ops, "started");
        Ok(Self { signal, ops, admin, tls: config.signal.tls.is_some(), house })
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
}

#[async_trait]
impl Node for SignalNode {
    fn greeting(&self) -> String {
        greeting(self.signal_address(), self.tls, &[])
    }

    fn drains(&self) -> bool {
        true
    }

    async fn drain_asked(&self) {
        self.house.drain_asked().await;
    }

    async fn drain(&self, patience: Duration) {
        self.house.mark_draining().await;
        self.signal.drain(patience).await;
    }

    async fn shutdown(self: Box<Self>) {
        self.house.mark_draining().await;
        self.signal.shutdown(SIGNAL_PATIENCE).await;
        self.house.end().await;
    }
}
