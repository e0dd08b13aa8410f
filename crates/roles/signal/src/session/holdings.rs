//! What a connection has: the rooms it is in, and in each of them what it
//! publishes and subscribes to.

use crate::room::Lease;
use model::{LayerWanted, NodeId, RoomId, StreamId, SubscriptionId};
use std::collections::BTreeMap;

/// The rooms of one connection.
pub(crate) type Holdings = BTreeMap<RoomId, RoomHoldings>;

/// What a connection has in one room.
pub(crate) struct RoomHoldings {
    /// Keeps the room's events coming.
    pub(crate) lease: Lease,
    /// The register limits how many.
    pub(crate) published: BTreeMap<StreamId, Published>,
    /// Never more than [`Limits::subscriptions`](crate::Limits::subscriptions).
    pub(crate) subscriptions: BTreeMap<SubscriptionId, Subscribed>,
    /// Another connection goes on for the user, with all this: it is none of ours any more.
    pub(crate) handed_over: bool,
}

/// A stream of the connection's user.
#[derive(Clone)]
pub(crate) struct Published {
    /// The SFU that holds it.
    pub(crate) sfu: NodeId,
    /// The client was told that the SFU drains.
    pub(crate) told_to_move: bool,
    /// By this version the room had the stream; 0 where that is not known (yet).
    pub(crate) added: u64,
    /// What the client was told of its layers last.
    pub(crate) layers: Vec<LayerWanted>,
}

impl Published {
    pub(crate) fn at(sfu: NodeId) -> Self {
        Self { sfu, told_to_move: false, added: 0, layers: Vec::new() }
    }

    /// The room had it by this version.
    pub(crate) fn added(self, version: u64) -> Self {
        Self { added: version, ..self }
    }
}

/// Where a subscription is.
#[derive(Clone)]
pub(crate) struct Subscribed {
    pub(crate) mid: StreamId,
    pub(crate) sfu: NodeId,
    /// Whether its video is paused, as the client was told. `None`: another connection was told, or nobody; whatever is
    /// so is news.
    pub(crate) paused: Option<bool>,
}

impl Subscribed {
    /// A new one, of which the client knows that it is not paused.
    pub(crate) fn at(mid: StreamId, sfu: NodeId) -> Self {
        Self { mid, sfu, paused: Some(false) }
    }

    /// One that lives on from another connection.
    pub(crate) fn resumed(mid: StreamId, sfu: NodeId) -> Self {
        Self { paused: None, ..Self::at(mid, sfu) }
    }
}

impl RoomHoldings {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease, published: BTreeMap::new(), subscriptions: BTreeMap::new(), handed_over: false }
    }

    /// The SFUs that have any of it, with repetitions.
    pub(crate) fn sfus(&self) -> impl Iterator<Item = &NodeId> {
        let streams = self.published.values().map(|published| &published.sfu);
        streams.chain(self.subscriptions.values().map(|at| &at.sfu))
    }
}
