//! The gRPC services between the roles, and their conversion to the model.
//!
//! - [`proto`]: what the `.proto` files say, generated. It stops at the service and client modules
//!   of a role; everything behind them speaks [`model`].
//! - [`convert`]: from the wire to the model, checking every field, and back.
//! - [`status`]: refusals that carry the client protocol's error code.
//! - [`channel`]: how a node reaches another, in the same process or over TCP; [`tls`]: with whom alone.
//! - [`client`] and [`server`]: the clients and services with this project's limits.
//! - [`metered`]: counts the calls through any of them.

pub mod channel;
pub mod client;
pub mod convert;
pub mod metered;
pub mod server;
pub mod status;
pub mod tls;
pub mod traced;
mod wire;

/// Generated from `proto/anabranch/v1`.
pub mod proto {
    #![expect(
        missing_docs,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]

    tonic::include_proto!("anabranch.v1");
}

/// The descriptors of all services, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/anabranch.v1.bin"));

/// How long a call may take, connecting aside: a client gets its error within 3 s.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(3);

/// The largest request. The largest ones that there are: a thousand keep-alives of the longest ids
/// (about 350 KiB) and a broadcast (256 KiB).
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The largest reply: the state of a full room (see `model::room::limits::MAX_STATE_BYTES`).
pub const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// The most entries in one `KeepAlive` or `HoldStreams`.
pub const MAX_BATCH: usize = 1000;
