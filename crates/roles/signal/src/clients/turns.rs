//! Which register is asked next: the near ones in turn, and last those that were silent a moment ago.

use super::Clients;
use cluster::NodeInfo;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// How long a node that gave no answer is asked last. A stopped process costs one call a time-out this
/// often, and no more.
const SUSPICION: Duration = Duration::from_secs(10);

/// Nodes under suspicion. There are never as many nodes; beyond, all are forgotten.
const MAX_SUSPECTS: usize = 1024;

/// What one attempt may take while there is another node to ask.
pub(super) const ATTEMPT: Duration = Duration::from_secs(1);

/// The addresses that gave no answer, each with the time until which that counts.
#[derive(Default)]
pub(super) struct Suspects(Mutex<HashMap<Arc<str>, Instant>>);

impl Suspects {
    /// A node gave no answer in time.
    pub(super) fn suspect(&self, node: &NodeInfo) {
        let mut suspects = self.0.lock();
        if suspects.len() >= MAX_SUSPECTS {
            suspects.clear();
        }
        suspects.insert(Arc::clone(&node.address), Instant::now() + SUSPICION);
    }

    /// A node answered.
    pub(super) fn clear(&self, node: &NodeInfo) {
        self.0.lock().remove(&node.address);
    }

    pub(super) fn is_suspect(&self, node: &NodeInfo) -> bool {
        self.0.lock().get(&node.address).is_some_and(|until| Instant::now() < *until)
    }
}

impl Clients {
    /// All registers, a different one first each time; draining ones and silent ones last.
    pub(super) fn registers_in_turn(&self) -> Vec<NodeInfo> {
        let mut nodes = self.registers.borrow().to_vec();
        if !nodes.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
            nodes.rotate_left(first);
        }
        nodes.sort_by_key(|node| (self.suspects.is_suspect(node), node.draining, node.dc != self.dc));
        nodes
    }
}
