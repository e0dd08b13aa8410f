//! `getusers`: who else is in the room.

use super::call::Call;
use crate::{
    clients::{Clients, Held},
    lists::Lists,
    refusal::Refusal,
    session::Session,
};
use model::{ErrorCode, RoomId};
use std::slice;
use tokio::time::Instant;

pub(super) async fn getusers(call: &Call<'_>) -> Result<(), Refusal> {
    with_lists(call, |lists| call.answer(&lists.users())).await
}

/// Answers from what this connection was told of the room, once that is as much
/// as the register knows: so no answer contradicts a notification around it.
pub(super) async fn with_lists(call: &Call<'_>, answer: impl FnOnce(Lists<'_>)) -> Result<(), Refusal> {
    let rid = call.data()?.rid()?;
    let room = call.joined(&rid)?;
    let version = version(call.clients(), call.deadline, call.session, &rid).await?;
    let uid = &call.session.uid;
    room.answer_at(call.session, version, call.deadline, |state| answer(Lists::new(&rid, state, uid))).await
}

/// The room's version now, where this connection is in it by the register's account.
pub(super) async fn version(
    clients: &Clients,
    deadline: Instant,
    session: &Session,
    rid: &RoomId,
) -> Result<u64, Refusal> {
    let (uid, owner) = (session.uid.clone(), session.owner.clone());
    let me = Held { rid: rid.clone(), uid, owner };
    let held = clients.keep_alive(deadline, slice::from_ref(&me)).await?;
    let me = held.first().ok_or_else(|| Refusal::plain(ErrorCode::Internal))?;
    if me.held { Ok(me.version) } else { Err(Refusal::plain(ErrorCode::NotJoined)) }
}
