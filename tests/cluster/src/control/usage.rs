//! CPU, memory and Redis commands of a cluster at one moment.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::machine::{cpu_nanos, resident_bytes};

/// Counters at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    /// By role or server: CPU time in nanoseconds, resident memory in bytes, summed over its processes.
    pub(super) processes: BTreeMap<&'static str, (u64, u64)>,
    /// Calls by command, over all Redis servers. Commands inside a script count as well.
    pub(super) commands: BTreeMap<String, u64>,
}

impl Usage {
    pub(super) fn now(cluster: &Cluster) -> Self {
        let backends = &cluster.backends;
        let own = cluster.nodes().map(|node| (node.role().name(), node.pid()));
        let etcd = backends.etcd.nodes().iter().map(|node| ("etcd", node.pid()));
        let nats = backends.nats.nodes().iter().map(|node| ("NATS", node.pid()));
        let redis = backends.redis.servers().into_iter().map(|node| ("Redis", node.pid()));
        let mut processes = BTreeMap::new();
        for (name, pid) in own.chain(etcd).chain(nats).chain(redis) {
            let Some(pid) = pid else { continue };
            let (cpu, memory) = processes.entry(name).or_insert((0, 0));
            *cpu += cpu_nanos(pid);
            *memory += resident_bytes(pid);
        }
        let mut commands = BTreeMap::new();
        for server in backends.redis.servers() {
            for (command, calls) in calls(&server.cli(&["INFO", "commandstats"])) {
                *commands.entry(command).or_insert(0) += calls;
            }
        }
        Self { processes, commands }
    }

    /// How often a command was called between then and now.
    pub(super) fn commands_since(&self, before: &Self) -> BTreeMap<String, u64> {
        let difference = self.commands.iter().map(|(command, calls)| {
            let then = before.commands.get(command).copied().unwrap_or(0);
            (command.clone(), calls.saturating_sub(then))
        });
        difference.filter(|(command, calls)| *calls > 0 && command != "info").collect()
    }
}

/// `cmdstat_evalsha:calls=12,usec=…` as command and calls.
fn calls(info: &str) -> impl Iterator<Item = (String, u64)> {
    info.lines().filter_map(|line| {
        let (command, figures) = line.trim().strip_prefix("cmdstat_")?.split_once(':')?;
        let calls = figures.split(',').find_map(|figure| figure.strip_prefix("calls="))?;
        Some((command.to_owned(), calls.parse().ok()?))
    })
}
