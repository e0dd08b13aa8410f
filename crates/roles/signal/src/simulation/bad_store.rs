//! A register's way to the store: calls fail before they are done or after, take long, and overtake each
//! other. What a register has given up waiting for may still be done.

use super::{climate::Climate, dice::Dice, gate::Gate, record::Record};
use async_trait::async_trait;
use cluster::{Expiry, Joined, KeptAlive, Member, NodeRun, RoomPage, Store, StoreError, store::MemoryStore};
use model::{
    EventsSince, Gone, JsonText, Left, NodeId, Owner, Removed, RoomEvent, RoomId, RoomState, Stream,
    StreamId, Takeover, UserId,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::sleep;

pub(super) struct BadStore {
    pub(super) truth: Arc<MemoryStore>,
    /// Shut while the store is away, for everybody.
    pub(super) outage: Gate,
    /// Shut while the register stands still.
    pub(super) standstill: Gate,
    pub(super) climate: Climate,
    pub(super) dice: Dice,
    pub(super) record: Arc<Record>,
}

/// What becomes of one call.
#[derive(Default)]
struct Fate {
    before: Duration,
    fails_before: bool,
    after: Duration,
    fails_after: bool,
}

impl BadStore {
    fn fate(&self) -> Fate {
        let (dice, climate) = (&self.dice, &self.climate);
        let mut fate = Fate::default();
        if self.record.is_calm() {
            return fate;
        }
        if dice.chance(climate.store_late) {
            let late = dice.ms(1, climate.store_late_ms);
            if dice.chance(500) { fate.before = late } else { fate.after = late }
        }
        if dice.chance(climate.store_fails) {
            if dice.chance(500) { fate.fails_before = true } else { fate.fails_after = true }
        }
        if fate.fails_before || fate.fails_after || fate.before.max(fate.after) > Duration::from_millis(100) {
            self.record.fault();
        }
        fate
    }

    async fn attempt<T, F>(
        &self,
        op: impl FnOnce(Arc<MemoryStore>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        self.standstill.pass().await;
        let (fate, truth, outage) = (self.fate(), Arc::clone(&self.truth), self.outage.clone());
        let (waits, record) = (fate.before + fate.after > Duration::ZERO, Arc::clone(&self.record));
        let unavailable = || Err(StoreError::Unavailable("the simulation has it so".to_owned()));
        let done = async move {
            sleep(fate.before).await;
            if fate.fails_before || outage.is_shut() {
                return unavailable();
            }
            let done = op(truth).await;
            sleep(fate.after).await;
            let fails = fate.fails_after || outage.is_shut();
            if fails {
                record.fault();
            }
            if fails { unavailable() } else { done }
        };
        let done = if waits { tokio::spawn(done).await.unwrap() } else { done.await };
        self.standstill.pass().await;
        done
    }
}

macro_rules! attempt {
    ($self:ident . $call:ident ( $($arg:ident),* ) [ $($value:expr),* ]) => {{
        $(let $arg = $arg.to_owned();)*
        $self.attempt(move |truth| async move { truth.$call($($value),*).await }).await
    }};
}

#[async_trait]
impl Store for BadStore {
    async fn join(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        expiry: Expiry,
    ) -> Result<Joined, StoreError> {
        attempt!(self.join(rid, uid, owner)[&rid, &uid, &owner, takeover, expiry])
    }

    async fn leave(&self, rid: &RoomId, uid: &UserId, owner: &Owner) -> Result<Left, StoreError> {
        attempt!(self.leave(rid, uid, owner)[&rid, &uid, &owner])
    }

    async fn add_stream(
        &self,
        rid: &RoomId,
        owner: &Owner,
        stream: Stream,
        expiry: Expiry,
    ) -> Result<RoomEvent, StoreError> {
        attempt!(self.add_stream(rid, owner)[&rid, &owner, stream, expiry])
    }

    async fn remove_stream(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Removed, StoreError> {
        attempt!(self.remove_stream(rid, uid, owner, mid)[&rid, &uid, &owner, &mid])
    }

    async fn broadcast(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: JsonText,
    ) -> Result<RoomEvent, StoreError> {
        attempt!(self.broadcast(rid, uid, owner)[&rid, &uid, &owner, data])
    }

    async fn stream_ended(
        &self,
        rid: &RoomId,
        mid: &StreamId,
        sfu: &NodeId,
    ) -> Result<Option<RoomEvent>, StoreError> {
        attempt!(self.stream_ended(rid, mid, sfu)[&rid, &mid, &sfu])
    }

    async fn keep_alive(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError> {
        attempt!(self.keep_alive(members)[&members])
    }

    async fn hold_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError> {
        attempt!(self.hold_streams(sfu, streams)[&sfu, &streams])
    }

    async fn snapshot(&self, rid: &RoomId) -> Result<RoomState, StoreError> {
        attempt!(self.snapshot(rid)[&rid])
    }

    async fn events_since(&self, rid: &RoomId, after: u64) -> Result<EventsSince, StoreError> {
        if !self.record.is_calm() && self.dice.chance(self.climate.log_forgotten) {
            return self.snapshot(rid).await.map(EventsSince::Snapshot);
        }
        attempt!(self.events_since(rid)[&rid, after])
    }

    async fn find_stream(&self, rid: &RoomId, mid: &StreamId) -> Result<Stream, StoreError> {
        attempt!(self.find_stream(rid, mid)[&rid, &mid])
    }

    async fn rooms(&self, _: Option<&RoomId>, _: usize) -> Result<RoomPage, StoreError> {
        unreachable!("no register asks for it")
    }

    async fn expire(&self) -> Result<Vec<RoomEvent>, StoreError> {
        attempt!(self.expire()[])
    }

    async fn release(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError> {
        attempt!(self.release(gone)[&gone])
    }

    async fn beat(&self, run: &NodeRun) -> Result<u64, StoreError> {
        attempt!(self.beat(run)[&run])
    }

    async fn runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError> {
        attempt!(self.runs()[])
    }

    async fn forget_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError> {
        attempt!(self.forget_run(run)[&run, beats])
    }

    fn healthy(&self) -> bool {
        true
    }
}
