//! What the processes of a cluster hold at one moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use peer::server::get;

use crate::{Cluster, Node};

/// Memory may be this much above the level before, by part and in MiB: allocators keep some.
const MEMORY_FACTOR: f64 = 1.25;
const MEMORY_MIB: f64 = 24.0;
/// Descriptors and tasks: connections between nodes come and go.
const SLACK: f64 = 6.0;

/// What one node holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct Level {
    memory_mib: f64,
    descriptors: f64,
    tasks: f64,
    /// Connections, users, streams and peer connections: nothing of it may be left.
    people: f64,
}

/// All nodes, and Redis.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    nodes: BTreeMap<String, Level>,
    keys: usize,
}

impl Levels {
    /// As they are now.
    pub fn of(cluster: &Cluster) -> Self {
        let nodes = cluster.nodes().map(|node| (node.id().to_owned(), Level::of(node))).collect();
        let servers = cluster.backends.redis.servers();
        let keys = servers.into_iter().map(|server| server.cli(&["--scan"]).lines().count()).sum();
        Self { nodes, keys }
    }

    /// Whether nobody is anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.values().all(|level| level.people == 0.0)
    }

    /// Whether nothing but memory differs.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let still = |level: &Level, other: &Level| {
            (level.descriptors - other.descriptors).abs() < 1.0 && (level.tasks - other.tasks).abs() < 1.0
        };
        self.nodes.iter().all(|(id, level)| other.nodes.get(id).is_some_and(|other| still(level, other)))
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let nodes = self.nodes.iter().map(|(id, level)| {
            format!("{id} {:.0} MiB {} fds {} tasks", level.memory_mib, level.descriptors, level.tasks)
        });
        let nodes: Vec<String> = nodes.collect();
        format!("{}; Redis {} keys", nodes.join(", "), self.keys)
    }

    /// What is above what it was before.
    pub(super) fn complaints(&self, after: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (id, before) in &self.nodes {
            let Some(level) = after.nodes.get(id) else { continue };
            let bounds = [
                (
                    "MiB",
                    before.memory_mib,
                    level.memory_mib,
                    (before.memory_mib * MEMORY_FACTOR).max(before.memory_mib + MEMORY_MIB),
                ),
                ("descriptors", before.descriptors, level.descriptors, before.descriptors + SLACK),
                ("tasks", before.tasks, level.tasks, before.tasks + SLACK),
                ("connections, users and streams", before.people, level.people, 0.0),
            ];
            for (what, before, level, bound) in bounds {
                if level > bound {
                    wrong.push(format!("{id}: {level:.0} {what}, {before:.0} before"));
                }
            }
        }
        if after.keys > self.keys {
            wrong.push(format!("Redis: {} keys, {} before", after.keys, self.keys));
        }
        wrong
    }

    /// Rows of a table in Markdown.
    pub(super) fn beside(&self, after: &Self) -> String {
        let mut rows = String::new();
        let mut row = |what: String, before: f64, after: f64| {
            let _ = writeln!(rows, "| {what} | {before:.0} | {after:.0} |");
        };
        for (id, before) in &self.nodes {
            let level = after.nodes.get(id).cloned().unwrap_or_default();
            row(format!("{id}: memory, MiB"), before.memory_mib, level.memory_mib);
            row(format!("{id}: file descriptors"), before.descriptors, level.descriptors);
            row(format!("{id}: tasks"), before.tasks, level.tasks);
        }
        row("Redis: keys".into(), self.keys as f64, after.keys as f64);
        rows
    }
}

impl Level {
    fn of(node: &Node) -> Self {
        let text = get(&node.ops_address(), "/metrics").expect("a node tells its metrics").body;
        let sum = |name: &str| -> f64 {
            let values = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
            values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        let people = [
            "anabranch_signal_connections",
            "anabranch_signal_rooms",
            "anabranch_sfu_streams",
            "anabranch_sfu_subscriptions",
            "anabranch_sfu_transports",
            "anabranch_sfu_half_open_transports",
        ];
        Self {
            memory_mib: sum("process_resident_memory_bytes") / f64::from(1 << 20),
            descriptors: sum("process_open_fds"),
            tasks: sum("anabranch_tokio_alive_tasks"),
            people: people.into_iter().map(sum).sum(),
        }
    }
}
