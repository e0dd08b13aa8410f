//! Changes to streams and subscriptions that go on.

use super::Clients;
use crate::{refusal::Refusal, session::Session};
use model::{ErrorCode, NodeId, Preference, RoomId, StreamId, SubscriptionId};
use rpc::proto;
use tokio::time::Instant;

impl Clients {
    /// Tells the SFU what a subscriber wants from now on.
    pub(crate) async fn prefer(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        session: &Session,
        (mid, sid): (&StreamId, &SubscriptionId),
        preference: &Preference,
    ) -> Result<(), Refusal> {
        let request = proto::PreferRequest {
            rid: rid.to_string(),
            uid: session.uid.to_string(),
            mid: mid.to_string(),
            sid: sid.to_string(),
            owner: Some((&session.owner).into()),
            preference: Some(preference.into()),
        };
        let reply = self.sfu(deadline, sfu, ErrorCode::NoSuchSubscription, |mut to| async move {
            to.prefer(request).await
        });
        reply.await.map(drop)
    }

    /// Begins ICE anew, of a stream, or of a subscription where one is named. Answers the SFU's SDP.
    pub(crate) async fn restart(
        &self,
        deadline: Instant,
        sfu: &NodeId,
        rid: &RoomId,
        session: &Session,
        (mid, sid): (&StreamId, Option<&SubscriptionId>),
        sdp: &str,
    ) -> Result<String, Refusal> {
        let request = proto::RestartRequest {
            rid: rid.to_string(),
            uid: session.uid.to_string(),
            mid: mid.to_string(),
            sid: sid.map(ToString::to_string).unwrap_or_default(),
            offer_sdp: sdp.to_owned(),
            owner: Some((&session.owner).into()),
        };
        let missing = if sid.is_some() { ErrorCode::NoSuchSubscription } else { ErrorCode::NoSuchStream };
        let reply = self.sfu(deadline, sfu, missing, |mut to| async move { to.restart(request).await });
        reply.await.map(|reply| reply.answer_sdp)
    }
}
