//! Each role's process while etcd, NATS and Redis are away: it starts, says what is missing, and ends in order.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Client, PATIENCE, http};

/// An address where nobody listens.
fn nowhere() -> SocketAddr {
    // Below the ports that the system hands out: who tries to connect to one of those may meet itself.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = (std::process::id() * 31 + NEXT.fetch_add(1, Ordering::Relaxed)) % 9000;
        let address = SocketAddr::from(([127, 0, 0, 1], 23_000 + u16::try_from(place).unwrap()));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A process, ended with the test, however that ends.
struct Process {
    child: Child,
    ops: SocketAddr,
}

impl Process {
    fn start(role: &str, more: &[&str]) -> Self {
        let (ops, away) = (nowhere(), nowhere());
        let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
        command.arg(role).args(["--set", &format!("ops.listen={ops}")]);
        for flag in ["signal.listen=127.0.0.1:0", "rpc.listen=127.0.0.1:0", "sfu.port=0", "sfu.workers=1"] {
            command.args(["--set", flag]);
        }
        for (key, scheme) in [("etcd.addrs", "http"), ("nats.url", "nats"), ("redis.addrs", "redis")] {
            command.args(["--set", &format!("{key}={scheme}://{away}")]);
        }
        for flag in more {
            command.args(["--set", flag]);
        }
        Self { child: command.stdout(Stdio::null()).spawn().unwrap(), ops }
    }

    /// The answer to `/readyz`, once somebody answers.
    async fn readiness(&mut self) -> String {
        let began = Instant::now();
        while tokio::net::TcpStream::connect(self.ops).await.is_err() {
            assert_eq!(self.child.try_wait().unwrap(), None, "it runs");
            assert!(began.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        http(self.ops, "GET /readyz").await.1
    }

    /// Waits until it is ready.
    async fn ready(&mut self) {
        let began = Instant::now();
        loop {
            let readiness = self.readiness().await;
            if readiness == "ready\n" {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{readiness}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// How it ended, and after how long.
    fn ended(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        (self.child.wait().unwrap().code(), began.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error: it has ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn each_role_says_what_it_misses_and_ends_at_once() {
    for (role, missing) in [
        ("signal", "etcd, nats, register, sfu"),
        ("register", "etcd, nats, redis"),
        ("sfu", "etcd, register"),
    ] {
        let mut process = Process::start(role, &[]);
        assert_eq!(process.readiness().await, format!("not ready, missing: {missing}\n"));
        assert!(http(process.ops, "GET /healthz").await.0.starts_with("http/1.1 200"));
        process.signal("TERM");
        let (code, took) = process.ended();
        assert_eq!(code, Some(0), "{role}");
        assert!(took < Duration::from_secs(5), "{role} took {took:?}");
    }
}

#[tokio::test]
async fn a_role_without_its_addresses_does_not_start() {
    for (role, lacks) in
        [("signal", "etcd.addrs"), ("register", "redis.addrs"), ("sfu", "etcd.addrs"), ("signal", "nats.url")]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_anabranch")).arg(role).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{role}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.starts_with(&format!("anabranch: for anabranch {role}: not set: ")), "{complaint}");
        assert!(complaint.contains(lacks), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[tokio::test]
async fn a_drain_that_nobody_follows_ends_with_its_time() {
    let listen = nowhere();
    let flags = [format!("signal.listen={listen}"), "node.drain_timeout=1".to_owned()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut process = Process::start("standalone", &flags);
    process.ready().await;
    let mut ann = Client::connect(listen, "ann").await;
    ann.done("join", serde_json::json!({"rid": "r"})).await;
    assert!(http(process.ops, "POST /drain").await.0.starts_with("http/1.1 202"));
    ann.notified("reconnect").await;
    let (code, took) = process.ended();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_second_signal_ends_a_drain() {
    let listen = nowhere();
    let flags = [format!("signal.listen={listen}"), "node.drain_timeout=600".to_owned()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut process = Process::start("standalone", &flags);
    process.ready().await;
    let mut ann = Client::connect(listen, "ann").await;
    ann.done("join", serde_json::json!({"rid": "r"})).await;
    http(process.ops, "POST /drain").await;
    ann.notified("reconnect").await;
    process.signal("TERM");
    let (code, took) = process.ended();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
