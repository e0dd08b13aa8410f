//! `keepalive`: still there. That it came is all that counts, for all rooms of
//! the connection; the register hears of it with the next batch.

use super::call::{Call, Done};
use crate::refusal::Refusal;

pub(super) fn keepalive(call: &Call<'_>) -> Result<(), Refusal> {
    let rid = call.data()?.rid()?;
    call.joined(&rid)?;
    call.answer(&Done {});
    Ok(())
}
