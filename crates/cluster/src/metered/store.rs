//! A store whose calls are counted, by operation and result.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::Calls;
use model::{
    EventsSince, Gone, JsonText, Left, NodeId, Owner, Removed, RoomEvent, RoomId, RoomState, Stream,
    StreamId, Takeover, UserId,
};
use prometheus_client::registry::Registry;

use crate::store::RoomPage;
use crate::{Expiry, Joined, KeptAlive, Member, NodeRun, Store, StoreError};

/// What a store does: the names of its methods.
const OPERATIONS: &[&str] = &[
    "join",
    "leave",
    "add_stream",
    "remove_stream",
    "broadcast",
    "stream_ended",
    "keep_alive",
    "hold_streams",
    "snapshot",
    "events_since",
    "find_stream",
    "rooms",
    "expire",
    "release",
    "beat",
    "runs",
    "forget_run",
];

pub(super) struct Metered {
    inner: Arc<dyn Store>,
    calls: Calls,
}

impl Metered {
    pub(super) fn new(inner: Arc<dyn Store>, registry: &mut Registry) -> Arc<Self> {
        let calls = Calls::new("operation", OPERATIONS);
        calls.register(registry, "store_call", "Calls to the store");
        Arc::new(Self { inner, calls })
    }
}

fn outcome<T>(done: &Result<T, StoreError>) -> &'static str {
    match done {
        Ok(_) => metrics::OK,
        Err(StoreError::Refused(refusal)) => refusal.error_code().name(),
        Err(StoreError::Unavailable(_)) => "Unavailable",
        Err(StoreError::Late) => "Late",
    }
}

/// One call, as it is, and counted under its name.
macro_rules! counted {
    ($self:ident . $operation:ident ( $($argument:expr),* )) => {{
        let running = $self.calls.begin(stringify!($operation));
        let done = $self.inner.$operation($($argument),*).await;
        running.end(outcome(&done));
        done
    }};
}

#[async_trait]
impl Store for Metered {
    async fn join(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        expiry: Expiry,
    ) -> Result<Joined, StoreError> {
        counted!(self.join(rid, uid, owner, takeover, expiry))
    }

    async fn leave(&self, rid: &RoomId, uid: &UserId, owner: &Owner) -> Result<Left, StoreError> {
        counted!(self.leave(rid, uid, owner))
    }

    async fn add_stream(
        &self,
        rid: &RoomId,
        owner: &Owner,
        stream: Stream,
        expiry: Expiry,
    ) -> Result<RoomEvent, StoreError> {
        counted!(self.add_stream(rid, owner, stream, expiry))
    }

    async fn remove_stream(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Removed, StoreError> {
        counted!(self.remove_stream(rid, uid, owner, mid))
    }

    async fn broadcast(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: JsonText,
    ) -> Result<RoomEvent, StoreError> {
        counted!(self.broadcast(rid, uid, owner, data))
    }

    async fn stream_ended(
        &self,
        rid: &RoomId,
        mid: &StreamId,
        sfu: &NodeId,
    ) -> Result<Option<RoomEvent>, StoreError> {
        counted!(self.stream_ended(rid, mid, sfu))
    }

    async fn keep_alive(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError> {
        counted!(self.keep_alive(members))
    }

    async fn hold_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError> {
        counted!(self.hold_streams(sfu, streams))
    }

    async fn snapshot(&self, rid: &RoomId) -> Result<RoomState, StoreError> {
        counted!(self.snapshot(rid))
    }

    async fn events_since(&self, rid: &RoomId, after: u64) -> Result<EventsSince, StoreError> {
        counted!(self.events_since(rid, after))
    }

    async fn find_stream(&self, rid: &RoomId, mid: &StreamId) -> Result<Stream, StoreError> {
        counted!(self.find_stream(rid, mid))
    }

    async fn rooms(&self, after: Option<&RoomId>, limit: usize) -> Result<RoomPage, StoreError> {
        counted!(self.rooms(after, limit))
    }

    async fn expire(&self) -> Result<Vec<RoomEvent>, StoreError> {
        counted!(self.expire())
    }

    async fn release(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError> {
        counted!(self.release(gone))
    }

    async fn beat(&self, run: &NodeRun) -> Result<u64, StoreError> {
        counted!(self.beat(run))
    }

    async fn runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError> {
        counted!(self.runs())
    }

    async fn forget_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError> {
        counted!(self.forget_run(run, beats))
    }

    fn healthy(&self) -> bool {
        self.inner.healthy()
    }
}
