//! What an SFU tells a signalling node of its clients' media: states, each of which replaces the one before.

use crate::{LayerName, RoomId, StreamId, SubscriptionId, UserId};

/// A fact, and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaNotice {
    /// The room.
    pub rid: RoomId,
    /// The connection, at the signalling node that is told: that of the publisher, or of the subscriber.
    pub connection: u64,
    /// The stream.
    pub mid: StreamId,
    /// Who publishes the stream.
    pub uid: UserId,
    /// What is so from now on.
    pub fact: MediaFact,
}

/// What is so from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaFact {
    /// Whether anybody takes each of the stream's layers; for its publisher.
    Layers(Vec<LayerWanted>),
    /// Whether the video of a subscription gets no bandwidth; for its subscriber.
    Paused {
        /// The subscription.
        sid: SubscriptionId,
        /// False: it gets some.
        paused: bool,
    },
    /// Somebody speaks in the stream, so loud (dBov, -127 to 0), or nobody does; for the room.
    Speaking(Option<i8>),
}

/// A simulcast layer, and whether anybody takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerWanted {
    /// The layer.
    pub rid: LayerName,
    /// False: its publisher may switch it off.
    pub wanted: bool,
}
