//! The register's calls: read the fields, take one step in the store, publish what changed.

use std::sync::Arc;

use cluster::{Expiry, Member, NodeRun, Role, Store};
use model::{ErrorCode, Gone, RoomEvent, RoomId, Stream, StreamId, Takeover};
use rpc::convert::{InvalidField, connection_owner, json, node_id, present, room_id, stream_id, user_id};
use rpc::proto::keep_alive_reply::Entry as KeptAlive;
use rpc::proto::register_server::Register;
use rpc::proto::{
    AddStreamReply, AddStreamRequest, BeatReply, BeatRequest, BroadcastReply, BroadcastRequest,
    EventsSinceReply, EventsSinceRequest, FindStreamReply, FindStreamRequest, GetRoomReply, GetRoomRequest,
    HoldStreamsReply, HoldStreamsRequest, JoinReply, JoinRequest, KeepAliveReply, KeepAliveRequest,
    LeaveReply, LeaveRequest, ListRoomsReply, ListRoomsRequest, NodeStartedReply, NodeStartedRequest,
    NodeStoppedReply, NodeStoppedRequest, RemoveStreamReply, RemoveStreamRequest, RoomSummary,
    StreamEndedReply, StreamEndedRequest, StreamRef,
};
use tonic::{Code, Request, Response, Status};

use crate::answer::{bounded, failed};
use crate::departures::Departures;
use crate::liveness;

type Answer<T> = Result<Response<T>, Status>;

/// How much of a reason that an SFU gives goes into the log, in characters.
const MAX_REASON: usize = 200;

/// The register over a store and the events.
pub struct Service {
    store: Arc<dyn Store>,
    departures: Departures,
}

