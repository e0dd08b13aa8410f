//! The backends of the ports against the real servers.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod etcd;
mod nats;
mod redis;
