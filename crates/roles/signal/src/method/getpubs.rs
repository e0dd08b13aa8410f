//! `getpubs`: what the others in the room publish.

use super::{call::Call, getusers::with_lists};
use crate::refusal::Refusal;

pub(super) async fn getpubs(call: &Call<'_>) -> Result<(), Refusal> {
    with_lists(call, |lists| call.answer(&lists.pubs())).await
}
