//! `prefer`: what the caller wants of the video of a subscription of its own.

use super::call::{Call, Done};
use crate::refusal::Refusal;
use model::{ErrorCode, NodeId, RoomId, StreamId, SubscriptionId};

pub(super) async fn prefer(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    call.joined(&rid)?;
    let (mid, sid, preference) = (data.mid()?, data.sid()?, data.preference()?);

    let sfu = own_subscription(call, &rid, &mid, &sid)?;
    let subscription = (&mid, &sid);
    call.clients().prefer(call.deadline, &sfu, &rid, call.session, subscription, &preference).await?;
    call.answer(&Done {});
    Ok(())
}

/// The SFU of a subscription of this connection.
pub(super) fn own_subscription(
    call: &Call<'_>,
    rid: &RoomId,
    mid: &StreamId,
    sid: &SubscriptionId,
) -> Result<NodeId, Refusal> {
    let sfu = call.holding(rid, |held| {
        held.subscriptions.get(sid).filter(|at| at.mid == *mid).map(|at| at.sfu.clone())
    })?;
    sfu.ok_or_else(|| Refusal::plain(ErrorCode::NoSuchSubscription))
}
