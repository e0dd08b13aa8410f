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
    /// Which simulcast layers of a stream anybody takes has changed. Publishers begin with all of them.
    LayersWanted {
        /// The stream.
        mid: StreamId,
        /// All of its layers, the lowest first.
        layers: Vec<LayerWanted>,
    },
    /// Nothing of a subscription's video is sent any more, because its network carries too little. Its audio goes on.
    SubscriptionPaused {
        /// The subscription.
        sid: SubscriptionId,
    },
    /// Its video goes on.
    SubscriptionResumed {
        /// The subscription.
        sid: SubscriptionId,
    },
    /// Somebody speaks, or has stopped, by the levels that the audio carries (RFC 6464): about three times a second
    /// while it lasts, and once at the end.
    Speaking {
        /// The stream.
        mid: StreamId,
        /// How loud, smoothed, in dBov: -127 to 0; `None`: no more.
        level: Option<i8>,
    },
    /// The subscription ended by itself and is gone from the router. Not reported for `unsubscribe`.
    SubscriptionEnded {
        /// The subscription.
        sid: SubscriptionId,
        /// Why.
        reason: EndReason,
    },
}

/// A simulcast layer, and whether anybody takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerWanted {
    /// As the publisher's offer names it.
    pub rid: String,
    /// Somebody gets it, or waits for it.
    pub wanted: bool,
}

/// Why a stream or a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// No connection within 30 s of the answer.
    NeverConnected,
    /// No valid connectivity check for 60 s.
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
