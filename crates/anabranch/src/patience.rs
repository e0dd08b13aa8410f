//! A discovery that may be away when a node starts: announcements wait for it, and the node does not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cluster::discovery::Announcement;
use cluster::{Discovery, DiscoveryError, Lease, NodeInfo, Role};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// How often an announcement is tried that did not get through.
const AGAIN: Duration = Duration::from_secs(1);

/// Announces in the background, again until it gets through: meanwhile the node is of use to nobody, and says
/// so to its operator.
pub(crate) struct Patient {
    discovery: Arc<dyn Discovery>,
    tasks: TaskTracker,
}

impl Patient {
    /// What was announced is taken back before `tasks` are through.
    pub(crate) fn new(discovery: Arc<dyn Discovery>, tasks: TaskTracker) -> Self {
        Self { discovery, tasks }
    }
}

#[async_trait]
impl Discovery for Patient {
    async fn register(&self, node: NodeInfo) -> Result<Lease, DiscoveryError> {
        let (told, news) = watch::channel((node.load, node.draining));
        self.tasks.spawn(announce(Arc::clone(&self.discovery), node, news));
        Ok(Lease::new(Background(told)))
    }

    fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
        self.discovery.watch(role)
    }

    fn healthy(&self) -> bool {
        self.discovery.healthy()
    }

    fn register_metrics(&self, registry: &mut Registry) {
        self.discovery.register_metrics(registry);
    }
}

/// Dropping it takes the node out.
struct Background(watch::Sender<(f32, bool)>);

#[async_trait]
impl Announcement for Background {
    fn update(&self, load: f32, draining: bool) {
        self.0.send_replace((load, draining));
    }

    // Whoever has the tasks waits for it.
    async fn end(self: Box<Self>) {}
}

/// Announces, and says what is new, until the sender of the news is gone.
async fn announce(discovery: Arc<dyn Discovery>, node: NodeInfo, mut news: watch::Receiver<(f32, bool)>) {
    let Some(lease) = announced(&*discovery, node, &mut news).await else { return };
    while news.changed().await.is_ok() {
        let (load, draining) = *news.borrow_and_update();
        lease.update(load, draining);
    }
    lease.end().await;
}

/// Nothing where the node was taken out before it was known.
async fn announced(
    discovery: &dyn Discovery,
    mut node: NodeInfo,
    news: &mut watch::Receiver<(f32, bool)>,
) -> Option<Lease> {
    loop {
        (node.load, node.draining) = *news.borrow_and_update();
        let registered = tokio::select! {
            registered = discovery.register(node.clone()) => registered,
            () = taken_out(news.clone()) => return None,
        };
        match registered {
            Ok(lease) => return Some(lease),
            Err(error) => tracing::debug!(%error, "not announced yet"),
        }
        if let Ok(Err(_gone)) = tokio::time::timeout(AGAIN, news.changed()).await {
            return None;
        }
    }
}

async fn taken_out(mut news: watch::Receiver<(f32, bool)>) {
    while news.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cluster::discovery::MemoryDiscovery;
    use model::NodeId;

    use super::*;

    /// Fails so many times.
    struct Away {
        memory: MemoryDiscovery,
        failures: AtomicUsize,
    }

    #[async_trait]
    impl Discovery for Away {
        async fn register(&self, node: NodeInfo) -> Result<Lease, DiscoveryError> {
            let left = self.failures.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
            match left {
                Ok(_) => Err(DiscoveryError("away".into())),
                Err(_) => self.memory.register(node).await,
            }
        }

        fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
            self.memory.watch(role)
        }

        fn healthy(&self) -> bool {
            self.memory.healthy()
        }
    }

    /// Never answers.
    struct Hung(MemoryDiscovery);

    #[async_trait]
    impl Discovery for Hung {
        async fn register(&self, _: NodeInfo) -> Result<Lease, DiscoveryError> {
            std::future::pending().await
        }

        fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
            self.0.watch(role)
        }

        fn healthy(&self) -> bool {
            false
        }
    }

    fn node() -> NodeInfo {
        NodeInfo {
            id: NodeId::parse("a").unwrap(),
            dc: "dc".into(),
            role: Role::Sfu,
            address: "inproc://sfu".into(),
            load: 0.0,
            draining: false,
        }
    }

    #[tokio::test]
    async fn a_node_that_ends_waits_for_no_announcement() {
        let tasks = TaskTracker::new();
        let patient = Patient::new(Arc::new(Hung(MemoryDiscovery::default())), tasks.clone());
        drop(patient.register(node()).await.unwrap());
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_announced_yet_is_announced_later_as_it_is_then() {
        let away = Away { memory: MemoryDiscovery::default(), failures: AtomicUsize::new(3) };
        let tasks = TaskTracker::new();
        let patient = Patient::new(Arc::new(away), tasks.clone());
        let mut seen = patient.watch(Role::Sfu);
        let lease = patient.register(node()).await.unwrap();
        lease.update(0.5, false);
        let there = seen.wait_for(|nodes| !nodes.is_empty()).await.unwrap().clone();
        assert_eq!(there[0].load, 0.5);
        lease.update(0.5, true);
        seen.wait_for(|nodes| nodes[0].draining).await.unwrap();
        drop(lease);
        tasks.close();
        tasks.wait().await;
        assert!(seen.borrow().is_empty());
    }
}
