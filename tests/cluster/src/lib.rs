//! The real binary as a cluster on loopback, over the real etcd, NATS and Redis: started in one
//! call ([`Cluster`]), with people in a call who come back as a real client does ([`Caller`]), and
//! faults that are inflicted on it and measured ([`fault`]).
//!
//! A broken assumption here is a failed test, so the code panics with a story.
#![expect(clippy::expect_used, clippy::panic, reason = "a harness: a broken assumption is a failed test")]
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is not there")]

pub mod arrivals;
mod backends;
mod caller;
mod cluster;
pub mod control;
pub mod fault;
pub mod lists;
pub mod machine;
mod node;
mod onlooker;
pub mod soak;

pub use backends::{Backends, Redis, RedisShape};
pub use caller::Caller;
pub use cluster::{Cluster, Shape};
pub use node::{Node, Role};
pub use onlooker::Onlooker;
