//! What every node of a cluster has, whatever its role: a name, a listener for the others, and an announcement.

use std::net::SocketAddr;

use cluster::{Discovery, NodeInfo, Role};
use model::NodeId;
use rpc::server::Listener;
use rpc::tls::Tls;

use super::{StartError, node_info};
use crate::config::{Config, Program};
use crate::edges::Edge;
use crate::house::House;
use crate::identity;
use crate::numbers::Numbers;
use crate::ops::Need;

/// A node's name, and where its parts add what they count.
pub(super) struct Who {
    pub(super) id: NodeId,
    pub(super) numbers: Numbers,
}

impl Who {
    pub(super) fn is(config: &Config, program: Program) -> Result<Self, StartError> {
        let id = identity::node_id(config, program).ok_or(StartError::NoId)?;
        let numbers = Numbers::of(program, &id, &config.node.dc);
        Ok(Self { id, numbers })
    }
}

/// A node of a cluster, before its role moves in.
pub(super) struct ClusterNode {
    pub(super) house: House,
    pub(super) id: NodeId,
    /// Where the operator looks.
    pub(super) ops: SocketAddr,
    /// Where the other nodes call.
    pub(super) listener: Listener,
    /// What the others are told of it.
    pub(super) address: String,
}

impl ClusterNode {
    /// Binds the operator's listener and the one for the other nodes. `needs` are those besides etcd, `others`
    /// the roles without which this one is of no use, `more` what only this role tells its operator.
    pub(super) async fn prepare(
        config: &Config,
        who: Who,
        etcd: Edge<dyn Discovery>,
        mut needs: Vec<Need>,
        others: &[Role],
        more: axum::Router,
    ) -> Result<Self, StartError> {
        let tls = config.rpc.tls.as_ref().map(Tls::load).transpose()?;
        let house = House::in_cluster(etcd.server, tls.clone(), who.numbers);
        needs.insert(0, etcd.need);
        needs.extend(others.iter().map(|role| Need::of_role(*role, &*house.discovery)));
        let ops = house.serve_ops(config, needs, more).await?;
        let listener = Listener::bind(config.rpc.listen, tls.clone()).await?;
        let advertise = config.rpc.advertise.as_deref();
        let address = identity::advertised(advertise, listener.address(), tls.is_some());
        Ok(Self { house, id: who.id, ops, listener, address })
    }

    /// How it announces itself.
    pub(super) fn info(&self, config: &Config, role: Role) -> NodeInfo {
        node_info(self.id.clone(), config, role, &self.address)
    }
}
