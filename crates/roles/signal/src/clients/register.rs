//! The register, as the signalling role uses it: any replica will do.

use super::{Clients, Counted, answered, refusal, turns::ATTEMPT, was_not_done, was_not_sent, was_silent};
use crate::refusal::Refusal;
use model::{
    ErrorCode, EventsSince, JsonText, NodeId, Owner, RoomId, RoomState, Stream, StreamId, Takeover, UserId,
};
use rpc::{
    convert::{InvalidField, present},
    proto::{self, register_client::RegisterClient},
};
use std::future::Future;
use tokio::time::Instant;
use tonic::{Code, Response, Status};

type Client = RegisterClient<Counted>;

/// Whether a call may be made again at another register, when it is not known
/// whether the first one did it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The second time changes nothing.
    Harmless,
    /// It would happen twice: only where the call never left this node.
    OnlyUnsent,
}

/// A user whom a connection speaks for in a room.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) rid: RoomId,
    pub(crate) uid: UserId,
    pub(crate) owner: Owner,
}

/// What the register says of one [`Held`].
#[derive(Clone, Copy)]
pub(crate) struct StillHeld {
    /// The room's version now.
    pub(crate) version: u64,
    pub(crate) held: bool,
}

impl Clients {
    pub(crate) async fn join(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
    ) -> Result<RoomState, Refusal> {
        let request = proto::JoinRequest {
            rid: rid.to_string(),
            uid: uid.to_string(),
            owner: Some(owner.into()),
            resume: takeover == Takeover::Resume,
            expires_ms: self.clock.at(deadline),
        };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.join(request).await }
        });
        let state = present(reply.await?.room, "room").and_then(RoomState::try_from);
        state.map_err(|invalid| nonsense(&invalid))
    }

    /// Answers the streams that the user had published.
    pub(crate) async fn leave(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
    ) -> Result<Vec<Stream>, Refusal> {
        let request =
            proto::LeaveRequest { rid: rid.to_string(), uid: uid.to_string(), owner: Some(owner.into()) };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.leave(request).await }
        });
        let streams = reply.await?.streams.into_iter().map(Stream::try_from);
        streams.collect::<Result<_, _>>().map_err(|invalid| nonsense(&invalid))
    }

    /// At most `rpc::MAX_BATCH` at a time; one answer for each, in their order.
    pub(crate) async fn keep_alive(
        &self,
        deadline: Instant,
        held: &[Held],
    ) -> Result<Vec<StillHeld>, Refusal> {
        let entries = held.iter().map(|held| proto::keep_alive_request::Entry {
            rid: held.rid.to_string(),
            uid: held.uid.to_string(),
            owner: Some((&held.owner).into()),
        });
        let request = proto::KeepAliveRequest { entries: entries.collect() };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.keep_alive(request).await }
        });
        let entries = reply.await?.entries.into_iter();
        Ok(entries.map(|entry| StillHeld { version: entry.version, held: entry.held }).collect())
    }

    /// Answers the room's version with it, unless an attempt before the one that was answered added it.
    pub(crate) async fn add_stream(
        &self,
        deadline: Instant,
        rid: &RoomId,
        owner: &Owner,
        stream: &Stream,
    ) -> Result<Option<u64>, Refusal> {
        let request = proto::AddStreamRequest {
            rid: rid.to_string(),
            owner: Some(owner.into()),
            stream: Some(stream.into()),
            expires_ms: self.clock.at(deadline),
        };
        let reply = self.asked(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.add_stream(request).await }
        });
        match reply.await {
            // Nobody can guess the id: the attempt before this one got through.
            Err(failed) if failed.repeated && failed.status.code() == Code::AlreadyExists => Ok(None),
            Err(failed) => Err(failed.refusal()),
            Ok(added) => Ok(Some(added.version)),
        }
    }

    /// Answers the SFU that held it, unless an attempt before the one that was answered removed it.
    pub(crate) async fn remove_stream(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Option<NodeId>, Refusal> {
        let request = proto::RemoveStreamRequest {
            rid: rid.to_string(),
            uid: uid.to_string(),
            owner: Some(owner.into()),
            mid: mid.to_string(),
        };
        let reply = self.asked(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.remove_stream(request).await }
        });
        let reply = match reply.await {
            Err(failed) if failed.repeated && failed.status.code() == Code::NotFound => return Ok(None),
            Err(failed) => return Err(failed.refusal()),
            Ok(reply) => reply,
        };
        let stream = present(reply.stream, "stream").and_then(Stream::try_from);
        stream.map(|stream| Some(stream.sfu)).map_err(|invalid| nonsense(&invalid))
    }

    /// Answers the SFU that holds the stream.
    pub(crate) async fn find_stream(
        &self,
        deadline: Instant,
        rid: &RoomId,
        mid: &StreamId,
    ) -> Result<NodeId, Refusal> {
        let request = proto::FindStreamRequest { rid: rid.to_string(), mid: mid.to_string() };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.find_stream(request).await }
        });
        let stream = present(reply.await?.stream, "stream").and_then(Stream::try_from);
        stream.map(|stream| stream.sfu).map_err(|invalid| nonsense(&invalid))
    }

    /// Who is in a room, and what they publish.
    pub(crate) async fn room(&self, deadline: Instant, rid: &RoomId) -> Result<RoomState, Refusal> {
        let request = proto::GetRoomRequest { rid: rid.to_string() };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.get_room(request).await }
        });
        let state = present(reply.await?.room, "room").and_then(RoomState::try_from);
        state.map_err(|invalid| nonsense(&invalid))
    }

    /// The rooms that somebody is in, after this one, and the next page's `after`.
    pub(crate) async fn rooms(
        &self,
        deadline: Instant,
        after: Option<&RoomId>,
        limit: u32,
    ) -> Result<proto::ListRoomsReply, Refusal> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let request = proto::ListRoomsRequest { after, limit };
        self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.list_rooms(request).await }
        })
        .await
    }

    pub(crate) async fn broadcast(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: &JsonText,
    ) -> Result<(), Refusal> {
        let request = proto::BroadcastRequest {
            rid: rid.to_string(),
            uid: uid.to_string(),
            owner: Some(owner.into()),
            data_json: data.as_str().to_owned(),
        };
        let reply = self.register(deadline, Repeat::OnlyUnsent, |mut to| {
            let request = request.clone();
            async move { to.broadcast(request).await }
        });
        reply.await.map(drop)
    }

    pub(crate) async fn events_since(
        &self,
        deadline: Instant,
        rid: &RoomId,
        after: u64,
    ) -> Result<EventsSince, Refusal> {
        let request = proto::EventsSinceRequest { rid: rid.to_string(), after };
        let reply = self.register(deadline, Repeat::Harmless, |mut to| {
            let request = request.clone();
            async move { to.events_since(request).await }
        });
        EventsSince::try_from(reply.await?).map_err(|invalid| nonsense(&invalid))
    }

    /// Asks one register after the other until one answers.
    pub(super) async fn register<T, F>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.asked(deadline, repeat, call).await.map_err(|failed| failed.refusal())
    }

    async fn asked<T, F>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Failed>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut failed = Failed::nobody();
        let mut nodes = self.registers_in_turn().into_iter().peekable();
        while let Some(node) = nodes.next() {
            let another = repeat == Repeat::Harmless && nodes.peek().is_some();
            let until = if another { deadline.min(Instant::now() + ATTEMPT) } else { deadline };
            let status = match self.dial(&node) {
                Ok(channel) => match answered(until, call(rpc::client::register(channel))).await {
                    Ok(reply) => {
                        self.suspects.clear(&node);
                        return Ok(reply);
                    }
                    Err(status) => status,
                },
                Err(status) => status,
            };
            let silent = was_silent(&status);
            if silent {
                self.suspects.suspect(&node);
            }
            let again =
                repeat == Repeat::Harmless && (silent || was_not_done(&status)) || was_not_sent(&status);
            failed = Failed {
                repeated: failed.reached || failed.repeated,
                reached: !was_not_sent(&status),
                status,
            };
            if !again {
                break;
            }
        }
        Err(failed)
    }
}

/// Why no register did it.
struct Failed {
    /// What the last one that was asked said.
    status: Status,
    /// Whether the call may have reached it.
    reached: bool,
    /// Whether the call may have reached one before it.
    repeated: bool,
}

impl Failed {
    fn nobody() -> Self {
        let status = rpc::status::refuse(ErrorCode::NoRegister, ErrorCode::NoRegister.meaning());
        Self { status, reached: false, repeated: false }
    }

    fn refusal(&self) -> Refusal {
        refusal(&self.status, ErrorCode::RegisterSilent)
    }
}

/// A reply that cannot be read: a register of another version, maybe.
fn nonsense(invalid: &InvalidField) -> Refusal {
    tracing::warn!(%invalid, "the register answered something unreadable");
    Refusal::plain(ErrorCode::Internal)
}
