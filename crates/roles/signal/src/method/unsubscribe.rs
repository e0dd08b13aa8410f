//! `unsubscribe`: a subscription of the caller's ends.

use super::call::{Call, Done};
use crate::{refusal::Refusal, session::end_subscription};
use model::{ErrorCode, RoomId, StreamId, SubscriptionId};

pub(super) async fn unsubscribe(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    call.joined(&rid)?;
    let (mid, sid) = (data.mid()?, data.sid()?);

    match call.holding(&rid, |held| held.subscriptions.remove(&sid))? {
        // The stream may have ended and taken it along: that is no error, and neither is an SFU that does not
        // answer, since nobody keeps the subscription alive. The answer waits for the SFU, so that whoever asks
        // again is told that there is no such subscription.
        Some(subscribed) => {
            end_subscription(call.context, call.session, &rid, &sid, &subscribed).await;
        }
        None => not_held(call, &rid, &mid, &sid).await?,
    }
    call.answer(&Done {});
    Ok(())
}

/// Not one of this connection's: the stream's SFU knows whether it is somebody
/// else's.
async fn not_held(
    call: &Call<'_>,
    rid: &RoomId,
    mid: &StreamId,
    sid: &SubscriptionId,
) -> Result<(), Refusal> {
    let unknown = |refusal: Refusal| match refusal.code {
        ErrorCode::NoSuchStream => Refusal::plain(ErrorCode::NoSuchSubscription),
        _ => refusal,
    };
    let sfu = call.clients().find_stream(call.deadline, rid, mid).await.map_err(unknown)?;
    let ended = call.clients().unsubscribe(call.deadline, &sfu, rid, call.session, mid, sid).await;
    ended.map_err(unknown)
}
