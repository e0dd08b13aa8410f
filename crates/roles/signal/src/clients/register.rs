//! The register, as the signalling role uses it: any replica will do.

use super::{Clients, answered, refusal, was_not_done, was_not_sent};
use crate::refusal::Refusal;
use cluster::NodeInfo;
use model::{ErrorCode, EventsSince, JsonText, NodeId, Owner, RoomId, RoomState, Stream, StreamId, UserId};
use rpc::{
    convert::{InvalidField, present},
    proto::{self, register_client::RegisterClient},
};
use std::{future::Future, sync::atomic::Ordering};
use tokio::time::Instant;
use tonic::{Response, Status, transport::Channel};

type Client = RegisterClient<Channel>;

/// Whether a call may be made again at another register, when it is not known
/// whether the first one did it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
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
    ) -> Result<RoomState, Refusal> {
        let request =
            proto::JoinRequest { rid: rid.to_string(), uid: uid.to_string(), owner: Some(owner.into()) };
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

    pub(crate) async fn add_stream(
        &self,
        deadline: Instant,
        rid: &RoomId,
        owner: &Owner,
        stream: &Stream,
    ) -> Result<(), Refusal> {
        let request = proto::AddStreamRequest {
            rid: rid.to_string(),
            owner: Some(owner.into()),
            stream: Some(stream.into()),
        };
        let reply = self.register(deadline, Repeat::OnlyUnsent, |mut to| {
            let request = request.clone();
            async move { to.add_stream(request).await }
        });
        reply.await.map(drop)
    }

    /// Answers the SFU that held it.
    pub(crate) async fn remove_stream(
        &self,
        deadline: Instant,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<NodeId, Refusal> {
        let request = proto::RemoveStreamRequest {
            rid: rid.to_string(),
            uid: uid.to_string(),
            owner: Some(owner.into()),
            mid: mid.to_string(),
        };
        let reply = self.register(deadline, Repeat::OnlyUnsent, |mut to| {
            let request = request.clone();
            async move { to.remove_stream(request).await }
        });
        let stream = present(reply.await?.stream, "stream").and_then(Stream::try_from);
        stream.map(|stream| stream.sfu).map_err(|invalid| nonsense(&invalid))
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
    async fn register<T, F>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut last = Refusal::plain(ErrorCode::NoRegister);
        for node in self.registers_in_turn() {
            let status = match self.dial(&node) {
                Ok(channel) => match answered(deadline, call(rpc::client::register(channel))).await {
                    Ok(reply) => return Ok(reply),
                    Err(status) => status,
                },
                Err(status) => status,
            };
            last = refusal(&status, ErrorCode::RegisterSilent);
            let again = repeat == Repeat::Harmless && was_not_done(&status) || was_not_sent(&status);
            if !again {
                break;
            }
        }
        Err(last)
    }

    /// All registers, a different one first each time; draining ones last.
    fn registers_in_turn(&self) -> Vec<NodeInfo> {
        let mut nodes = self.registers.borrow().to_vec();
        if !nodes.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
            nodes.rotate_left(first);
        }
        nodes.sort_by_key(|node| (node.draining, node.dc != self.dc));
        nodes
    }
}

/// A reply that cannot be read: a register of another version, maybe.
fn nonsense(invalid: &InvalidField) -> Refusal {
    tracing::warn!(%invalid, "the register answered something unreadable");
    Refusal::plain(ErrorCode::Internal)
}
