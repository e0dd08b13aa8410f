//! What whoever runs the rooms may see and do, with a token that says so. Over HTTP beside the pages ([`http`]) and over
//! gRPC ([`grpc`]); both do the same.
//!
//! A token is for the rooms that it names. About others the answer is the same whether or not they exist.

mod grpc;
mod http;

pub use grpc::AdminService;
pub(crate) use http::router;

use crate::{access::NoEntry, clients::deadline, context::Context, refusal::Refusal, session::kick_out};
use auth::Grant;
use futures_util::{StreamExt as _, stream};
use model::{ErrorCode, RoomId, RoomState, StreamId, User, UserId};
use rpc::proto::{ListRoomsReply, RoomSummary};
use std::sync::Arc;
use tonic::Code;

/// Rooms of a page, unless somebody says how many.
const DEFAULT_LIMIT: u32 = 100;

/// Users who are taken out of a room at the same time.
const AT_ONCE: usize = 32;

/// Rooms of the longest page.
const MAX_LIMIT: u32 = 1000;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
enum No {
    /// Who are you?
    #[error("{0}")]
    Entry(NoEntry),
    /// Not for this bearer.
    #[error("the token is not for this room")]
    Room,
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(&'static str),
    /// What was asked is none.
    #[error("{0}")]
    Invalid(String),
    /// Another node could not, or does not answer.
    #[error("{0}")]
    Away(String),
}

/// Somebody whose token lets them administrate.
struct Admin {
    context: Arc<Context>,
    grant: Grant,
}

impl Admin {
    fn enter(context: &Arc<Context>, token: Option<&str>) -> Result<Self, No> {
        let grant = context.access.admit_admin(token).map_err(No::Entry)?;
        Ok(Self { context: Arc::clone(context), grant })
    }

    /// A page of the rooms that the token is for.
    async fn rooms(&self, after: &str, limit: u32) -> Result<ListRoomsReply, No> {
        let limit = if limit == 0 { DEFAULT_LIMIT } else { limit };
        if limit > MAX_LIMIT {
            return Err(No::Invalid(format!("limit is {limit}, expected 1 to {MAX_LIMIT}")));
        }
        let after = if after.is_empty() { None } else { Some(id("after", RoomId::parse(after))?) };
        let mut page = self.context.clients.rooms(deadline(), after.as_ref(), limit).await?;
        let is_ours =
            |room: &RoomSummary| RoomId::parse(&room.rid).is_ok_and(|rid| self.grant.allows_room(&rid));
        page.rooms.retain(is_ours);
        Ok(page)
    }

    /// Who is in a room.
    async fn room(&self, rid: &str) -> Result<(RoomId, RoomState), No> {
        let rid = id("the room's id", RoomId::parse(rid))?;
        if !self.grant.allows_room(&rid) {
            return Err(No::Room);
        }
        let state = self.context.clients.room(deadline(), &rid).await?;
        if state.users.is_empty() {
            return Err(No::Missing("nobody is in a room of this id"));
        }
        Ok((rid, state))
    }

    /// Takes a user out of a room.
    async fn kick(&self, rid: &str, uid: &str) -> Result<(), No> {
        let uid = id("the user's id", UserId::parse(uid))?;
        let (rid, state) = self.room(rid).await?;
        let user = state.users.iter().find(|user| user.uid == uid);
        let user = user.ok_or(No::Missing("no user of this id is in the room"))?;
        tracing::info!(admin = ?self.grant.uid, ?rid, ?uid, "kicked");
        let (context, user) = (Arc::clone(&self.context), user.clone());
        self.to_the_end(async move { take_out(&context, &rid, &user).await }).await
    }

    /// Takes everybody out of a room, to the end even where the caller goes away; answers how many. Where somebody could not
    /// be taken out, the others are all the same.
    async fn close(&self, rid: &str) -> Result<u32, No> {
        let (rid, state) = self.room(rid).await?;
        tracing::info!(admin = ?self.grant.uid, ?rid, users = state.users.len(), "closed");
        let context = Arc::clone(&self.context);
        let closing = async move {
            let taking = stream::iter(state.users).map(|user| {
                let (context, rid) = (Arc::clone(&context), rid.clone());
                async move { take_out(&context, &rid, &user).await }
            });
            let done: Vec<Result<(), No>> = taking.buffer_unordered(AT_ONCE).collect().await;
            let kicked = done.len();
            done.into_iter().collect::<Result<(), No>>().map(|()| kicked as u32)
        };
        self.to_the_end(closing).await
    }

    /// Keeps a stream from everybody, or lets it through again.
    async fn mute(&self, rid: &str, mid: &str, muted: bool) -> Result<(), No> {
        let mid = id("the stream's id", StreamId::parse(mid))?;
        let (rid, state) = self.room(rid).await?;
        let stream = state.streams.iter().find(|stream| stream.mid == mid);
        let stream = stream.ok_or(No::Missing("the room has no stream of this id"))?;
        tracing::info!(admin = ?self.grant.uid, ?rid, ?mid, muted, "muted");
        self.context.clients.mute(deadline(), &stream.sfu, &rid, &mid, muted).await?;
        Ok(())
    }

    /// Does it whatever becomes of the caller.
    async fn to_the_end<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, No>> + Send + 'static,
    ) -> Result<T, No> {
        let gone = |_| No::Away("the node goes down".to_owned());
        self.context.tasks.spawn(task).await.map_err(gone)?
    }
}

/// Through the node that the user is connected to; where that does not answer, its user leaves the room all the same.
async fn take_out(context: &Arc<Context>, rid: &RoomId, user: &User) -> Result<(), No> {
    if user.owner.signal == context.node {
        let session = context.sessions.find(user.owner.connection);
        if let Some(session) = session.filter(|session| session.owner == user.owner)
            && kick_out(context, &session, rid).await
        {
            return Ok(());
        }
    } else {
        match context.clients.kick(deadline(), rid, &user.uid, &user.owner).await {
            Ok(()) => return Ok(()),
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => {
                tracing::info!(signal = %user.owner.signal, %status, "a signalling node did not kick a user");
            }
        }
    }
    match context.clients.leave(deadline(), rid, &user.uid, &user.owner).await {
        Ok(_) => Ok(()),
        // It has left by itself, or another connection speaks for it by now.
        Err(refusal) if refusal.code == ErrorCode::NotJoined => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn id<T>(what: &str, parsed: Result<T, model::InvalidId>) -> Result<T, No> {
    parsed.map_err(|why| No::Invalid(format!("{what} {why}")))
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            ErrorCode::NoSuchStream => Self::Missing("the SFU has no such stream"),
            _ => Self::Away(refusal.reason),
        }
    }
}
