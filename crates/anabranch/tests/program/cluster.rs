//! The three roles as nodes of a cluster, over TCP with mutual TLS. The servers between them are in memory here;
//! the real ones are tested where they can be broken.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Client, PATIENCE, http};
use anabranch::config::{Config, Sources};
use anabranch::edges::Edge;
use anabranch::{Node, RegisterNode, SfuNode, SignalNode, StartError};
use cluster::discovery::MemoryDiscovery;
use cluster::events::MemoryEvents;
use cluster::store::MemoryStore;
use cluster::{Discovery, Events, Role, Store};
use serde_json::json;

/// What all nodes share.
struct World {
    discovery: Arc<dyn Discovery>,
    events: Arc<dyn Events>,
    store: Arc<dyn Store>,
    certificates: PathBuf,
}

impl World {
    fn new(name: &str) -> Self {
        let certificates = std::env::temp_dir().join(format!("anabranch-{name}-{}", std::process::id()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/certificates.sh");
        let made = Command::new("sh").arg(script).arg(&certificates).arg("node").status().unwrap();
        assert!(made.success());
        Self {
            discovery: Arc::new(MemoryDiscovery::default()),
            events: Arc::new(MemoryEvents::default()),
            store: Arc::new(MemoryStore::default()),
            certificates,
        }
    }

    fn config(&self, more: &[&str]) -> Config {
        let mut flags: Vec<String> =
            ["signal", "ops", "rpc"].map(|s| format!("{s}.listen=127.0.0.1:0")).into();
        flags.extend(["sfu.ips=[\"127.0.0.1\"]", "sfu.port=0", "sfu.workers=1"].map(str::to_owned));
        for (key, file) in [("cert", "node.pem"), ("key", "node.key"), ("ca", "ca.pem")] {
            flags.push(format!("rpc.{key}={}", self.certificates.join(file).display()));
        }
        flags.extend(more.iter().map(ToString::to_string));
        Config::load(&Sources { flags: &flags, ..Sources::default() }).unwrap()
    }

    fn etcd(&self) -> Edge<dyn Discovery> {
        Edge::discovery(Arc::clone(&self.discovery))
    }

    fn nats(&self) -> Edge<dyn Events> {
        Edge::events(Arc::clone(&self.events))
    }

    async fn register(&self) -> Box<RegisterNode> {
        let redis = Edge::store(Arc::clone(&self.store));
        Box::new(RegisterNode::start(&self.config(&[]), self.etcd(), self.nats(), redis).await.unwrap())
    }

    async fn sfu(&self) -> Box<SfuNode> {
        Box::new(SfuNode::start(&self.config(&[]), self.etcd()).await.unwrap())
    }

    async fn signal(&self, more: &[&str]) -> Box<SignalNode> {
        Box::new(SignalNode::start(&self.config(more), self.etcd(), self.nats()).await.unwrap())
    }

    async fn is_draining(&self, role: Role) -> bool {
        let mut nodes = self.discovery.watch(role);
        let draining = nodes.wait_for(|nodes| nodes.iter().all(|node| node.draining));
        tokio::time::timeout(PATIENCE, draining).await.is_ok()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.certificates).ok();
    }
}

/// Asks again until the answer to `/readyz` begins like this.
async fn readiness(ops: SocketAddr, expected: &str) {
    let began = Instant::now();
    loop {
        let (_, body) = http(ops, "GET /readyz").await;
        if body.starts_with(expected) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "expected {expected:?}, got {body:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_comes_together_node_by_node_and_people_meet_in_it() {
    let world = World::new("cluster-meet");
    let (one, two) = (world.signal(&[]).await, world.signal(&["signal.urls=[\"ws://a/ws\"]"]).await);
    readiness(one.ops_address(), "not ready, missing: register, sfu\n").await;
    let sfu = world.sfu().await;
    readiness(sfu.ops_address(), "not ready, missing: register\n").await;
    let register = world.register().await;
    for ops in [one.ops_address(), two.ops_address(), sfu.ops_address(), register.ops_address()] {
        readiness(ops, "ready\n").await;
    }
    assert_eq!(http(two.signal_address(), "GET /servers.json").await.1, r#"{"urls":["ws://a/ws"]}"#);

    let mut ann = Client::connect(one.signal_address(), "ann").await;
    let mut bob = Client::connect(two.signal_address(), "bob").await;
    ann.done("join", json!({"rid": "r"})).await;
    bob.done("join", json!({"rid": "r"})).await;
    assert_eq!(ann.notified("peer-join").await.get("uid"), Some(&json!("bob")));

    // The SFU's own word on the offer comes back, over TLS as all.
    let jsep = json!({"type": "offer", "sdp": "v=0\r\n"});
    let minfo = json!({"audio": true, "video": true, "audiotype": 0, "videotype": 0});
    let answer = ann.ask("publish", json!({"rid": "r", "jsep": jsep, "minfo": minfo})).await;
    assert_eq!(answer.get("errorCode"), Some(&json!(6)), "{answer}");

    for node in [one as Box<dyn Node>, two, sfu, register] {
        node.shutdown().await;
    }
    for role in [Role::Signal, Role::Sfu, Role::Register] {
        assert!(world.discovery.watch(role).borrow().is_empty(), "{role} has taken leave");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_node_that_drains_is_marked_and_ends_at_once() {
    let world = World::new("cluster-drain");
    let (signal, sfu) = (world.signal(&[]).await, world.sfu().await);
    let register = world.register().await;
    let nodes: [(Role, SocketAddr, Box<dyn Node>); 3] = [
        (Role::Signal, signal.ops_address(), signal),
        (Role::Sfu, sfu.ops_address(), sfu),
        (Role::Register, register.ops_address(), register),
    ];
    for (role, ops, node) in nodes {
        readiness(ops, "ready\n").await;
        assert!(http(ops, "GET /drain").await.0.starts_with("http/1.1 405"), "a look changes nothing");
        assert!(http(ops, "POST /drain").await.0.starts_with("http/1.1 202"));
        tokio::time::timeout(PATIENCE, node.drain_asked()).await.unwrap();
        let began = Instant::now();
        node.drain(Duration::from_secs(60)).await;
        assert!(world.is_draining(role).await, "{role}");
        readiness(ops, "not ready: draining\n").await;
        node.shutdown().await;
        assert!(began.elapsed() < Duration::from_secs(3), "{role} took {:?}", began.elapsed());
        // The next one needs all roles.
        match role {
            Role::Signal => {}
            Role::Sfu => assert!(world.discovery.watch(role).borrow().is_empty()),
            Role::Register => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_named() {
    let world = World::new("cluster-certificate");
    let config = world.config(&["rpc.cert=/nowhere/node.pem"]);
    let error = SfuNode::start(&config, world.etcd()).await.err().unwrap();
    assert!(matches!(error, StartError::Tls(_)));
    let error = error.to_string();
    assert!(error.starts_with("cannot use the certificate /nowhere/node.pem: "), "{error}");
    assert!(error.ends_with("(rpc.cert, rpc.key, rpc.ca)"), "{error}");
}
