//! A whole cluster: started, and ended with a look at how its processes ended and what they logged.

use std::thread;

use servers::Folder;
use servers::ports::Ports;

use crate::backends::{Backends, RedisShape};
use crate::node::{Node, Role};

/// What a cluster consists of.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Nodes of etcd.
    pub etcd: usize,
    /// Nodes of NATS.
    pub nats: usize,
    /// How Redis is run.
    pub redis: RedisShape,
    /// Signalling nodes.
    pub signals: usize,
    /// Register replicas.
    pub registers: usize,
    /// Media nodes.
    pub sfus: usize,
    /// More config for every role, as `section.key=value`.
    pub settings: Vec<String>,
    /// Levels of log lines that nobody expects: a test that breaks things has warnings.
    pub alarms: &'static [&'static str],
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            etcd: 1,
            nats: 1,
            redis: RedisShape::Single,
            signals: 2,
            registers: 2,
            sfus: 2,
            // A test's end need not wait for clients that will not move.
            settings: vec!["node.drain_timeout=1".to_owned()],
            alarms: &["WARN", "ERROR"],
        }
    }
}

/// A running cluster. Dropping it ends it, and fails the test when a process did not end well or
/// logged what a person would have to act on.
#[derive(Debug)]
pub struct Cluster {
    /// The servers under it.
    pub backends: Backends,
    /// Its signalling nodes.
    pub signals: Vec<Node>,
    /// Its register replicas.
    pub registers: Vec<Node>,
    /// Its media nodes.
    pub sfus: Vec<Node>,
    alarms: &'static [&'static str],
    _folder: Folder,
}

impl Cluster {
    /// Two of each role over one etcd, one NATS and one Redis.
    pub fn start() -> Self {
        Self::with(&Shape::default())
    }

    /// Starts a cluster and waits until every process is ready.
    pub fn with(shape: &Shape) -> Self {
        let backends = Backends::start(shape.etcd, shape.nats, shape.redis);
        let folder = Folder::new("cluster");
        let ports: Vec<Ports> = (0..shape.signals).map(|_| Ports::tcp()).collect();
        let settings = [backends.settings(), for_pages(&ports), shape.settings.clone()].concat();
        let launch = |role, count| -> Vec<Node> {
            (0..count).map(|number| Node::launch(role, number, None, &folder, &settings)).collect()
        };
        let registers = launch(Role::Register, shape.registers);
        let sfus = launch(Role::Sfu, shape.sfus);
        let signals = ports.into_iter().enumerate();
        let signals = signals
            .map(|(number, port)| Node::launch(Role::Signal, number, Some(port), &folder, &settings))
            .collect();
        let cluster = Self { backends, signals, registers, sfus, alarms: shape.alarms, _folder: folder };
        cluster.nodes().for_each(|node| node.wait_until_ready());
        cluster
    }

    /// Where clients connect: one URL per signalling node.
    pub fn urls(&self) -> Vec<String> {
        self.signals.iter().map(Node::ws_url).collect()
    }

    /// All processes of our own.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.signals.iter().chain(&self.sfus).chain(&self.registers)
    }

    /// The media node with this id.
    pub fn sfu(&self, id: &str) -> &Node {
        let found = self.sfus.iter().find(|node| node.id() == id);
        found.unwrap_or_else(|| panic!("there is no SFU {id:?}"))
    }

    /// Everything that the processes have logged, for the report of a failure.
    pub fn story(&self) -> String {
        const LAST: usize = 15;
        let tail = |node: &Node| {
            let log = node.log();
            let lines: Vec<&str> = log.lines().collect();
            let skipped = lines.len().saturating_sub(LAST);
            format!(
                "--- {}\n{}",
                node.id(),
                lines.iter().skip(skipped).copied().collect::<Vec<_>>().join("\n")
            )
        };
        self.nodes().map(tail).collect::<Vec<_>>().join("\n")
    }

    /// Ends every process, and tells what was wrong with how they ran.
    fn finish(&self) -> Vec<String> {
        let running: Vec<&Node> = self.nodes().filter(|node| node.pid().is_some()).collect();
        // The roles one after the other: who ends cleanly says so to the roles behind it.
        let mut wrong = Vec::new();
        for role in [Role::Signal, Role::Sfu, Role::Register] {
            thread::scope(|scope| {
                let ends: Vec<_> = running
                    .iter()
                    .filter(|node| node.role() == role)
                    .map(|node| (node.id(), scope.spawn(move || node.stop())))
                    .collect();
                for (id, end) in ends {
                    match end.join() {
                        Ok(Some(status)) if status.success() => {}
                        other => wrong.push(format!("{id} ended with {other:?}")),
                    }
                }
            });
        }
        wrong.extend(self.nodes().flat_map(|node| node.alarms(self.alarms)));
        wrong
    }
}

/// Pages learn of all signals, and the page of each may connect to every other.
fn for_pages(signals: &[Ports]) -> Vec<String> {
    let all = |scheme: &str, path: &str| -> Vec<String> {
        signals.iter().map(|port| format!("{scheme}://{}{path}", port.address())).collect()
    };
    vec![
        format!("signal.urls={:?}", all("ws", "/ws")),
        format!("signal.allowed_origins={:?}", all("http", "")),
    ]
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the ends of the cluster's logs:\n{}", self.story());
            return;
        }
        let wrong = self.finish();
        assert!(wrong.is_empty(), "the cluster did not run well:\n{}", wrong.join("\n"));
    }
}
