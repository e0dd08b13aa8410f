//! The nodes inside a single process.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::NodeId;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Announcement, Discovery, DiscoveryError, Lease, NodeInfo, Role};

/// Knows the nodes that this process announced. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct MemoryDiscovery {
    roles: Arc<[Nodes; 3]>,
}

/// The nodes of one role, each with the number of its announcement.
#[derive(Debug)]
struct Nodes {
    role: Role,
    known: Mutex<Known>,
    published: watch::Sender<Arc<[NodeInfo]>>,
}

#[derive(Debug, Default)]
struct Known {
    nodes: BTreeMap<NodeId, (u64, NodeInfo)>,
    announcements: u64,
}

impl Default for MemoryDiscovery {
    fn default() -> Self {
        Self { roles: Arc::new([Role::Signal, Role::Register, Role::Sfu].map(Nodes::new)) }
    }
}

impl MemoryDiscovery {
    fn nodes(&self, role: Role) -> &Nodes {
        let [signal, register, sfu] = &*self.roles;
        match role {
            Role::Signal => signal,
            Role::Register => register,
            Role::Sfu => sfu,
        }
    }
}

#[async_trait]
impl Discovery for MemoryDiscovery {
    async fn register(&self, node: NodeInfo) -> Result<Lease, DiscoveryError> {
        let (role, id) = (node.role, node.id.clone());
        let number = self.nodes(role).announce(node);
        Ok(Lease::new(InProcess { discovery: self.clone(), role, id, number }))
    }

    fn watch(&self, role: Role) -> watch::Receiver<Arc<[NodeInfo]>> {
        self.nodes(role).published.subscribe()
    }

    fn healthy(&self) -> bool {
        true
    }
}

impl Nodes {
    fn new(role: Role) -> Self {
        Self { role, known: Mutex::default(), published: watch::Sender::new(Arc::new([])) }
    }

    fn announce(&self, node: NodeInfo) -> u64 {
        debug_assert_eq!(node.role, self.role);
        let mut known = self.known.lock();
        known.announcements += 1;
        let number = known.announcements;
        known.nodes.insert(node.id.clone(), (number, node));
        self.publish(&known);
        number
    }

    /// Changes a node, or takes it out where `change` says so, unless another announcement has taken
    /// its place.
    fn change(&self, id: &NodeId, number: u64, change: impl FnOnce(&mut NodeInfo) -> bool) {
        let mut known = self.known.lock();
        let Some((announcement, node)) = known.nodes.get_mut(id) else { return };
        if *announcement != number {
            return;
        }
        if !change(node) {
            known.nodes.remove(id);
        }
        self.publish(&known);
    }

    fn publish(&self, known: &Known) {
        self.published.send_replace(known.nodes.values().map(|(_, node)| node.clone()).collect());
    }
}

struct InProcess {
    discovery: MemoryDiscovery,
    role: Role,
    id: NodeId,
    number: u64,
}

#[async_trait]
impl Announcement for InProcess {
    fn update(&self, load: f32, draining: bool) {
        self.discovery.nodes(self.role).change(&self.id, self.number, |node| {
            node.load = load;
            node.draining = draining;
            true
        });
    }

    async fn end(self: Box<Self>) {}
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.discovery.nodes(self.role).change(&self.id, self.number, |_| false);
    }
}

#[cfg(test)]
mod tests;
