//! What a client that comes back through another connection still has at an SFU.

use super::Clients;
use crate::{refusal::Refusal, session::Session};
use model::{ErrorCode, NodeId, RoomId, StreamId, SubscriptionId};
use rpc::proto;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Of what was asked for, what is there.
#[derive(Default)]
pub(crate) struct Claimed {
    pub(crate) mids: BTreeSet<StreamId>,
    pub(crate) sids: BTreeSet<SubscriptionId>,
    /// Of the subscriptions; 0: none.
    pub(crate) network: u64,
}

impl Clients {
    /// Which of these a connection's user in a room has at an SFU: they are this connection's from then on. No more
    /// than `rpc::MAX_BATCH` of each are asked for.
    pub(crate) async fn claim(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        session: &Session,
        wanted: &Claimed,
    ) -> Result<Claimed, Refusal> {
        let request = proto::ClaimRequest {
            rid: rid.to_string(),
            uid: session.uid.to_string(),
            mids: wanted.mids.iter().take(rpc::MAX_BATCH).map(ToString::to_string).collect(),
            sids: wanted.sids.iter().take(rpc::MAX_BATCH).map(ToString::to_string).collect(),
            owner: Some((&session.owner).into()),
        };
        let reply =
            self.sfu(deadline, sfu, ErrorCode::NoSuchStream, |mut to| async move { to.claim(request).await });
        let reply = reply.await?;
        // What was not asked for, or is no id, is none of ours.
        let mids = reply.mids.iter().filter_map(|mid| StreamId::parse(mid).ok());
        let sids = reply.sids.iter().filter_map(|sid| SubscriptionId::parse(sid).ok());
        Ok(Claimed {
            network: reply.network,
            mids: mids.filter(|mid| wanted.mids.contains(mid)).collect(),
            sids: sids.filter(|sid| wanted.sids.contains(sid)).collect(),
        })
    }
}
