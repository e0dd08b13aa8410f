//! A Redis with a replica, and sentinels that make the replica the master when the master dies.

use std::process::Command;
use std::time::Duration;

use crate::daemon::until;
use crate::ports::Ports;
use crate::redis::{Redis, RedisOptions};
use crate::{Daemon, Folder, Launch, find_program};

/// The name by which clients ask the sentinels for the master.
const MASTER: &str = "anabranch";
const SENTINELS: usize = 3;
/// Sentinels look for each other every two seconds; a failover takes about three.
const AGREED_WITHIN: Duration = Duration::from_secs(30);

/// One master, one replica, three sentinels that give a silent master up after one second.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [Redis; 2],
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    daemon: Daemon,
    port: Ports,
    _folder: Folder,
}

impl RedisSentinel {
    /// Starts all of them and waits until the sentinels know the replica and each other.
    pub fn start() -> Self {
        let master = Redis::start();
        let more = vec!["--replicaof".to_owned(), "127.0.0.1".to_owned(), master.port().to_string()];
        let replica = Redis::with(RedisOptions { more, ..RedisOptions::default() });
        // A sentinel asks a master for its replicas every ten seconds: the first time must do.
        until("the replica follows", AGREED_WITHIN, || {
            let followers = master.cli(&["INFO", "replication"]);
            followers.contains("connected_slaves:1") && followers.contains("state=online")
        });
        let sentinels = (0..SENTINELS).map(|_| Sentinel::start(&master)).collect();
        let group = Self { servers: [master, replica], sentinels };
        until("the sentinels know each other", AGREED_WITHIN, || {
            group.sentinels.iter().all(|sentinel| {
                sentinel.ask(&["SENTINEL", "ckquorum", MASTER]).starts_with("OK 3")
                    && sentinel.ask(&["SENTINEL", "replicas", MASTER]).contains("master-link-status")
            })
        });
        group
    }

    /// The master's name, for `sentinel_master`.
    pub fn master_name(&self) -> &'static str {
        MASTER
    }

    /// `redis://HOST:PORT` of each sentinel.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| format!("redis://{}", sentinel.port.address())).collect()
    }

    /// The two servers; which of them is the master changes.
    pub fn servers(&self) -> &[Redis; 2] {
        &self.servers
    }

    /// The master, as the sentinels see it now.
    pub fn master(&self) -> &Redis {
        let answer = self.sentinels.iter().find_map(|sentinel| {
            let answer = sentinel.ask(&["SENTINEL", "get-master-addr-by-name", MASTER]);
            answer.lines().nth(1).and_then(|port| port.trim().parse::<u16>().ok())
        });
        let port = answer.expect("a sentinel that knows the master");
        self.servers.iter().find(|server| server.port() == port).expect("one of the two servers")
    }

    /// SIGKILL for the master; returns it when the other one has been made the master.
    pub fn fail_over(&self) -> &Redis {
        let old = self.master();
        old.kill();
        until("the replica is made the master", AGREED_WITHIN, || {
            let new = self.master();
            new.port() != old.port() && new.cli(&["INFO", "replication"]).contains("role:master")
        });
        old
    }

    /// The sentinel with this number, to be killed, paused or started again.
    pub fn sentinel(&self, index: usize) -> &Daemon {
        &self.sentinels.get(index).expect("a sentinel with this number").daemon
    }
}

impl Sentinel {
    fn start(master: &Redis) -> Self {
        let (folder, port) = (Folder::new("sentinel"), Ports::tcp());
        // It writes what it learns into its configuration.
        let config = folder.write(
            "sentinel.conf",
            &format!(
                "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {MASTER} 1000\nsentinel failover-timeout {MASTER} 3000\n",
                port.number(),
                folder.path().display(),
                master.port(),
            ),
        );
        let number = port.number();
        let daemon = Daemon::start(Launch {
            name: format!("sentinel {number}"),
            program: find_program("redis-server"),
            args: vec![config.display().to_string(), "--sentinel".to_owned()],
            log: folder.join("log"),
            ready: Box::new(move || cli(number, &["PING"]).trim() == "PONG"),
        });
        Self { daemon, port, _folder: folder }
    }

    fn ask(&self, command: &[&str]) -> String {
        cli(self.port.number(), command)
    }
}

/// What a sentinel answers; nothing when it does not.
fn cli(port: u16, command: &[&str]) -> String {
    let mut cli = Command::new("timeout");
    cli.arg("5").arg(find_program("redis-cli")).arg("-p").arg(port.to_string()).args(command);
    let output = cli.output().expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
