//! `subscribe`: somebody's stream, to the caller.

use super::{
    call::{Call, unguessable},
    publish::Jsep,
};
use crate::{
    access::Right,
    clients::{Offer, Wanted},
    refusal::Refusal,
    room::Room,
    session::{Subscribed, end_subscription},
};
use model::{ErrorCode, RoomId, SubscriptionId};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Answer<'a> {
    jsep: Jsep<'a>,
    sid: &'a str,
}

pub(super) async fn subscribe(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    let room = call.joined(&rid)?;
    let (mid, sdp, preference) = (data.mid()?, data.offer()?, data.optional_preference()?);
    call.session.rights.may(Right::Subscribe)?;

    // The client's `sfuid` is not needed: the register knows where the stream is.
    let sfu = call.clients().find_stream(call.deadline, &rid, &mid).await?;
    make_room(call, &rid, &room)?;
    let uid = &call.session.uid;
    let sid = SubscriptionId::of(uid, unguessable()?);
    let offer = Offer { rid: &rid, uid, mid: &mid, sdp: &sdp, owner: &call.session.owner };
    let wanted = Wanted { network: call.session.network(), preference: &preference };
    let subscribed = call.clients().subscribe(call.deadline, &sfu, &offer, &sid, &wanted).await;
    let at = Subscribed::at(mid, sfu.clone());
    let sdp = match subscribed {
        Ok(sdp) => sdp,
        Err(refusal) => {
            // Nobody knows whether the SFU did it.
            if refusal.code == ErrorCode::SfuSilent {
                let (context, session) = (Arc::clone(call.context), Arc::clone(call.session));
                call.afterwards(async move { end_subscription(&context, &session, &rid, &sid, &at).await });
            }
            return Err(refusal);
        }
    };
    call.holding(&rid, |held| held.subscriptions.insert(sid.clone(), at))?;
    call.context.watches.want(&sfu);
    call.answer(&Answer { jsep: Jsep::answer(&sdp), sid: sid.as_str() });
    Ok(())
}

/// At the limit, subscriptions whose stream has ended are forgotten first.
fn make_room(call: &Call<'_>, rid: &RoomId, room: &Room) -> Result<(), Refusal> {
    let max = call.context.limits.subscriptions;
    let is_full = |held: usize| held >= max;
    if !is_full(call.holding(rid, |held| held.subscriptions.len())?) {
        return Ok(());
    }
    let subscriptions = call.holding(rid, |held| held.subscriptions.clone())?;
    for (sid, _) in subscriptions.iter().filter(|(_, at)| !room.has_stream(&at.mid)) {
        call.holding(rid, |held| held.subscriptions.remove(sid))?;
    }
    if is_full(call.holding(rid, |held| held.subscriptions.len())?) {
        let reason = format!("too many subscriptions: a connection may have {max} in a room");
        return Err(Refusal::new(ErrorCode::Limit, reason));
    }
    Ok(())
}
