//! `anabranch register`: owns the state of every room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cluster::{Discovery, Events, Role, Store};
use prometheus_client::registry::Registry;
use register::Register;
use rpc::proto::register_server::SERVICE_NAME;

use super::cluster_node::{ClusterNode, Who};
use super::{StartError, hooks};
use crate::config::{Config, Program};
use crate::edges::Edge;
use crate::house::House;
use crate::lifecycle::Node;
use crate::ops::rooms;

/// How long the others may take to hear that this register drains and to call another one.
const NEWS_TRAVEL: Duration = Duration::from_millis(300);

/// A running register. Dropping it ends it.
pub struct RegisterNode {
    address: String,
    ops: SocketAddr,
    house: House,
}

impl RegisterNode {
    /// Starts it on its edges. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Names the address or file that cannot be had.
    pub async fn start(
        config: &Config,
        etcd: Edge<dyn Discovery>,
        nats: Edge<dyn Events>,
        redis: Edge<dyn Store>,
    ) -> Result<Self, StartError> {
        let who = Who::is(config, Program::Register)?;
        let (needs, store, events) = (vec![nats.need, redis.need], redis.server, nats.server);
        let (store, register) = who.numbers.add(|registry| counted(store, events, registry));
        let node = ClusterNode::prepare(config, who, etcd, needs, &[], rooms::router(store)).await?;
        let info = node.info(config, Role::Register);
        let ClusterNode { house, id, ops, listener, address } = node;
        let register = register.with_listener(hooks::start(config, &house)?);
        let services = rpc::server::builder().add_service(register.service());
        house.serve_tcp(listener, services, SERVICE_NAME).await;
        house.spawn(register.sweep(std::future::pending()));
        house.announce(info).await?;
        tracing::info!(%id, rpc = address, %ops, "started");
        Ok(Self { address, ops, house })
    }

    /// Where the operator looks.
    #[must_use]
    pub fn ops_address(&self) -> SocketAddr {
        self.ops
    }
}

/// The store and a register over it, both counted, and so are the events.
fn counted(
    store: Arc<dyn Store>,
    events: Arc<dyn Events>,
    registry: &mut Registry,
) -> (Arc<dyn Store>, Register) {
    let store = cluster::metered::store(store, registry);
    let register = Register::new(Arc::clone(&store), cluster::metered::events(events, registry));
    register.register_metrics(registry);
    (store, register)
}

#[async_trait]
impl Node for RegisterNode {
    fn greeting(&self) -> String {
        format!("Anabranch's register is at {}", self.address)
    }

    fn drains(&self) -> bool {
        true
    }

    async fn drain_asked(&self) {
        self.house.drain_asked().await;
    }

    // The calls under way are answered while the house ends.
    async fn drain(&self, patience: Duration) {
        self.house.mark_draining().await;
        tokio::time::sleep(NEWS_TRAVEL.min(patience)).await;
    }

    async fn shutdown(self: Box<Self>) {
        self.house.end().await;
    }
}
