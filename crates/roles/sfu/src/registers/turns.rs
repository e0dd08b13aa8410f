//! Which register is asked next: the near ones in turn, and last those that were silent a moment ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::NodeInfo;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

/// How long a register that gave no answer is asked last: a stopped one costs one attempt in this time.
const SUSPICION: Duration = Duration::from_secs(5);

/// Registers under suspicion. There are never as many; beyond, all are forgotten, which costs an attempt each.
const MAX_SUSPECTS: usize = 256;

/// Whose turn it is, and who was silent.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turn: AtomicUsize,
    // Until when an address is asked last.
    suspects: Mutex<FxHashMap<Arc<str>, Instant>>,
}

impl Turns {
    /// All registers in the order in which to ask them, as seen from a data centre.
    pub(super) fn order(&self, nodes: &[NodeInfo], dc: &str, now: Instant) -> Vec<NodeInfo> {
        let mut nodes = nodes.to_vec();
        if !nodes.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
            nodes.rotate_left(first);
        }
        let suspects = self.suspects.lock();
        let suspect = |node: &NodeInfo| suspects.get(&node.address).is_some_and(|until| now < *until);
        nodes.sort_by_key(|node| (suspect(node), node.draining, *node.dc != *dc));
        nodes
    }

    /// A register gave no answer, or none that is of use.
    pub(super) fn silent(&self, address: &Arc<str>, now: Instant) {
        let mut suspects = self.suspects.lock();
        if suspects.len() >= MAX_SUSPECTS {
            suspects.clear();
        }
        suspects.insert(Arc::clone(address), now + SUSPICION);
    }

    /// A register answered.
    pub(super) fn answered(&self, address: &Arc<str>) {
        self.suspects.lock().remove(address);
    }
}

#[cfg(test)]
mod tests {
    use cluster::Role;
    use model::ids::NodeId;

    use super::*;

    fn node(id: &str, dc: &str, draining: bool) -> NodeInfo {
        NodeInfo {
            id: NodeId::parse(id).unwrap(),
            dc: dc.into(),
            role: Role::Register,
            address: id.into(),
            load: 0.0,
            draining,
        }
    }

    fn ids(nodes: &[NodeInfo]) -> Vec<&str> {
        nodes.iter().map(|node| node.id.as_str()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn near_ones_take_turns_and_draining_and_silent_ones_come_last() {
        let turns = Turns::default();
        let nodes = [
            node("a", "here", false),
            node("far", "there", false),
            node("drains", "here", true),
            node("b", "here", false),
        ];
        let now = Instant::now();
        let order = |now| turns.order(&nodes, "here", now);
        assert_eq!(ids(&order(now)), ["a", "b", "far", "drains"]);
        let firsts: Vec<_> = (0..4).map(|_| order(now).remove(0).id.to_string()).collect();
        assert!(firsts.contains(&"a".to_owned()) && firsts.contains(&"b".to_owned()), "{firsts:?}");

        turns.silent(&"a".into(), now);
        turns.silent(&"b".into(), now);
        turns.answered(&"b".into());
        assert_eq!(ids(&order(now)), ["b", "far", "drains", "a"]);
        let later = now + SUSPICION;
        assert_eq!(ids(&order(later))[2..], ["far", "drains"]);
        assert!(turns.order(&[], "here", now).is_empty());
    }
}
