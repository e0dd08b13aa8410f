//! `leave`: out of a room, with all that one publishes and subscribes to there.

use super::call::{Call, Done};
use crate::{
    refusal::Refusal,
    session::{Published, close_at_sfus},
};
use model::ErrorCode;
use std::sync::Arc;

pub(super) async fn leave(call: &Call<'_>) -> Result<(), Refusal> {
    let rid = call.data()?.rid()?;
    call.joined(&rid)?;
    let left = call.clients().leave(call.deadline, &rid, &call.session.uid, &call.session.owner).await;
    let streams = match left {
        Ok(streams) => streams,
        // An earlier call got through after all: out is out.
        Err(refusal) if refusal.code == ErrorCode::NotJoined => Vec::new(),
        Err(refusal) => return Err(refusal),
    };
    let Some(mut held) = call.session.holdings.lock().remove(&rid) else { return Ok(()) };
    held.lease.dismiss_with(call.session, || call.answer(&Done {}));
    held.published.extend(streams.into_iter().map(|stream| (stream.mid, Published::at(stream.sfu))));
    let (context, session) = (Arc::clone(call.context), Arc::clone(call.session));
    call.afterwards(async move {
        close_at_sfus(&context, &session, &rid, held.published, held.subscriptions).await;
    });
    Ok(())
}
