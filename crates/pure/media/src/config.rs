//! What a router is told at its start: certificate, addresses, limits.

use crate::DtlsIdentity;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The settings of one router.
#[derive(Clone, Debug)]
pub struct Config {
    /// Certificate and DTLS settings, made once per process and shared by all its routers.
    pub dtls: Arc<DtlsIdentity>,
    /// The addresses that answers announce, with this worker's port. Need not be those of the interfaces
    /// (network address translation): what arrives is matched by address family where no address is equal.
    pub candidates: Vec<SocketAddr>,
    /// How long the first packets of a video frame may wait for the rest of it, so that they leave together. Zero:
    /// none waits.
    pub coalesce: Duration,
    /// How much this router takes on.
    pub limits: Limits,
}

/// How long packets wait for the rest of their frame where nobody says otherwise: long enough for what a pacer sends
/// at once, and less than the noise of any network.
pub const COALESCE: Duration = Duration::from_millis(1);

/// Upper bounds of one router. What exceeds them is refused with
/// [`MediaErrorKind::Limit`](crate::MediaErrorKind::Limit), so that a worker's memory has a known ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Published streams and subscriptions together: each has a transport of its own.
    pub transports: usize,
    /// Subscriptions of one stream.
    pub subscribers_per_stream: usize,
    /// Audio and video tracks of one stream.
    pub tracks_per_stream: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // About 50 KB of state per connected transport: 10,000 of them are 500 MB.
        Self { transports: 10_000, subscribers_per_stream: 2_000, tracks_per_stream: 8 }
    }
}
