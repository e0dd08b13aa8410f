//! The store of a single process: rooms in memory, gone with the process.

mod rooms;
mod runs;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use model::room::limits::RoomLimits;
use model::{
    EventsSince, Gone, JsonText, Left, NodeId, Owner, Refusal, Removed, Room, RoomEvent, RoomId, RoomState,
    Stream, StreamId, Takeover, UserId,
};
use parking_lot::Mutex;

use super::{Expiry, Joined, KeptAlive, Member, NodeRun, RoomPage, Store, StoreError};
use rooms::Rooms;
use runs::Runs;

/// Tells the time in microseconds, of any epoch that does not change when the process restarts.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The time of the machine, since 1970.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX)
    })
}

/// All rooms in memory, behind one lock that is held for one step only. The longest step is a join:
/// it copies the room's state, 2000 users and their streams at the most.
pub struct MemoryStore {
    clock: Clock,
    rooms: Mutex<Rooms>,
    runs: Mutex<Runs>,
}

impl MemoryStore {
    /// An empty store with a clock of its own.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self { clock, rooms: Mutex::default(), runs: Mutex::default() }
    }

    /// The same, with rooms that get no larger than this.
    #[must_use]
    pub fn with_limits(self, limits: RoomLimits) -> Self {
        Self { rooms: Mutex::new(Rooms::with_limits(limits)), ..self }
    }

    fn in_time(&self, expiry: Expiry) -> Result<(), StoreError> {
        if expiry.is_over((self.clock)() / 1000) { Err(StoreError::Late) } else { Ok(()) }
    }

    /// One step on a room that there may be: `step` gets the time in milliseconds.
    fn change<T>(
        &self,
        rid: &RoomId,
        step: impl FnOnce(&mut Room, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let now = (self.clock)();
        self.rooms.lock().change(rid, |room| step(room, now / 1000)).unwrap_or(Err(Refusal::NotOwner))
    }

    /// One round over all rooms.
    fn sweep(&self, step: impl FnMut(&mut Room) -> Option<RoomEvent>) -> Vec<RoomEvent> {
        self.rooms.lock().sweep(step)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_clock(system_clock())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn join(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        takeover: Takeover,
        expiry: Expiry,
    ) -> Result<Joined, StoreError> {
        self.in_time(expiry)?;
        let now = (self.clock)();
        let mut rooms = self.rooms.lock();
        let join = |room: &mut Room| {
            let event = room.join(uid, owner, takeover, now / 1000)?;
            Ok(Joined { state: room.snapshot(), event })
        };
        rooms.change_or_create(rid, now, join)?.map_err(StoreError::Refused)
    }

    async fn leave(&self, rid: &RoomId, uid: &UserId, owner: &Owner) -> Result<Left, StoreError> {
        Ok(self.change(rid, |room, _| room.leave(uid, owner))?)
    }

    async fn add_stream(
        &self,
        rid: &RoomId,
        owner: &Owner,
        stream: Stream,
        expiry: Expiry,
    ) -> Result<RoomEvent, StoreError> {
        self.in_time(expiry)?;
        Ok(self.change(rid, |room, now| room.add_stream(owner, stream, now))?)
    }

    async fn remove_stream(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        mid: &StreamId,
    ) -> Result<Removed, StoreError> {
        Ok(self.change(rid, |room, _| room.remove_stream(uid, owner, mid))?)
    }

    async fn broadcast(
        &self,
        rid: &RoomId,
        uid: &UserId,
        owner: &Owner,
        data: JsonText,
    ) -> Result<RoomEvent, StoreError> {
        Ok(self.change(rid, |room, _| room.broadcast(uid, owner, data))?)
    }

    async fn stream_ended(
        &self,
        rid: &RoomId,
        mid: &StreamId,
        sfu: &NodeId,
    ) -> Result<Option<RoomEvent>, StoreError> {
        Ok(self.rooms.lock().change(rid, |room| room.stream_ended(mid, sfu)).flatten())
    }

    async fn keep_alive(&self, members: &[Member]) -> Result<Vec<KeptAlive>, StoreError> {
        let now = (self.clock)();
        let mut rooms = self.rooms.lock();
        let answers = members.iter().map(|member| {
            let kept = rooms.change(&member.rid, |room| {
                let held = room.keep_alive(&member.uid, &member.owner, now / 1000);
                KeptAlive { version: room.version(), held }
            });
            kept.unwrap_or_else(|| KeptAlive { version: rooms.fresh_version(now), held: false })
        });
        Ok(answers.collect())
    }

    async fn hold_streams(
        &self,
        sfu: &NodeId,
        streams: &[(RoomId, StreamId)],
    ) -> Result<Vec<(RoomId, StreamId)>, StoreError> {
        let now = (self.clock)() / 1000;
        let mut rooms = self.rooms.lock();
        let mut known = |rid, mid| rooms.change(rid, |room| room.hold_stream(mid, sfu, now)).unwrap_or(false);
        Ok(streams.iter().filter(|(rid, mid)| !known(rid, mid)).cloned().collect())
    }

    async fn snapshot(&self, rid: &RoomId) -> Result<RoomState, StoreError> {
        let now = (self.clock)();
        let mut rooms = self.rooms.lock();
        let state = rooms.get(rid).map(Room::snapshot);
        Ok(state.unwrap_or_else(|| rooms.nobody(now)))
    }

    async fn events_since(&self, rid: &RoomId, after: u64) -> Result<EventsSince, StoreError> {
        let now = (self.clock)();
        let mut rooms = self.rooms.lock();
        let since = rooms.get(rid).map(|room| room.events_since(after));
        Ok(since.unwrap_or_else(|| EventsSince::Snapshot(rooms.nobody(now))))
    }

    async fn find_stream(&self, rid: &RoomId, mid: &StreamId) -> Result<Stream, StoreError> {
        let rooms = self.rooms.lock();
        let stream = rooms.get(rid).and_then(|room| room.stream(mid));
        Ok(stream.cloned().ok_or(Refusal::NoSuchStream)?)
    }

    async fn rooms(&self, after: Option<&RoomId>, limit: usize) -> Result<RoomPage, StoreError> {
        Ok(self.rooms.lock().page(after, limit))
    }

    async fn expire(&self) -> Result<Vec<RoomEvent>, StoreError> {
        let now = (self.clock)() / 1000;
        Ok(self.sweep(|room| room.expire(now)))
    }

    async fn release(&self, gone: &Gone) -> Result<Vec<RoomEvent>, StoreError> {
        Ok(self.sweep(|room| room.release(gone)))
    }

    async fn beat(&self, run: &NodeRun) -> Result<u64, StoreError> {
        self.runs.lock().beat(run);
        Ok((self.clock)() / 1000)
    }

    async fn runs(&self) -> Result<Vec<(NodeRun, u64)>, StoreError> {
        Ok(self.runs.lock().all())
    }

    async fn forget_run(&self, run: &NodeRun, beats: u64) -> Result<(), StoreError> {
        self.runs.lock().forget(run, beats);
        Ok(())
    }

    fn healthy(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
