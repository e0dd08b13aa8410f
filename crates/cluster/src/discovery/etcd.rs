//! The nodes of a cluster, in etcd 3.4 or later.
//!
//! - [`entry`]: what stands there. [`announce`]: keeps a node's entry there. [`follow`], [`known`]: what the
//!   others' entries say, through restarts, failovers and losses.
//! - [`members`], [`member`], [`access`]: whom to ask, and how.
//!
//! etcd 3.4 gives a lease its whole life again when its leader dies, so an entry may outlive its node by much
//! more than the lease's 5 s: nothing but the choice of a node may rest on it.

mod access;
mod announce;
mod api;
mod config;
mod entry;
mod follow;
mod known;
mod member;
mod members;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::{Announcement, Discovery, DiscoveryError, Lease, NodeInfo, Role};
use announce::Announcer;
use follow::{Published, follow};
use members::Members;

pub use config::{EtcdConfig, EtcdConfigError};

/// How long the first announcement may take.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(3);

/// Knows the nodes that etcd knows.
pub struct EtcdDiscovery {
    members: Arc<Members>,
    published: Arc<Published>,
    /// Follows etcd; ends with this.
    _following: JoinSet<()>,
}

impl EtcdDiscovery {
    /// Follows etcd from now on, also where it comes only later. Needs a tokio runtime, and for TLS a crypto
    /// provider that rustls finds.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn connect(config: &EtcdConfig) -> Result<Self, EtcdConfigError> {
        let members = Arc::new(Members::new(config.plan()?).ok_or_else(EtcdConfigError::no_address)?);
        let published = Arc::new(Published::default());
        let mut following = JoinSet::new();
        following.spawn(follow(Arc::clone(&members), Arc::clone(&published)));
        Ok(Self { members, published, _following: following })
    }
}

#[async_trait]
impl Discovery for EtcdDiscovery {
    /// Waits for etcd, but 3 s at most. After an error nothing of the announcement is left.
    async fn register(&self, node: NodeInfo) -> Result<Lease, DiscoveryError> {
        let (news, told) = watch::channel((node.load, node.draining));
        let (first, is_there) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let announcer = Announcer::new(Arc::clone(&self.members), node, told, first);
        tokio::spawn(async move {
            announcer.run(stopped).await;
            drop(ending);
        });
        let entry = Entry { news, _stop: stop, ended };
        match tokio::time::timeout(ANNOUNCED_WITHIN, is_there).await {
            Ok(Ok(())) => Ok(Lease::new(entry)),
            _ => Err(DiscoveryError(format!("etcd: {}", self.members.last_trouble()))),
        }
    }

    fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
        self.published.watch(role)
    }

    fn healthy(&self) -> bool {
        self.members.is_healthy()
    }

    fn register_metrics(&self, registry: &mut Registry) {
        self.members.metrics.register(registry);
    }
}

/// A node's entry. Dropping it takes the entry out, in the background.
struct Entry {
    news: watch::Sender<(f32, bool)>,
    _stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<std::convert::Infallible>,
}

#[async_trait]
impl Announcement for Entry {
    fn update(&self, load: f32, draining: bool) {
        self.news.send_replace((load, draining));
    }

    async fn end(self: Box<Self>) {
        let Self { news, _stop, ended } = *self;
        drop((news, _stop));
        let _always_dropped = ended.await;
    }
}
