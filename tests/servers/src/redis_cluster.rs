//! A Redis Cluster of three masters.

use std::time::Duration;

use crate::daemon::until;
use crate::ports::Ports;
use crate::redis::{Redis, RedisOptions};

/// The keys' slots of each master: first and last.
const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
/// The nodes have to hear of each other; it takes about two seconds.
const TOGETHER_WITHIN: Duration = Duration::from_secs(30);

/// Three masters without replicas, each with a third of the slots.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
    _buses: Vec<Ports>,
}

impl RedisCluster {
    /// Starts three masters and waits until the cluster takes commands.
    pub fn start() -> Self {
        let buses: Vec<Ports> = SLOTS.iter().map(|_| Ports::tcp()).collect();
        let nodes: Vec<Redis> = buses.iter().map(launch).collect();
        let cluster = Self { nodes, _buses: buses };
        cluster.nodes.iter().for_each(|node| node.wait_until_ready());
        cluster.assemble();
        cluster.wait_until_ready();
        cluster
    }

    /// Waits until all masters answer and each says that all slots are served.
    pub fn wait_until_ready(&self) {
        for node in &self.nodes {
            node.wait_until_ready();
            until("the Redis cluster is whole", TOGETHER_WITHIN, || {
                let info = node.cli(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            });
        }
    }

    /// The masters.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The master with this number.
    pub fn node(&self, index: usize) -> &Redis {
        self.nodes.get(index).expect("a node with this number")
    }

    /// `redis://HOST:PORT` of each master.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// SIGKILL for the master with this number: its slots are not served until it starts again.
    pub fn kill(&self, index: usize) {
        self.node(index).kill();
    }

    fn assemble(&self) {
        for ((number, node), (first, last)) in self.nodes.iter().enumerate().zip(SLOTS) {
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        for (node, bus) in self.nodes.iter().zip(&self._buses).skip(1) {
            let (port, bus) = (node.port().to_string(), bus.number().to_string());
            self.node(0).cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
    }
}

fn launch(bus: &Ports) -> Redis {
    let more = [
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus.number().to_string(),
        "--cluster-node-timeout",
        "2000",
    ];
    Redis::launch(RedisOptions { more: more.map(str::to_owned).to_vec(), ..RedisOptions::default() })
}
