//! `join`: into a room, with everybody and everything in it as the answer.

use super::{
    call::Call,
    getusers::version,
    resume::{Resume, Resumed},
};
use crate::{
    lists::Lists,
    refusal::Refusal,
    room::{Admitted, Lease},
    session::RoomHoldings,
};
use model::{ErrorCode, RoomId, RoomState, Takeover};
use std::slice;

pub(super) async fn join(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let (rid, resume) = (data.rid()?, data.resume(call.context.limits.subscriptions)?);
    call.session.rights.enter(&rid)?;
    if call.context.takes_leave() {
        return Err(Refusal::plain(ErrorCode::Draining));
    }
    if call.joined(&rid).is_ok() {
        again(call, &rid, resume.as_ref()).await
    } else {
        first(call, rid, resume.as_ref()).await
    }
}

async fn first(call: &Call<'_>, rid: RoomId, resume: Option<&Resume>) -> Result<(), Refusal> {
    forget_handed_over(call, &rid);
    let max_rooms = call.context.limits.rooms;
    if call.session.holdings.lock().len() >= max_rooms {
        let reason = format!("too many rooms: one connection may be in {max_rooms}");
        return Err(Refusal::new(ErrorCode::Limit, reason));
    }
    // Listening comes first: whatever happens after the join is heard.
    let lease = call.context.rooms.enter(&rid).await;
    let (state, held) = match resume {
        None => (register(call, &rid, Takeover::Replace).await?, RoomHoldings::new(lease)),
        Some(resume) => resumed(call, &rid, resume, lease).await?,
    };
    let room = held.lease.room();
    let lives_on = resume.map(|_| Resumed::of(&held));
    // Before the room: the server may end a stream of it at once.
    call.session.holdings.lock().insert(rid.clone(), held);
    match room.admit(call.session, state, |state| answer(call, &rid, state, lives_on.as_ref())) {
        // The room may be further than the join: with streams that were said to live on.
        Admitted::Member => room.tell_what_ended(call.session),
        Admitted::Replaced => {
            let held = call.session.holdings.lock().remove(&rid);
            drop(held);
            call.session.kick(slice::from_ref(&rid));
        }
    }
    Ok(())
}

async fn resumed(
    call: &Call<'_>,
    rid: &RoomId,
    resume: &Resume,
    lease: Lease,
) -> Result<(RoomState, RoomHoldings), Refusal> {
    let claims = resume.claim(call, rid).await;
    let state = register(call, rid, Takeover::Resume).await?;
    let mut held = RoomHoldings::new(lease);
    resume.settle(call, rid, &state, &claims, &mut held).await;
    Ok((state, held))
}

/// A room that another connection took over from this one is none of its rooms.
fn forget_handed_over(call: &Call<'_>, rid: &RoomId) {
    let held = call.session.holdings.lock().remove(rid);
    if let Some(held) = held {
        held.lease.dismiss(call.session);
    }
}

/// Nothing changes but what the caller says that it no longer has, and it gets the lists as they are now. Where another connection has taken the
/// room over and this one has not heard of it yet, it must not take it back: that would leave the room to a
/// connection which is told right after that it is not in it any more.
async fn again(call: &Call<'_>, rid: &RoomId, resume: Option<&Resume>) -> Result<(), Refusal> {
    let room = call.joined(rid)?;
    let version = version(call.clients(), call.deadline, call.session, rid).await?;
    let lives_on = match resume {
        Some(resume) => Some(call.holding(rid, |held| resume.named_of(held))?),
        None => None,
    };
    room.answer_at(call.session, version, call.deadline, |state| answer(call, rid, state, lives_on.as_ref()))
        .await?;
    if let Some(resume) = resume {
        resume.let_go(call, rid);
    }
    Ok(())
}

async fn register(call: &Call<'_>, rid: &RoomId, takeover: Takeover) -> Result<RoomState, Refusal> {
    let (uid, owner) = (&call.session.uid, &call.session.owner);
    let joined = call.clients().join(call.deadline, rid, uid, owner, takeover).await;
    let mut unanswered = call.session.unanswered.lock();
    match &joined {
        Ok(_) => {
            unanswered.remove(rid);
        }
        Err(refusal) if refusal.code != ErrorCode::Limit && unanswered.len() < call.context.limits.rooms => {
            unanswered.insert(rid.clone());
        }
        Err(_) => {}
    }
    joined
}

fn answer(call: &Call<'_>, rid: &RoomId, state: &RoomState, resumed: Option<&Resumed>) {
    call.answer(&Lists::new(rid, state, &call.session.uid).with_resumed(resumed));
}
