//! `restart`: new ICE credentials for a stream or a subscription of the caller's, which goes on.

use super::{call::Call, prefer::own_subscription, publish::Jsep};
use crate::{refusal::Refusal, room::Room};
use model::{ErrorCode, NodeId, RoomId, StreamId};
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    jsep: Jsep<'a>,
}

pub(super) async fn restart(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    let room = call.joined(&rid)?;
    let (mid, sid, sdp) = (data.mid()?, data.optional_sid()?, data.offer()?);

    let sfu = match &sid {
        Some(sid) => own_subscription(call, &rid, &mid, sid)?,
        None => own_stream(call, &rid, &room, &mid)?,
    };
    let what = (&mid, sid.as_ref());
    let sdp = call.clients().restart(call.deadline, &sfu, &rid, call.session, what, &sdp).await?;
    call.answer(&Answer { jsep: Jsep::answer(&sdp) });
    Ok(())
}

/// The SFU of a stream of this connection.
fn own_stream(call: &Call<'_>, rid: &RoomId, room: &Room, mid: &StreamId) -> Result<NodeId, Refusal> {
    let sfu = call.holding(rid, |held| held.published.get(mid).map(|published| published.sfu.clone()))?;
    sfu.ok_or_else(|| {
        let somebody_elses = room.has_stream_of_others(mid, &call.session.uid);
        Refusal::plain(if somebody_elses { ErrorCode::NotAllowed } else { ErrorCode::NoSuchStream })
    })
}
