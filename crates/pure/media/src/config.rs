//! What a router is told at its start: certificate, addresses, limits.

use crate::{DtlsIdentity, Estimation};
pub use sdp::Bounds as SdpBounds;
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
    /// How it is reached over TCP; `None`: not at all.
    pub tcp: Option<Tcp>,
    /// How long the first packets of a video frame may wait for the rest of it, so that they leave together. Zero:
    /// none waits.
    pub coalesce: Duration,
    /// How much this router takes on.
    pub limits: Limits,
    /// What estimation of subscribers' bandwidth begins with; `None`: nothing is estimated, everybody gets everything.
    pub estimation: Option<Estimation>,
}

/// How a router is reached over TCP, where one port serves many routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The addresses that answers announce, as passive candidates (RFC 6544), behind those of UDP.
    pub candidates: Vec<SocketAddr>,
    /// The router's number, from 0, at most [`MAX_WORKER`](crate::MAX_WORKER): whoever accepts connections finds it
    /// with [`worker_of`](crate::worker_of).
    pub worker: u16,
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
    /// Transports that are not connected yet. Each is connected or gone after 30 s.
    pub half_open: usize,
    /// Those of one IPv4 address or IPv6 network of 64 bits: further checks from there are not answered until some are
    /// connected or gone. Loopback has no limit of its own.
    pub half_open_per_address: usize,
    /// Bytes and m-lines of an offer, at the most those of [`sdp::limits`].
    pub sdp: SdpBounds,
    /// Bytes that a subscriber of a track can have sent again, in percent of those that it was sent, beside a burst of
    /// 64 KiB.
    pub retransmissions: u8,
    /// A publisher is asked for at most one key frame of a track in this time, for all subscribers together.
    pub key_frame_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // About 50 KB of state per connected transport: 10,000 of them are 500 MB.
        Self {
            transports: 10_000,
            subscribers_per_stream: 2_000,
            tracks_per_stream: 8,
            half_open: 4_000,
            half_open_per_address: 1_000,
            sdp: SdpBounds::default(),
            retransmissions: 25,
            key_frame_interval: Duration::from_millis(200),
        }
    }
}
