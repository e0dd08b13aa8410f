//! Services with this project's limits, and the server that carries them.

mod health;
mod listener;

use std::time::Duration;

use tonic::transport::Server;

pub use health::{Health, with_health};
pub use listener::{BindError, Listener};

use crate::proto::admin_server::{Admin, AdminServer};
use crate::proto::register_server::{Register, RegisterServer};
use crate::proto::sfu_server::{Sfu, SfuServer};
use crate::proto::signal_server::{Signal, SignalServer};
use crate::{DEADLINE, MAX_REPLY_BYTES, MAX_REQUEST_BYTES};

/// Calls that one connection may have open. Further ones wait on the caller's side.
const MAX_CALLS_PER_CONNECTION: u32 = 1024;

/// How often a silent connection is asked whether it is still there, and how long it may think.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A server to which services are added, then run with `serve_with_incoming` (in-process) or by a
/// [`Listener`] (TCP).
pub fn builder() -> Server {
    Server::builder()
        .trace_fn(crate::traced::span)
        .timeout(DEADLINE)
        .max_concurrent_streams(MAX_CALLS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
}

/// The register as a service.
pub fn register<T: Register>(inner: T) -> RegisterServer<T> {
    RegisterServer::new(inner)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_REPLY_BYTES)
}

/// The SFU as a service.
pub fn sfu<T: Sfu>(inner: T) -> SfuServer<T> {
    SfuServer::new(inner)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_REPLY_BYTES)
}

/// The signalling node as a service.
pub fn signal<T: Signal>(inner: T) -> SignalServer<T> {
    SignalServer::new(inner)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_REPLY_BYTES)
}

/// Administration as a service.
pub fn admin<T: Admin>(inner: T) -> AdminServer<T> {
    AdminServer::new(inner)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_REPLY_BYTES)
}
