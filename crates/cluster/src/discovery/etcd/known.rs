//! The nodes that etcd has told of, and those that it may tell of again.
//!
//! An etcd that was away may have lost everything, or have let all leases run out while it stood still. So
//! for a while after it came back, a node that it does not tell of is only in doubt, and stays.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::entry::NodeKey;
use super::member::MAX_ENTRIES;
use crate::{NodeInfo, Role};

/// How long a node may take to announce itself again: as long as its lease would have lasted (5 s), and the
/// time to find out and to be answered.
const GRACE: Duration = Duration::from_secs(8);

/// The nodes of all roles: at most those that etcd is asked for and as many in doubt, further ones are left out.
#[derive(Default)]
pub(super) struct Known {
    nodes: BTreeMap<NodeKey, Node>,
    /// After the first list: until when a node that etcd does not tell of is in doubt.
    settles: Option<Instant>,
    was_listed: bool,
}

struct Node {
    info: NodeInfo,
    doubted_until: Option<Instant>,
}

impl Known {
    /// Everything that etcd has, right after it was reached, again or for the first time.
    pub(super) fn list(&mut self, listed: Vec<NodeInfo>, now: Instant) {
        for node in self.nodes.values_mut() {
            node.doubted_until = Some(now + GRACE);
        }
        for node in listed {
            self.put(node);
        }
        if self.was_listed {
            self.settles = Some(now + GRACE);
        }
        self.was_listed = true;
    }

    /// A node announced itself, or is as loaded as this now.
    pub(super) fn put(&mut self, node: NodeInfo) {
        let key = NodeKey::of(&node);
        if self.nodes.len() < 2 * MAX_ENTRIES || self.nodes.contains_key(&key) {
            self.nodes.insert(key, Node { info: node, doubted_until: None });
        }
    }

    /// A node's lease has ended.
    pub(super) fn remove(&mut self, key: &NodeKey, now: Instant) {
        if self.settles.is_some_and(|until| now < until) {
            if let Some(node) = self.nodes.get_mut(key) {
                node.doubted_until = Some(now + GRACE);
            }
        } else {
            self.nodes.remove(key);
        }
    }

    /// When the next doubt becomes certainty.
    pub(super) fn next_doubt(&self) -> Option<Instant> {
        self.nodes.values().filter_map(|node| node.doubted_until).min()
    }

    /// Lets go of those that were in doubt too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.nodes.retain(|_, node| node.doubted_until.is_none_or(|until| now < until));
    }

    /// The nodes of a role, by id.
    pub(super) fn of(&self, role: Role) -> Vec<NodeInfo> {
        let nodes = self.nodes.values().map(|node| &node.info);
        nodes.filter(|node| node.role == role).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use model::NodeId;

    use super::*;

    fn node(id: &str, load: f32) -> NodeInfo {
        NodeInfo {
            id: NodeId::parse(id).unwrap(),
            dc: "a".into(),
            role: Role::Sfu,
            address: "http://127.0.0.1:1".into(),
            load,
            draining: false,
        }
    }

    fn key(id: &str) -> NodeKey {
        NodeKey::of(&node(id, 0.0))
    }

    fn ids(known: &Known) -> Vec<String> {
        known.of(Role::Sfu).iter().map(|node| node.id.to_string()).collect()
    }

    #[test]
    fn what_etcd_says_counts_at_once_as_long_as_it_is_there() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.list(vec![node("b", 0.0), node("a", 0.0)], now);
        assert_eq!(ids(&known), ["a", "b"]);
        known.remove(&key("a"), now);
        known.put(node("c", 0.0));
        known.put(node("b", 0.5));
        assert_eq!(ids(&known), ["b", "c"]);
        assert_eq!(known.of(Role::Sfu)[0].load, 0.5);
        assert!(known.of(Role::Signal).is_empty());
        assert_eq!(known.next_doubt(), None);
    }

    #[test]
    fn an_etcd_that_lost_everything_does_not_empty_the_list() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.list(vec![node("a", 0.0), node("b", 0.0)], now);
        known.list(vec![], now + GRACE * 5);
        let doubt = now + GRACE * 6;
        assert_eq!(known.next_doubt(), Some(doubt));
        known.put(node("a", 0.0));
        known.sweep(doubt - Duration::from_millis(1));
        assert_eq!(ids(&known), ["a", "b"]);
        known.sweep(doubt);
        assert_eq!(ids(&known), ["a"]);
        known.remove(&key("a"), doubt);
        assert!(ids(&known).is_empty(), "it has settled: what it says counts at once again");
    }

    #[test]
    fn leases_that_ran_out_while_etcd_stood_still_are_in_doubt() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.list(vec![node("a", 0.0)], now);
        known.list(vec![node("a", 0.0)], now);
        known.remove(&key("a"), now);
        assert_eq!(ids(&known), ["a"]);
        known.sweep(now + GRACE);
        assert!(ids(&known).is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_only() {
        let mut known = Known::default();
        for n in 0..3 * MAX_ENTRIES {
            known.put(node(&n.to_string(), 0.0));
        }
        assert_eq!(known.of(Role::Sfu).len(), 2 * MAX_ENTRIES);
        known.put(node("0", 1.0));
        assert_eq!(known.of(Role::Sfu)[0].load, 1.0, "one that is known may change");
    }
}