#[tonic::async_trait]
impl Register for Service {
    async fn join(&self, request: Request<JoinRequest>) -> Answer<JoinReply> {
        let JoinRequest { rid, uid, owner, resume, expires_ms } = request.into_inner();
        let (rid, uid, owner) = (room_id(&rid)?, user_id(&uid)?, connection_owner(owner)?);
        let takeover = if resume { Takeover::Resume } else { Takeover::Replace };
        let joined =
            self.store.join(&rid, &uid, &owner, takeover, expiry(expires_ms)).await.map_err(failed)?;
        if let Some(event) = &joined.event {
            self.departures.publish_with(event, Some(joined.state.users.len())).await;
        }
        answer(JoinReply { room: Some((&joined.state).into()) })
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Answer<LeaveReply> {
        let LeaveRequest { rid, uid, owner } = request.into_inner();
        let (rid, uid, owner) = (room_id(&rid)?, user_id(&uid)?, connection_owner(owner)?);
        let left = self.store.leave(&rid, &uid, &owner).await.map_err(failed)?;
        self.publish(&left.event).await;
        let streams = left.streams.iter().map(Into::into).collect();
        answer(LeaveReply { version: left.event.version, streams })
    }

    async fn keep_alive(&self, request: Request<KeepAliveRequest>) -> Answer<KeepAliveReply> {
        let entries = request.into_inner().entries;
        bounded("entries", entries.len())?;
        let members: Vec<Member> = entries.into_iter().map(member).collect::<Result<_, _>>()?;
        let kept = self.store.keep_alive(&members).await.map_err(failed)?;
        let entries =
            kept.into_iter().map(|kept| KeptAlive { version: kept.version, held: kept.held }).collect();
        answer(KeepAliveReply { entries })
    }

    async fn get_room(&self, request: Request<GetRoomRequest>) -> Answer<GetRoomReply> {
        let rid = room_id(&request.into_inner().rid)?;
        let state = self.store.snapshot(&rid).await.map_err(failed)?;
        answer(GetRoomReply { room: Some((&state).into()) })
    }

    async fn list_rooms(&self, request: Request<ListRoomsRequest>) -> Answer<ListRoomsReply> {
        let ListRoomsRequest { after, limit } = request.into_inner();
        let after = if after.is_empty() { None } else { Some(room_id(&after)?) };
        let limit = limit as usize;
        bounded("limit", limit)?;
        let page = self.store.rooms(after.as_ref(), limit.max(1)).await.map_err(failed)?;
        let rooms = page.rooms.iter().map(|room| RoomSummary {
            rid: room.rid.to_string(),
            version: room.version,
            users: room.users as u64,
            streams: room.streams as u64,
        });
        let next = page.next.map(|rid| rid.to_string()).unwrap_or_default();
        answer(ListRoomsReply { rooms: rooms.collect(), next })
    }

    async fn add_stream(&self, request: Request<AddStreamRequest>) -> Answer<AddStreamReply> {
        let AddStreamRequest { rid, owner, stream, expires_ms } = request.into_inner();
        let (rid, owner) = (room_id(&rid)?, connection_owner(owner)?);
        let stream = Stream::try_from(present(stream, "stream")?)?;
        let event = self.store.add_stream(&rid, &owner, stream, expiry(expires_ms)).await.map_err(failed)?;
        self.publish(&event).await;
        answer(AddStreamReply { version: event.version })
    }

    async fn remove_stream(&self, request: Request<RemoveStreamRequest>) -> Answer<RemoveStreamReply> {
        let RemoveStreamRequest { rid, uid, owner, mid } = request.into_inner();
        let (rid, uid) = (room_id(&rid)?, user_id(&uid)?);
        let (owner, mid) = (connection_owner(owner)?, stream_id(&mid)?);
        let removed = self.store.remove_stream(&rid, &uid, &owner, &mid).await.map_err(failed)?;
        self.publish(&removed.event).await;
        answer(RemoveStreamReply { version: removed.event.version, stream: Some((&removed.stream).into()) })
    }

    async fn find_stream(&self, request: Request<FindStreamRequest>) -> Answer<FindStreamReply> {
        let FindStreamRequest { rid, mid } = request.into_inner();
        let (rid, mid) = (room_id(&rid)?, stream_id(&mid)?);
        let stream = self.store.find_stream(&rid, &mid).await.map_err(failed)?;
        answer(FindStreamReply { stream: Some((&stream).into()) })
    }

    async fn broadcast(&self, request: Request<BroadcastRequest>) -> Answer<BroadcastReply> {
        let BroadcastRequest { rid, uid, owner, data_json } = request.into_inner();
        let (rid, uid) = (room_id(&rid)?, user_id(&uid)?);
        let (owner, data) = (connection_owner(owner)?, json(&data_json)?);
        let event = self.store.broadcast(&rid, &uid, &owner, data).await.map_err(failed)?;
        self.publish(&event).await;
        answer(BroadcastReply { version: event.version })
    }

    async fn events_since(&self, request: Request<EventsSinceRequest>) -> Answer<EventsSinceReply> {
        let EventsSinceRequest { rid, after } = request.into_inner();
        let since = self.store.events_since(&room_id(&rid)?, after).await.map_err(failed)?;
        answer((&since).into())
    }

    async fn stream_ended(&self, request: Request<StreamEndedRequest>) -> Answer<StreamEndedReply> {
        let StreamEndedRequest { rid, mid, sfu_id, reason } = request.into_inner();
        let (rid, mid, sfu) = (room_id(&rid)?, stream_id(&mid)?, node_id(&sfu_id, "sfu_id")?);
        if let Some(event) = self.store.stream_ended(&rid, &mid, &sfu).await.map_err(failed)? {
            let reason: String = reason.chars().take(MAX_REASON).collect();
            tracing::info!(?rid, ?mid, %sfu, ?reason, "a stream's media stopped");
            self.publish(&event).await;
        }
        answer(StreamEndedReply {})
    }

    async fn hold_streams(&self, request: Request<HoldStreamsRequest>) -> Answer<HoldStreamsReply> {
        let HoldStreamsRequest { sfu_id, streams } = request.into_inner();
        bounded("streams", streams.len())?;
        let sfu = node_id(&sfu_id, "sfu_id")?;
        let streams: Vec<(RoomId, StreamId)> = streams.iter().map(stream_ref).collect::<Result<_, _>>()?;
        let unknown = self.store.hold_streams(&sfu, &streams).await.map_err(failed)?;
        let refer = |(rid, mid): (RoomId, StreamId)| StreamRef { rid: rid.to_string(), mid: mid.to_string() };
        answer(HoldStreamsReply { unknown: unknown.into_iter().map(refer).collect() })
    }

    async fn beat(&self, request: Request<BeatRequest>) -> Answer<BeatReply> {
        let run = node_run(request.into_inner().run)?;
        answer(BeatReply { now_ms: self.store.beat(&run).await.map_err(failed)? })
    }

    async fn node_started(&self, request: Request<NodeStartedRequest>) -> Answer<NodeStartedReply> {
        let run = node_run(request.into_inner().run)?;
        if run.role == Role::Sfu {
            let gone = Gone::Sfu { id: run.id };
            self.departures.release(&gone).await.map_err(failed)?;
        }
        answer(NodeStartedReply {})
    }

    async fn node_stopped(&self, request: Request<NodeStoppedRequest>) -> Answer<NodeStoppedReply> {
        let run = node_run(request.into_inner().run)?;
        // What it could not take out itself any more.
        let runs = self.store.runs().await.map_err(failed)?;
        if let Some(gone) = liveness::gone(&run, &runs) {
            self.departures.release(&gone).await.map_err(failed)?;
        }
        self.store.forget_run(&run, u64::MAX).await.map_err(failed)?;
        answer(NodeStoppedReply {})
    }
}

impl Service {
    pub(crate) fn new(departures: Departures) -> Self {
        Self { store: Arc::clone(&departures.store), departures }
    }

    async fn publish(&self, event: &RoomEvent) {
        tracing::debug!(rid = ?event.rid, version = event.version, facts = event.notices.len(), "changed");
        self.departures.publish(event).await;
    }
}

fn answer<T>(reply: T) -> Answer<T> {
    Ok(Response::new(reply))
}

fn member(entry: rpc::proto::keep_alive_request::Entry) -> Result<Member, InvalidField> {
    Ok(Member { rid: room_id(&entry.rid)?, uid: user_id(&entry.uid)?, owner: connection_owner(entry.owner)? })
}

fn stream_ref(stream: &StreamRef) -> Result<(RoomId, StreamId), InvalidField> {
    Ok((room_id(&stream.rid)?, stream_id(&stream.mid)?))
}

fn expiry(expires_ms: u64) -> Expiry {
    Expiry((expires_ms != 0).then_some(expires_ms))
}

fn node_run(run: Option<rpc::proto::NodeRun>) -> Result<NodeRun, Status> {
    let run = present(run, "run")?;
    let role = match run.role.as_str() {
        "signal" => Role::Signal,
        "sfu" => Role::Sfu,
        _ => {
            let why = "run.role is not known, expected \"signal\" or \"sfu\"";
            return Err(rpc::status::with_code(Code::InvalidArgument, ErrorCode::Internal, why));
        }
    };
    Ok(NodeRun { role, id: node_id(&run.id, "run.id")?, started: run.started })
}
