//! One request under way: who asks, what with, and how it is answered.

use super::data::Data;
use crate::{
    clients::{Clients, deadline},
    context::Context,
    refusal::Refusal,
    room::Room,
    session::{RoomHoldings, Session},
};
use model::{ErrorCode, RoomId};
use protoo::RequestId;
use serde::Serialize;
use std::{future::Future, sync::Arc};
use tokio::time::Instant;
use tracing::Instrument as _;

/// A request, or a notification of a client, which is one without an answer.
pub(crate) struct Call<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) session: &'a Arc<Session>,
    /// By when it has to be answered.
    pub(super) deadline: Instant,
    id: Option<&'a RequestId>,
    data: Option<&'a str>,
}

/// `{}`: done, and nothing more to say.
#[derive(Serialize)]
pub(super) struct Done {}

impl<'a> Call<'a> {
    pub(crate) fn new(
        context: &'a Arc<Context>,
        session: &'a Arc<Session>,
        id: Option<&'a RequestId>,
        data: Option<&'a str>,
    ) -> Self {
        Self { context, session, deadline: deadline(), id, data }
    }

    /// Says yes.
    pub(super) fn answer(&self, data: &impl Serialize) {
        let Some(id) = self.id else { return };
        match protoo::ok(id, data) {
            Ok(text) => self.session.outbox.push(text.into()),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                self.refuse(&Refusal::plain(ErrorCode::Internal));
            }
        }
    }

    /// Says no, and why.
    pub(crate) fn refuse(&self, refusal: &Refusal) {
        let Some(id) = self.id else { return };
        let text = protoo::error(id, refusal.code.number().into(), &refusal.reason);
        self.session.outbox.push(text.into());
    }

    pub(super) fn clients(&self) -> &'a Clients {
        &self.context.clients
    }

    pub(super) fn data(&self) -> Result<Data<'a>, Refusal> {
        Data::read(self.data)
    }

    /// The room, where the caller is in it.
    pub(super) fn joined(&self, rid: &RoomId) -> Result<Arc<Room>, Refusal> {
        self.holding(rid, |held| held.lease.room())
    }

    /// Looks at, or changes, what the caller has in a room. A request is the only
    /// one of its connection that is under way, so the caller stays in.
    pub(super) fn holding<T>(
        &self,
        rid: &RoomId,
        look: impl FnOnce(&mut RoomHoldings) -> T,
    ) -> Result<T, Refusal> {
        let mut holdings = self.session.holdings.lock();
        let held = holdings.get_mut(rid).filter(|held| !held.handed_over);
        held.map(look).ok_or_else(|| Refusal::plain(ErrorCode::NotJoined))
    }

    /// Goes on with something that the answer does not wait for.
    pub(super) fn afterwards(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.context.tasks.spawn(work.in_current_span());
    }
}

/// 128 random bits for an id that nobody can guess.
pub(super) fn unguessable() -> Result<[u8; 16], Refusal> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            Err(Refusal::plain(ErrorCode::Internal))
        }
    }
}
