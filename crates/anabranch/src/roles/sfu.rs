//! `anabranch sfu`: moves media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cluster::{Discovery, Role};
use rpc::proto::sfu_server::SERVICE_NAME;

use super::cluster_node::{ClusterNode, Who};
use super::recordings::Recordings;
use super::{StartError, sfu_config};
use crate::config::{Config, Program};
use crate::edges::Edge;
use crate::house::House;
use crate::lifecycle::Node;
use crate::ops::streams::{self, Streams};

/// A running SFU. Dropping it ends it without a word to anybody.
pub struct SfuNode {
    sfu: sfu::Sfu,
    address: String,
    ops: SocketAddr,
    recordings: Recordings,
    house: House,
}

impl SfuNode {
    /// Starts it on its edge. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Names the address, port or file that cannot be had.
    pub async fn start(config: &Config, etcd: Edge<dyn Discovery>) -> Result<Self, StartError> {
        let (who, others) = (Who::is(config, Program::Sfu)?, [Role::Register]);
        let streams = Streams::default();
        let more = streams::router(Arc::clone(&streams));
        let node = ClusterNode::prepare(config, who, etcd, Vec::new(), &others, more).await?;
        let ClusterNode { house, id, ops, listener, address } = node;
        let recordings = Recordings::open(config, &id)?;
        let sfu = sfu_config(config, id.clone(), house.pressure(), recordings.config.clone());
        let mut sfu = sfu::Sfu::start(&sfu, &*house.discovery, house.dialer.clone())?;
        streams.set(sfu.view()).ok();
        house.numbers().add(|registry| sfu.register_metrics(registry));
        recordings.register_metrics(house.numbers());
        let services = rpc::server::builder().add_service(sfu.service());
        house.serve_tcp(listener, services, SERVICE_NAME).await;
        sfu.announce(&house.discovery, &address).await?;
        tracing::info!(%id, rpc = address, media = ?sfu.candidates(), %ops, "started");
        Ok(Self { sfu, address, ops, recordings, house })
    }

    /// Where the operator looks.
    #[must_use]
    pub fn ops_address(&self) -> SocketAddr {
        self.ops
    }
}

#[async_trait]
impl Node for SfuNode {
    fn greeting(&self) -> String {
        format!("Anabranch's SFU is at {}", self.address)
    }

    fn drains(&self) -> bool {
        true
    }

    async fn drain_asked(&self) {
        self.house.drain_asked().await;
    }

    async fn drain(&self, patience: Duration) {
        self.house.mark_draining().await;
        self.sfu.drain(patience).await;
    }

    async fn shutdown(self: Box<Self>) {
        self.house.mark_draining().await;
        self.sfu.shutdown().await;
        self.recordings.close().await;
        self.house.end().await;
    }
}
