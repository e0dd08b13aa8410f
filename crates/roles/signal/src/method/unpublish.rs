//! `unpublish`: a stream of the caller's ends.

use super::call::{Call, Done};
use crate::{clients::deadline, refusal::Refusal};
use std::sync::Arc;

pub(super) async fn unpublish(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    call.joined(&rid)?;
    let mid = data.mid()?;

    let session = call.session;
    let sfu = call.clients().remove_stream(call.deadline, &rid, &session.uid, &session.owner, &mid).await?;
    let held = call.holding(&rid, |held| held.published.remove(&mid))?;
    call.answer(&Done {});
    let Some(sfu) = sfu.or(held.map(|held| held.sfu)) else { return Ok(()) };
    // The room knows it no more; an SFU that does not hear of it now finds out.
    let (context, session) = (Arc::clone(call.context), Arc::clone(session));
    call.afterwards(async move {
        if let Err(refusal) = context.clients.unpublish(deadline(), &sfu, &rid, &session.owner, &mid).await {
            tracing::debug!(?mid, %refusal, "could not end a stream");
        }
    });
    Ok(())
}
