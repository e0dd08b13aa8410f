//! The real servers that a cluster needs, from Debian's packages, for tests: [`Etcd`], [`Redis`],
//! [`Nats`], and each of them as a cluster. Every server has free ports on loopback and a
//! temporary folder, is ready when its constructor returns, can be killed, stopped, paused and
//! started again with the same ports and data (see [`Daemon`], to which each of them derefs), and
//! is ended by its pid when it is dropped.
//!
//! A broken assumption here is a failed test, so the code panics with a story.
#![expect(clippy::expect_used, clippy::panic, reason = "a harness: a broken assumption is a failed test")]

mod daemon;
mod etcd;
mod folder;
mod http;
mod logs;
mod nats;
pub mod ports;
mod program;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod tls;

pub use daemon::{Daemon, Launch, send_signal, until};
pub use etcd::{Etcd, EtcdCluster, EtcdOptions};
pub use folder::Folder;
pub use logs::Logs;
pub use nats::{Nats, NatsCluster};
pub use program::find as find_program;
pub use redis::{Redis, RedisOptions};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinel;
pub use rustix::process::Signal;
pub use tls::Tls;
