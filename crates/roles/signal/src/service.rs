//! What operators may ask of this node, over gRPC.

use crate::{
    context::Context,
    session::{Session, kick_out},
};
use model::RoomId;
use rpc::{
    convert::{connection_owner, room_id, user_id},
    proto::{
        KickReply, KickRequest, ListSessionsReply, ListSessionsRequest, Session as Listed,
        signal_server::Signal,
    },
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Sessions in one list.
const MAX_LISTED: usize = 1000;

/// The gRPC service of a signalling node.
#[derive(Clone)]
pub struct SignalService {
    context: Arc<Context>,
}

impl SignalService {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl Signal for SignalService {
    async fn list_sessions(
        &self,
        _: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsReply>, Status> {
        let mut sessions = self.context.sessions.all();
        let total = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
        sessions.sort_by_key(|session| session.owner.connection);
        let listed = sessions.iter().take(MAX_LISTED).map(|session| listed(session)).collect();
        Ok(Response::new(ListSessionsReply { sessions: listed, total }))
    }

    async fn kick(&self, request: Request<KickRequest>) -> Result<Response<KickReply>, Status> {
        let request = request.into_inner();
        let (uid, owner) = (user_id(&request.uid)?, connection_owner(request.owner)?);
        let session = self.context.sessions.find(owner.connection);
        let session = session.filter(|session| session.uid == uid && session.owner == owner);
        let session = session.ok_or_else(|| Status::not_found("this node has no such connection"))?;
        if request.rid.is_empty() {
            session.kick(&rooms(&session));
            return Ok(Response::new(KickReply {}));
        }
        let rid = room_id(&request.rid)?;
        let context = Arc::clone(&self.context);
        // To its end, even where the caller goes away: the register may be asked for a while.
        let kicking = async move { kick_out(&context, &session, &rid).await };
        match self.context.tasks.spawn(kicking).await {
            Ok(true) => Ok(Response::new(KickReply {})),
            _ => Err(Status::not_found("this connection is not in the room")),
        }
    }
}

fn listed(session: &Session) -> Listed {
    Listed {
        uid: session.uid.to_string(),
        owner: Some((&session.owner).into()),
        rids: rooms(session).iter().map(ToString::to_string).collect(),
    }
}

fn rooms(session: &Session) -> Vec<RoomId> {
    session.holdings.lock().keys().cloned().collect()
}
