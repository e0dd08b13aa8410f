//! Faults under a live call: what is broken, for how long, and how it is mended.

mod outcome;
mod scene;
mod table;

use std::ops::Deref;
use std::time::Duration;

use servers::Daemon;

use crate::backends::{Redis, RedisShape};
use crate::cluster::{Cluster, Shape};
use crate::node::Node;

pub use outcome::Outcome;
pub use scene::run;
pub use table::markdown;

/// Something that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of a signalling node.
    KillSignal,
    /// kill -9 of a register.
    KillRegister,
    /// kill -9 of the SFU that holds somebody's stream.
    KillSfu,
    /// SIGSTOP of a signalling node for 30 s.
    PauseSignal,
    /// SIGSTOP of a register for 30 s.
    PauseRegister,
    /// etcd away for 20 s.
    StopEtcd,
    /// NATS away for 20 s.
    StopNats,
    /// Redis away for 20 s.
    StopRedis,
    /// All three away for 20 s.
    StopAll,
    /// The leader of three etcd nodes killed.
    KillEtcdLeader,
    /// The NATS node with the most clients killed, of three.
    KillNatsNode,
    /// One of three masters of a Redis Cluster away for 10 s.
    StopRedisMaster,
    /// The master killed, and the sentinels make the replica the master.
    FailOverRedis,
}

/// What has to be done when the time of a fault is over.
pub(crate) type Mend<'a> = Box<dyn FnOnce() + Send + 'a>;

impl Fault {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::KillSignal,
        Self::KillRegister,
        Self::KillSfu,
        Self::PauseSignal,
        Self::PauseRegister,
        Self::StopEtcd,
        Self::StopNats,
        Self::StopRedis,
        Self::StopAll,
        Self::KillEtcdLeader,
        Self::KillNatsNode,
        Self::StopRedisMaster,
        Self::FailOverRedis,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::KillSignal => "kill -9 of a signal",
            Self::KillRegister => "kill -9 of a register",
            Self::KillSfu => "kill -9 of an SFU",
            Self::PauseSignal => "a signal stands still (SIGSTOP) for 30 s",
            Self::PauseRegister => "a register stands still (SIGSTOP) for 30 s",
            Self::StopEtcd => "etcd away for 20 s",
            Self::StopNats => "NATS away for 20 s",
            Self::StopRedis => "Redis away for 20 s",
            Self::StopAll => "etcd, NATS and Redis away for 20 s",
            Self::KillEtcdLeader => "the leader of 3 etcd nodes killed",
            Self::KillNatsNode => "the connected one of 3 NATS nodes killed",
            Self::StopRedisMaster => "one of 3 Redis Cluster masters away for 10 s",
            Self::FailOverRedis => "the Redis master killed, Sentinel fails over",
        }
    }

    /// The cluster that it needs.
    pub fn shape(self) -> Shape {
        let plain = Shape { alarms: &["ERROR"], ..Shape::default() };
        match self {
            Self::KillEtcdLeader | Self::KillNatsNode | Self::StopRedisMaster => {
                Shape { etcd: 3, nats: 3, redis: RedisShape::Cluster, ..plain }
            }
            Self::FailOverRedis => Shape { redis: RedisShape::Sentinel, ..plain },
            _ => plain,
        }
    }

    /// Whether it can be inflicted on a cluster that this other one was.
    pub fn shares_with(self, other: Self) -> bool {
        let (own, its) = (self.shape(), other.shape());
        (own.etcd, own.nats, own.redis) == (its.etcd, its.nats, its.redis)
    }

    /// How long it lasts before it is mended; a killed process is started again when all is seen.
    pub fn lasts(self) -> Duration {
        match self {
            Self::PauseSignal | Self::PauseRegister => Duration::from_secs(30),
            Self::StopEtcd | Self::StopNats | Self::StopRedis | Self::StopAll => Duration::from_secs(20),
            Self::StopRedisMaster => Duration::from_secs(10),
            _ => Duration::ZERO,
        }
    }

    /// How long media may stop. Only an SFU's end may be noticed: its streams are taken out after 5 s.
    pub fn allowed_pause(self) -> Duration {
        match self {
            Self::KillSfu => Duration::from_secs(12),
            _ => Duration::from_secs(1),
        }
    }

    /// How long a newcomer may need.
    pub fn allowed_join(self) -> Duration {
        let fails_fast = Duration::from_secs(8);
        match self {
            Self::StopNats | Self::StopRedis | Self::StopAll | Self::StopRedisMaster | Self::StopEtcd => {
                self.lasts() + fails_fast
            }
            Self::FailOverRedis => Duration::from_secs(15),
            _ => fails_fast,
        }
    }

    /// Breaks it; `sfu` holds somebody's stream.
    pub(crate) fn inflict<'a>(self, cluster: &'a Cluster, sfu: &str) -> Mend<'a> {
        let backends = &cluster.backends;
        match self {
            Self::KillSignal => kill(first(&cluster.signals)),
            Self::KillRegister => kill(first(&cluster.registers)),
            Self::KillSfu => kill(cluster.sfu(sfu)),
            Self::PauseSignal => pause(first(&cluster.signals)),
            Self::PauseRegister => pause(first(&cluster.registers)),
            Self::StopEtcd => kill(backends.etcd.node(0)),
            Self::StopNats => kill(backends.nats.node(0)),
            Self::StopRedis => kill(first(backends.redis.servers())),
            Self::StopAll => {
                let daemons = backends.daemons();
                daemons.iter().for_each(|daemon| daemon.kill());
                Box::new(move || {
                    daemons.iter().for_each(|daemon| daemon.launch_again());
                    daemons.iter().for_each(|daemon| daemon.wait_until_ready());
                })
            }
            Self::KillEtcdLeader => kill(backends.etcd.node(backends.etcd.leader())),
            Self::KillNatsNode => kill(backends.nats.node(backends.nats.busiest())),
            Self::StopRedisMaster => kill(first(backends.redis.servers())),
            Self::FailOverRedis => match &backends.redis {
                Redis::Sentinel(group) => kill(group.master()),
                _ => panic!("no sentinels here"),
            },
        }
    }
}

fn first<T>(all: impl IntoIterator<Item = T>) -> T {
    all.into_iter().next().expect("a cluster has one of each")
}

fn kill<T: Deref<Target = Daemon> + Sync>(server: &T) -> Mend<'_> {
    server.kill();
    Box::new(|| server.start_again())
}

fn pause(node: &Node) -> Mend<'_> {
    node.pause();
    Box::new(|| node.resume())
}
