//! Which server has which bucket: one has them all, or a cluster's nodes share them.
//!
//! In a cluster nothing is known at first, and nothing is asked: whoever gets a command for a bucket that is
//! another's says whose it is, and that is remembered. So the first command for a bucket may take one more
//! step, all others none; and after a failover it is the same.
//!
//! The crate's own cluster client would send a command again of which it does not know whether it was
//! executed, so that a broadcast would be heard twice, and all its nodes wait for one that does not answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{FutureExt, select_ok};
use parking_lot::Mutex;
use redis::ConnectionInfo;

use super::address::Address;
use super::config::Plan;
use super::keys::BUCKETS;
use super::link::Link;
use super::peer::{Peer, Way};

/// Nodes of a cluster that are remembered: Redis itself advises against more than a thousand. Beyond them
/// those without a connection are forgotten.
const MAX_NODES: usize = 1024;

/// Nodes that are asked at the same time whose a bucket is.
const MAX_ASKED: usize = 8;

/// The servers.
pub(super) enum Servers {
    /// One server, or whichever is the master.
    One(Arc<Peer>),
    /// The nodes of a cluster.
    Cluster(Box<Cluster>),
}

/// What is known about a cluster.
pub(super) struct Cluster {
    like: ConnectionInfo,
    nodes: Mutex<HashMap<Address, Arc<Peer>>>,
    /// For each bucket, and the runs, whose it is.
    routes: Mutex<Vec<Option<Address>>>,
}

impl Servers {
    pub(super) fn new(plan: Plan) -> Self {
        let Plan { addrs, settings, sentinel_master, cluster } = plan;
        let with_settings = |info: &ConnectionInfo| info.clone().set_redis_settings(settings.clone());
        match (sentinel_master, addrs.first().map(with_settings)) {
            (Some(name), Some(like)) => Self::One(Peer::new(Way::Sentinels { sentinels: addrs, name, like })),
            (None, Some(like)) if cluster => Self::Cluster(Box::new(Cluster::new(like, &addrs))),
            _ => Self::One(Peer::new(Way::Masters(addrs.iter().map(with_settings).collect()))),
        }
    }

    /// A connection to whoever has the bucket, or is asked who has.
    pub(super) async fn link(&self, bucket: usize) -> Result<Arc<Link>, String> {
        match self {
            Self::One(peer) => peer.link().await,
            Self::Cluster(cluster) => cluster.link(bucket).await,
        }
    }

    /// A connection to a node of a cluster.
    pub(super) async fn link_to(&self, node: &Address) -> Result<Arc<Link>, String> {
        match self {
            Self::One(peer) => peer.link().await,
            Self::Cluster(cluster) => cluster.node(node).link().await,
        }
    }

    /// A bucket is at this node. Says why the node cannot be reached, where that is known.
    pub(super) fn moved(&self, bucket: usize, to: Address) -> Result<(), String> {
        match self {
            Self::One(_) => Err("it is a Redis Cluster: redis.cluster = true is missing".to_owned()),
            Self::Cluster(cluster) => cluster.moved(bucket, to),
        }
    }

    /// Whether it answers, or a node of the cluster does, as far as is known.
    pub(super) fn answer(&self) -> bool {
        match self {
            Self::One(peer) => peer.answers(),
            Self::Cluster(cluster) => cluster.nodes.lock().values().any(|node| node.answers()),
        }
    }
}

impl Cluster {
    fn new(like: ConnectionInfo, seeds: &[ConnectionInfo]) -> Self {
        let cluster = Self { like, nodes: Mutex::default(), routes: Mutex::new(vec![None; BUCKETS + 1]) };
        for seed in seeds {
            cluster.node(&Address::of(seed.addr()));
        }
        cluster
    }

    fn node(&self, address: &Address) -> Arc<Peer> {
        let mut nodes = self.nodes.lock();
        if nodes.len() >= MAX_NODES && !nodes.contains_key(address) {
            nodes.retain(|_, node| node.usable_link().is_some());
        }
        let new = || Peer::new(Way::Node(address.like(&self.like)));
        Arc::clone(nodes.entry(address.clone()).or_insert_with(new))
    }

    async fn link(&self, bucket: usize) -> Result<Arc<Link>, String> {
        let route = self.routes.lock().get(bucket).cloned().flatten();
        let Some(address) = route else { return self.any_link(None).await };
        match self.node(&address).link().await {
            Ok(link) => Ok(link),
            // Somebody else may have taken over, and another node knows who.
            Err(why) => self.any_link(Some(&address)).await.map_err(|_| why),
        }
    }

    async fn any_link(&self, but: Option<&Address>) -> Result<Arc<Link>, String> {
        let others: Vec<Arc<Peer>> = {
            let nodes = self.nodes.lock();
            nodes
                .iter()
                .filter(|(address, _)| Some(*address) != but)
                .map(|(_, node)| Arc::clone(node))
                .collect()
        };
        if let Some(link) = others.iter().find_map(|node| node.usable_link()) {
            return Ok(link);
        }
        if others.is_empty() {
            return Err("no other node is known".to_owned());
        }
        let attempts = others.iter().take(MAX_ASKED).map(|node| node.link().boxed());
        select_ok(attempts).await.map(|(link, _others)| link)
    }

    fn moved(&self, bucket: usize, to: Address) -> Result<(), String> {
        let node = self.node(&to);
        let failure = node.just_failed();
        if let Some(route) = self.routes.lock().get_mut(bucket) {
            *route = Some(to);
        }
        failure.map_or(Ok(()), Err)
    }
}
