//! The servers under a cluster, in the number that a test asks for.

use std::thread;

use servers::{Daemon, EtcdCluster, NatsCluster, RedisCluster, RedisSentinel};

/// How Redis is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RedisShape {
    /// One server.
    #[default]
    Single,
    /// Three masters.
    Cluster,
    /// A master, a replica and three sentinels.
    Sentinel,
}

/// A running Redis of one of these shapes.
#[derive(Debug)]
pub enum Redis {
    /// One server.
    Single(Box<servers::Redis>),
    /// Three masters.
    Cluster(RedisCluster),
    /// A master, a replica and three sentinels.
    Sentinel(Box<RedisSentinel>),
}

/// etcd, NATS and Redis.
#[derive(Debug)]
pub struct Backends {
    /// One node or several.
    pub etcd: EtcdCluster,
    /// One node or several.
    pub nats: NatsCluster,
    /// In any of its shapes.
    pub redis: Redis,
}

impl Backends {
    /// Starts all of them at the same time and waits until they are ready.
    pub fn start(etcd: usize, nats: usize, redis: RedisShape) -> Self {
        thread::scope(|scope| {
            let etcd = scope.spawn(move || EtcdCluster::start(etcd));
            let nats = scope.spawn(move || NatsCluster::start(nats));
            let redis = Redis::start(redis);
            let etcd = etcd.join().expect("etcd starts");
            Self { etcd, nats: nats.join().expect("NATS starts"), redis }
        })
    }

    /// The config of a role that needs all three.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("etcd.addrs={:?}", self.etcd.urls()),
            format!("nats.url={:?}", self.nats.urls()),
            format!("redis.addrs={:?}", self.redis.urls()),
        ];
        match &self.redis {
            Redis::Single(_) => {}
            Redis::Cluster(_) => settings.push("redis.cluster=true".to_owned()),
            Redis::Sentinel(group) => {
                settings.push(format!("redis.sentinel_master={:?}", group.master_name()));
            }
        }
        settings
    }

    /// All processes of all three, sentinels aside.
    pub fn daemons(&self) -> Vec<&Daemon> {
        let etcd = self.etcd.nodes().iter().map(|node| &**node);
        let nats = self.nats.nodes().iter().map(|node| &**node);
        etcd.chain(nats).chain(self.redis.servers().into_iter().map(|server| &**server)).collect()
    }
}

impl Redis {
    fn start(shape: RedisShape) -> Self {
        match shape {
            RedisShape::Single => Self::Single(Box::new(servers::Redis::start())),
            RedisShape::Cluster => Self::Cluster(RedisCluster::start()),
            RedisShape::Sentinel => Self::Sentinel(Box::new(RedisSentinel::start())),
        }
    }

    fn urls(&self) -> Vec<String> {
        match self {
            Self::Single(redis) => vec![redis.url()],
            Self::Cluster(cluster) => cluster.urls(),
            Self::Sentinel(group) => group.urls(),
        }
    }

    /// The servers that hold data.
    pub fn servers(&self) -> Vec<&servers::Redis> {
        match self {
            Self::Single(redis) => vec![redis],
            Self::Cluster(cluster) => cluster.nodes().iter().collect(),
            Self::Sentinel(group) => group.servers().iter().collect(),
        }
    }
}
