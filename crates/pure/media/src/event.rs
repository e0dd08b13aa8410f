//! What the router tells its owner.

use model::ids::{StreamId, SubscriptionId};
use std::fmt;

/// Something that happened by itself, or because of the peer; see [`Router::poll_event`](crate::Router::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The publisher is connected and its first media packet arrived.
    StreamLive {
        /// The stream.
        mid: StreamId,
    },
    /// The stream ended by itself and is gone from the router. Not reported for `unpublish`.
    StreamEnded {
        /// The stream.
        mid: StreamId,
        /// Why.
        reason: EndReason,
    },
    /// A branch has had no subscribers for a while, and is gone from the router.
    BranchEnded {
        /// The stream.
        mid: StreamId,
    },
    /// A subscriber is connected: media flows to it from here on.
    SubscriptionLive {
        /// The subscription.
        sid: SubscriptionId,
    },
    /// The subscription ended by itself and is gone from the router. Not reported for `unsubscribe`.
    SubscriptionEnded {
        /// The subscription.
        sid: SubscriptionId,
        /// Why.
        reason: EndReason,
    },
}

/// Why a stream or a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// No connection within 30 s of the answer.
    NeverConnected,
    /// No valid connectivity check for 30 s (RFC 7675).
    ConsentLost,
    /// The peer closed DTLS.
    Closed,
    /// The DTLS handshake failed.
    HandshakeFailed,
    /// The peer's certificate is not the one that its SDP announced.
    WrongFingerprint,
    /// The stream that was subscribed to ended.
    StreamGone,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverConnected => "no connection within 30 s",
            Self::ConsentLost => "consent lost",
            Self::Closed => "closed by the peer",
            Self::HandshakeFailed => "the DTLS handshake failed",
            Self::WrongFingerprint => "the certificate does not match the fingerprint in the SDP",
            Self::StreamGone => "the stream ended",
        })
    }
}
