//! Which nodes there are, where, and how loaded.

mod etcd;
mod memory;
mod placement;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use model::NodeId;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

pub use etcd::{EtcdConfig, EtcdConfigError, EtcdDiscovery};
pub use memory::MemoryDiscovery;
pub use placement::choose_sfu;

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Terminates client connections.
    Signal,
    /// Owns the rooms.
    Register,
    /// Moves media.
    Sfu,
}

impl Role {
    /// The role's name, as in the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Register => "register",
            Self::Sfu => "sfu",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A node, as it announces itself.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeInfo {
    /// Its id, unique among the nodes of its role.
    pub id: NodeId,
    /// The data centre it is in.
    pub dc: Arc<str>,
    /// What it is for.
    pub role: Role,
    /// Where its gRPC services are, for `rpc::channel::Dialer`.
    pub address: Arc<str>,
    /// How busy it is: 0 idle, 1 full.
    pub load: f32,
    /// It takes nothing new.
    pub draining: bool,
}

/// Discovery did not work, for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("discovery is unavailable: {0}")]
pub struct DiscoveryError(pub String);

/// Knows the nodes that are alive.
#[async_trait]
pub trait Discovery: Send + Sync + 'static {
    /// Announces a node. It is known for as long as the lease is held; a backend renews it, and
    /// announces again what was lost. A node of the same role and id takes the place of an older one.
    ///
    /// # Errors
    /// Where the first announcement did not get through.
    async fn register(&self, node: NodeInfo) -> Result<Lease, DiscoveryError>;

    /// The nodes of a role by id, now and whenever something about them changes. What was known
    /// stays while the backend is away.
    fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>>;

    /// Whether the backend is there now, as far as is known. Does not wait.
    fn healthy(&self) -> bool;

    /// Adds to a registry what the backend counts of itself, if anything.
    fn register_metrics(&self, _: &mut Registry) {}
}

/// A node's announcement. Dropping it takes the node out.
pub struct Lease(Box<dyn Announcement>);

/// What a backend does for a [`Lease`]; dropping it takes the node out.
#[async_trait]
pub trait Announcement: Send + Sync {
    /// Announces how busy the node is now. Does not wait.
    fn update(&self, load: f32, draining: bool);

    /// Takes the node out, and returns when that is done or has taken too long.
    async fn end(self: Box<Self>);
}

impl Lease {
    /// For backends.
    pub fn new(announcement: impl Announcement + 'static) -> Self {
        Self(Box::new(announcement))
    }

    /// Announces how busy the node is now (0 idle, 1 full) and whether it takes nothing new. Does
    /// not wait.
    pub fn update(&self, load: f32, draining: bool) {
        self.0.update(load, draining);
    }

    /// Takes the node out and waits for that, for a second or two at most: dropping the lease does it in the
    /// background, which a process that ends may be too quick for.
    pub async fn end(self) {
        self.0.end().await;
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}
