//! The media plane without sockets and clock: transports, streams, subscribers.
//!
//! One [`Router`] serves one UDP port, and the TCP connections that its owner gives it. A worker thread hands it what
//! came in ([`Incoming`]) together with the time, and gets back what is to go out ([`SendBatch`]), when to call again
//! and what happened ([`Event`]). A router owns everything that it needs outright: nothing is shared between routers
//! but the certificate ([`DtlsIdentity`]), nothing is locked, and nothing is allocated for a packet on its way through.

mod batch;
mod branch;
mod config;
mod demux;
mod detail;
mod error;
mod event;
mod histogram;
mod holdings;
mod moment;
mod network;
mod preference;
mod router;
mod secrets;
mod stats;
mod stream;
mod subscription;
mod tape;
mod timers;
mod transport;

pub use batch::{Datagram, DatagramGroup, DatagramSink, Forwarded, Incoming, Protocol, SendBatch};
pub use branch::{BranchId, Copies, Outline, Wish};
pub use config::{COALESCE, Config, Limits, SdpBounds, Tcp};
pub use detail::{StreamDetail, SubscriptionDetail, TrackDetail};
pub use error::{MediaError, MediaErrorKind};
pub use event::{EndReason, Event, LayerWanted};
pub use histogram::Histogram;
pub use holdings::Holdings;
pub use network::Estimation;
pub use preference::{DEFAULT_PRIORITY, NetworkId, Preference, Wanted};
pub use router::{Restart, Router};
pub use secrets::{MAX_WORKER, worker_of};
pub use stats::Stats;
pub use tape::{TapId, Tape, TapedPacket, Tapped, TappedTrack};
pub use transport::identity::{DtlsIdentity, IdentityError};

/// The time at which unit tests begin: the same for all of them.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way")]
fn epoch() -> std::time::Instant {
    static EPOCH: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    *EPOCH
}
