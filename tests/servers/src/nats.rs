//! NATS, alone and as a cluster.

use std::ops::Deref;

use crate::ports::Ports;
use crate::{Daemon, Folder, Launch, find_program, http};

/// One NATS server on loopback.
#[derive(Debug)]
pub struct Nats {
    daemon: Daemon,
    address: String,
    monitor: String,
    _ports: Vec<Ports>,
    _folder: Folder,
}

impl Nats {
    /// Starts one that takes everybody.
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts one with more lines for its configuration, in NATS's own format:
    /// `authorization { user: "u", password: "p" }`, `tls { cert_file: "…" key_file: "…" }`.
    pub fn with(config: &str) -> Self {
        let nats = Self::launch("nats", config, Vec::new());
        nats.wait_until_ready();
        nats
    }

    /// `HOST:PORT` for clients.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `nats://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// How many clients are connected to it.
    pub fn connections(&self) -> usize {
        self.figure("/varz", "\"connections\":")
    }

    /// How many subscriptions its clients have, those on NATS's own subjects included.
    pub fn subscriptions(&self) -> usize {
        self.figure("/varz", "\"subscriptions\":")
    }

    /// How many other nodes it has a route to.
    pub fn routes(&self) -> usize {
        self.figure("/varz", "\"routes\":")
    }

    fn figure(&self, page: &str, member: &str) -> usize {
        let answer = http::get(&self.monitor, page).unwrap_or_default();
        let rest = answer.split(member).nth(1).unwrap_or_default().trim_start();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    fn launch(name: &str, config: &str, more_ports: Vec<Ports>) -> Self {
        let folder = Folder::new("nats");
        let (client, monitor) = (Ports::tcp(), Ports::tcp());
        let (address, watched) = (client.address(), monitor.address());
        let text = format!("listen: \"{address}\"\nhttp: \"{watched}\"\nserver_name: \"{name}\"\n{config}\n");
        let file = folder.write("nats.conf", &text);
        let health = watched.clone();
        let daemon = Daemon::launch(Launch {
            name: name.to_owned(),
            program: find_program("nats-server"),
            args: vec!["-c".to_owned(), file.display().to_string()],
            log: folder.join("log"),
            ready: Box::new(move || {
                http::get(&health, "/healthz").is_ok_and(|answer| answer.contains(r#""status":"ok""#))
            }),
        });
        let ports = more_ports.into_iter().chain([client, monitor]).collect();
        Self { daemon, address, monitor: watched, _ports: ports, _folder: folder }
    }
}

impl Deref for Nats {
    type Target = Daemon;
    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

/// Several NATS servers with a route from each to each.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Nats>,
}

impl NatsCluster {
    /// Starts `count` nodes and waits until each has routes to all others. One is a plain server.
    pub fn start(count: usize) -> Self {
        let routes: Vec<Ports> = (0..count).map(|_| Ports::tcp()).collect();
        let all: Vec<String> = routes.iter().map(|port| format!("\"nats://{}\"", port.address())).collect();
        let all = all.join(", ");
        let launch = |(number, port): (usize, Ports)| {
            let listen = port.address();
            let cluster = format!("cluster {{ name: \"anabranch\", listen: \"{listen}\", routes: [{all}] }}");
            let config = if count > 1 { cluster } else { String::new() };
            Nats::launch(&format!("n{}", number + 1), &config, vec![port])
        };
        let nodes: Vec<Nats> = routes.into_iter().enumerate().map(launch).collect();
        let cluster = Self { nodes };
        cluster.wait_until_ready();
        cluster
    }

    /// Waits until all nodes answer and know each other.
    pub fn wait_until_ready(&self) {
        for node in &self.nodes {
            node.wait_until_ready();
            crate::until("NATS has its routes", std::time::Duration::from_secs(30), || {
                node.routes() + 1 >= self.nodes.len()
            });
        }
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Nats] {
        &self.nodes
    }

    /// The node with this number.
    pub fn node(&self, index: usize) -> &Nats {
        self.nodes.get(index).expect("a node with this number")
    }

    /// `nats://HOST:PORT` of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Nats::url).collect()
    }

    /// The number of the running node with the most clients.
    pub fn busiest(&self) -> usize {
        let numbers = (0..self.nodes.len()).filter(|number| self.node(*number).pid().is_some());
        numbers.max_by_key(|number| self.node(*number).connections()).expect("a running node")
    }

    /// SIGKILL for the node with this number.
    pub fn kill(&self, index: usize) {
        self.node(index).kill();
    }
}
