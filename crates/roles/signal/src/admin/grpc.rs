//! Administration over gRPC: the service `anabranch.v1.Admin`.

use super::{Admin, No};
use crate::{access::NoEntry, context::Context};
use rpc::proto::{
    self, AdminGetRoomReply, AdminGetRoomRequest, AdminListRoomsReply, AdminListRoomsRequest, CloseRoomReply,
    CloseRoomRequest, KickUserReply, KickUserRequest, MuteStreamReply, MuteStreamRequest,
};
use std::sync::Arc;
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};

/// The gRPC service of whoever administrates rooms. Cheap to clone.
#[derive(Clone)]
pub struct AdminService {
    context: Arc<Context>,
}

impl AdminService {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn enter<T>(&self, request: Request<T>) -> Result<(Admin, T), Status> {
        let admin = Admin::enter(&self.context, token(request.metadata()))?;
        Ok((admin, request.into_inner()))
    }
}

#[tonic::async_trait]
impl proto::admin_server::Admin for AdminService {
    async fn list_rooms(
        &self,
        request: Request<AdminListRoomsRequest>,
    ) -> Result<Response<AdminListRoomsReply>, Status> {
        let (admin, AdminListRoomsRequest { after, limit }) = self.enter(request)?;
        let page = admin.rooms(&after, limit).await?;
        Ok(Response::new(AdminListRoomsReply { rooms: page.rooms, next: page.next }))
    }

    async fn get_room(
        &self,
        request: Request<AdminGetRoomRequest>,
    ) -> Result<Response<AdminGetRoomReply>, Status> {
        let (admin, AdminGetRoomRequest { rid }) = self.enter(request)?;
        let (_, state) = admin.room(&rid).await?;
        Ok(Response::new(AdminGetRoomReply { room: Some((&state).into()) }))
    }

    async fn kick_user(&self, request: Request<KickUserRequest>) -> Result<Response<KickUserReply>, Status> {
        let (admin, KickUserRequest { rid, uid }) = self.enter(request)?;
        admin.kick(&rid, &uid).await?;
        Ok(Response::new(KickUserReply {}))
    }

    async fn close_room(
        &self,
        request: Request<CloseRoomRequest>,
    ) -> Result<Response<CloseRoomReply>, Status> {
        let (admin, CloseRoomRequest { rid }) = self.enter(request)?;
        let kicked = admin.close(&rid).await?;
        Ok(Response::new(CloseRoomReply { kicked }))
    }

    async fn mute_stream(
        &self,
        request: Request<MuteStreamRequest>,
    ) -> Result<Response<MuteStreamReply>, Status> {
        let (admin, MuteStreamRequest { rid, mid, muted }) = self.enter(request)?;
        admin.mute(&rid, &mid, muted).await?;
        Ok(Response::new(MuteStreamReply {}))
    }
}

/// The bearer's, if exactly one is given.
fn token(metadata: &MetadataMap) -> Option<&str> {
    let mut values = metadata.get_all("authorization").iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

impl From<No> for Status {
    fn from(no: No) -> Self {
        let code = match &no {
            No::Entry(NoEntry::NoToken | NoEntry::Token(_)) => Code::Unauthenticated,
            No::Entry(NoEntry::NoAdmin | NoEntry::NoKeys) | No::Room => Code::PermissionDenied,
            No::Missing(_) => Code::NotFound,
            No::Invalid(_) => Code::InvalidArgument,
            No::Away(_) => Code::Unavailable,
        };
        Self::new(code, no.to_string())
    }
}
