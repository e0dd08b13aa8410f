//! `broadcast`: something said to everybody else in the room.

use super::call::{Call, Done};
use crate::{access::Right, refusal::Refusal};

pub(super) async fn broadcast(call: &Call<'_>) -> Result<(), Refusal> {
    let data = call.data()?;
    let rid = data.rid()?;
    call.joined(&rid)?;
    let said = data.said()?;
    call.session.rights.may(Right::Broadcast)?;

    let session = call.session;
    call.clients().broadcast(call.deadline, &rid, &session.uid, &session.owner, &said).await?;
    call.answer(&Done {});
    Ok(())
}
