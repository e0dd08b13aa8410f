//! Discovery in a real etcd.

mod access;
mod faults;
mod nodes;

use std::sync::Arc;
use std::time::Duration;

use cluster::{Discovery, EtcdConfig, EtcdDiscovery, NodeInfo, Role};
use model::NodeId;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

type Seen = watch::Receiver<Arc<[NodeInfo]>>;

fn config(endpoints: Vec<String>) -> EtcdConfig {
    EtcdConfig { endpoints, ..EtcdConfig::default() }
}

fn at(url: String) -> EtcdDiscovery {
    EtcdDiscovery::connect(&config(vec![url])).unwrap()
}

fn node(role: Role, id: &str) -> NodeInfo {
    NodeInfo {
        id: NodeId::parse(id).unwrap(),
        dc: "here".into(),
        role,
        address: "http://127.0.0.1:9700".into(),
        load: 0.0,
        draining: false,
    }
}

fn ids(nodes: &[NodeInfo]) -> Vec<&str> {
    nodes.iter().map(|node| node.id.as_str()).collect()
}

/// Waits until the nodes are as expected.
async fn until(
    seen: &mut Seen,
    what: &str,
    expected: impl FnMut(&Arc<[NodeInfo]>) -> bool,
) -> Arc<[NodeInfo]> {
    if let Ok(nodes) = timeout(PATIENCE, seen.wait_for(expected)).await {
        return nodes.unwrap().clone();
    }
    panic!("{what}: {:?}", *seen.borrow());
}

async fn until_ids(seen: &mut Seen, expected: &[&str]) -> Arc<[NodeInfo]> {
    until(seen, &format!("{expected:?}"), |nodes| ids(nodes) == expected).await
}

/// Announces as soon as etcd takes it.
async fn announced(discovery: &EtcdDiscovery, node: NodeInfo) -> cluster::Lease {
    let trying = async {
        loop {
            match discovery.register(node.clone()).await {
                Ok(lease) => return lease,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(PATIENCE, trying).await.unwrap()
}

/// Remembers the fewest nodes there ever were, from the first one on.
fn fewest(mut seen: Seen) -> Arc<std::sync::atomic::AtomicUsize> {
    let fewest = Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
    let told = Arc::clone(&fewest);
    tokio::spawn(async move {
        loop {
            let count = seen.borrow_and_update().len();
            told.fetch_min(count, std::sync::atomic::Ordering::SeqCst);
            if seen.changed().await.is_err() {
                return;
            }
        }
    });
    fewest
}
