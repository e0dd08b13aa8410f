//! etcd, alone and as a cluster.

use std::ops::Deref;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::until;
use crate::ports::Ports;
use crate::{Daemon, Folder, Launch, Tls, find_program, http};

/// An election takes about a second; a busy machine may need several.
const LEADER_WITHIN: Duration = Duration::from_secs(30);

/// How an etcd is to be started.
#[derive(Debug, Clone, Default)]
pub struct EtcdOptions {
    /// Clients speak TLS.
    pub tls: Option<Arc<Tls>>,
    /// Clients must show a certificate, too.
    pub client_cert: bool,
}

/// One etcd on loopback. Authentication is switched on by the test, with [`etcdctl`](Self::etcdctl).
#[derive(Debug)]
pub struct Etcd {
    daemon: Daemon,
    address: String,
    metrics: String,
    options: EtcdOptions,
    _ports: [Ports; 3],
    _folder: Folder,
}

impl Etcd {
    /// Starts one without TLS.
    pub fn start() -> Self {
        Self::with(EtcdOptions::default())
    }

    /// Starts one.
    pub fn with(options: EtcdOptions) -> Self {
        let seat = Seat::new(0);
        let cluster = seat.in_cluster();
        let etcd = seat.launch(options, &cluster);
        etcd.wait_until_ready();
        etcd
    }

    /// `HOST:PORT` for clients.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://HOST:PORT` or `https://HOST:PORT` for clients.
    pub fn url(&self) -> String {
        format!("{}://{}", scheme(&self.options), self.address)
    }

    /// Runs `etcdctl` against this server and returns what it says; a failure fails the test.
    pub fn etcdctl(&self, args: &[&str]) -> String {
        let mut command = Command::new(find_program("etcdctl"));
        command.env("ETCDCTL_API", "3").arg("--endpoints").arg(self.url()).args(args);
        if let Some(tls) = &self.options.tls {
            command.arg("--cacert").arg(tls.ca()).arg("--cert").arg(tls.client_cert());
            command.arg("--key").arg(tls.client_key());
        }
        let output = command.output().expect("etcdctl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "etcdctl {}: {complaint}{said}", args.join(" "));
        said
    }

    /// Whether it leads its cluster, as far as it knows.
    pub fn is_leader(&self) -> bool {
        let metrics = http::get(&self.metrics, "/metrics").unwrap_or_default();
        metrics.lines().any(|line| line.trim() == "etcd_server_is_leader 1")
    }
}

impl Deref for Etcd {
    type Target = Daemon;
    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

/// Several etcds that are one.
#[derive(Debug)]
pub struct EtcdCluster {
    nodes: Vec<Etcd>,
}

impl EtcdCluster {
    /// Starts `count` nodes and waits until they have a leader.
    pub fn start(count: usize) -> Self {
        let seats: Vec<Seat> = (0..count).map(Seat::new).collect();
        let all: Vec<String> = seats.iter().map(Seat::in_cluster).collect();
        let options = EtcdOptions::default();
        let nodes: Vec<Etcd> =
            seats.into_iter().map(|seat| seat.launch(options.clone(), &all.join(","))).collect();
        nodes.iter().for_each(|node| node.wait_until_ready());
        let cluster = Self { nodes };
        cluster.leader();
        cluster
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Etcd] {
        &self.nodes
    }

    /// The node with this number.
    pub fn node(&self, index: usize) -> &Etcd {
        self.nodes.get(index).expect("a node with this number")
    }

    /// `http://HOST:PORT` of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Etcd::url).collect()
    }

    /// The number of the node that leads; waits for an election that is under way.
    pub fn leader(&self) -> usize {
        let leader = || self.nodes.iter().position(|node| node.pid().is_some() && node.is_leader());
        until("etcd has a leader", LEADER_WITHIN, || leader().is_some());
        leader().expect("an election is not lost within milliseconds")
    }

    /// SIGKILL for the node with this number.
    pub fn kill(&self, index: usize) {
        self.node(index).kill();
    }
}

/// Ports, name and folder of a node that is to be started.
struct Seat {
    name: String,
    client: Ports,
    peer: Ports,
    metrics: Ports,
    folder: Folder,
}

impl Seat {
    fn new(number: usize) -> Self {
        Self {
            name: format!("e{}", number + 1),
            client: Ports::tcp(),
            peer: Ports::tcp(),
            metrics: Ports::tcp(),
            folder: Folder::new("etcd"),
        }
    }

    fn peer_url(&self) -> String {
        format!("http://{}", self.peer.address())
    }

    /// Its part of `--initial-cluster`.
    fn in_cluster(&self) -> String {
        format!("{}={}", self.name, self.peer_url())
    }

    fn launch(self, options: EtcdOptions, cluster: &str) -> Etcd {
        let (address, metrics) = (self.client.address(), self.metrics.address());
        let health = metrics.clone();
        let daemon = Daemon::launch(Launch {
            name: format!("etcd {}", self.name),
            program: find_program("etcd"),
            args: self.args(&options, cluster),
            log: self.folder.join("log"),
            ready: Box::new(move || {
                http::get(&health, "/health").is_ok_and(|answer| answer.contains(r#""health":"true""#))
            }),
        });
        let ports = [self.client, self.peer, self.metrics];
        Etcd { daemon, address, metrics, options, _ports: ports, _folder: self.folder }
    }

    fn args(&self, options: &EtcdOptions, cluster: &str) -> Vec<String> {
        let client = format!("{}://{}", scheme(options), self.client.address());
        let mut args = vec![
            format!("--name={}", self.name),
            format!("--data-dir={}", self.folder.join("data").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={}", self.peer_url()),
            format!("--initial-advertise-peer-urls={}", self.peer_url()),
            format!("--listen-metrics-urls=http://{}", self.metrics.address()),
            format!("--initial-cluster={cluster}"),
            // A killed process loses nothing that it has written; only a lost machine would.
            "--unsafe-no-fsync".to_owned(),
            "--logger=zap".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        if let Some(tls) = &options.tls {
            args.push(format!("--cert-file={}", tls.cert().display()));
            args.push(format!("--key-file={}", tls.key().display()));
            args.push(format!("--trusted-ca-file={}", tls.ca().display()));
            args.extend(options.client_cert.then(|| "--client-cert-auth".to_owned()));
        }
        args
    }
}

fn scheme(options: &EtcdOptions) -> &'static str {
    if options.tls.is_some() { "https" } else { "http" }
}
