//! `join`: into a room, with everybody and everything in it as the answer.

use super::call::Call;
use crate::{
    lists::Lists,
    refusal::Refusal,
    room::Admitted,
    session::{MAX_ROOMS, RoomHoldings},
};
use model::{ErrorCode, RoomId, RoomState};
use std::slice;

pub(super) async fn join(call: &Call<'_>) -> Result<(), Refusal> {
    let rid = call.data()?.rid()?;
    if call.context.stop.is_cancelled() {
        return Err(Refusal::plain(ErrorCode::Draining));
    }
    if call.joined(&rid).is_ok() { again(call, &rid).await } else { first(call, rid).await }
}

async fn first(call: &Call<'_>, rid: RoomId) -> Result<(), Refusal> {
    if call.session.holdings.lock().len() >= MAX_ROOMS {
        let reason = format!("too many rooms: one connection may be in {MAX_ROOMS}");
        return Err(Refusal::new(ErrorCode::Limit, reason));
    }
    // Listening comes first: whatever happens after the join is heard.
    let lease = call.context.rooms.enter(&rid).await;
    let state = register(call, &rid).await?;
    match lease.admit(call.session, state, |state| answer(call, &rid, state)) {
        Admitted::Member => {
            call.session.holdings.lock().insert(rid, RoomHoldings::new(lease));
        }
        Admitted::Replaced => call.session.kick(slice::from_ref(&rid)),
    }
    Ok(())
}

/// Nothing changes, but the caller gets the lists as they are now.
async fn again(call: &Call<'_>, rid: &RoomId) -> Result<(), Refusal> {
    let room = call.joined(rid)?;
    let version = register(call, rid).await?.version;
    room.answer_at(version, call.deadline, |state| answer(call, rid, state)).await
}

async fn register(call: &Call<'_>, rid: &RoomId) -> Result<RoomState, Refusal> {
    let joined = call.clients().join(call.deadline, rid, &call.session.uid, &call.session.owner).await;
    let mut unanswered = call.session.unanswered.lock();
    match &joined {
        Ok(_) => {
            unanswered.remove(rid);
        }
        Err(refusal) if refusal.code != ErrorCode::Limit && unanswered.len() < MAX_ROOMS => {
            unanswered.insert(rid.clone());
        }
        Err(_) => {}
    }
    joined
}

fn answer(call: &Call<'_>, rid: &RoomId, state: &RoomState) {
    call.answer(&Lists::new(rid, state, &call.session.uid));
}
