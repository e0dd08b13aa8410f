//! The rooms that somebody is in, and the versions of those that come again.

use std::collections::{BinaryHeap, HashMap};

use model::room::limits::RoomLimits;
use model::{Refusal, Room, RoomEvent, RoomId, RoomState};

use crate::store::{RoomPage, RoomSummary};

/// Rooms at a time. Beyond them joining a room that nobody is in is refused. A room with one user
/// takes about 1 KiB.
const MAX_ROOMS: usize = 100_000;

/// What the kept events of all rooms weigh. Beyond it a room that changes forgets its events, so
/// that who misses one gets a snapshot.
const MAX_LOG_BYTES: usize = 256 * 1024 * 1024;

/// Rooms that change in one round of a sweep, so that others get their turn in between.
const MAX_SWEPT_ROOMS: usize = 256;

/// Every room in it has a user: a room that empties is forgotten at once. (Who still looks at one
/// is answered that nobody is there, at a version later than all that the room had.) The map hashes
/// with a random key, since strangers choose the ids.
#[derive(Default)]
pub(super) struct Rooms {
    rooms: HashMap<RoomId, Room>,
    log_bytes: usize,
    limits: RoomLimits,
    /// No room that is not in the map has had, or was said to have, a later version.
    latest_version: u64,
}

impl Rooms {
    /// None yet, and none that will exceed this.
    pub(super) fn with_limits(limits: RoomLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn get(&self, rid: &RoomId) -> Option<&Room> {
        self.rooms.get(rid)
    }

    /// The state of a room that is not in the map.
    pub(super) fn nobody(&mut self, now_us: u64) -> RoomState {
        RoomState { version: self.fresh_version(now_us), ..RoomState::default() }
    }

    /// A version later than any that a room not in the map ever had.
    pub(super) fn fresh_version(&mut self, now_us: u64) -> u64 {
        self.latest_version = now_us.max(self.latest_version + 1);
        self.latest_version
    }

    /// One step on a room that somebody is in.
    pub(super) fn change<T>(&mut self, rid: &RoomId, step: impl FnOnce(&mut Room) -> T) -> Option<T> {
        let room = self.rooms.get_mut(rid)?;
        let log_before = room.log_bytes();
        let answer = step(room);
        self.settle(rid, log_before);
        Some(answer)
    }

    /// One step on a room that nobody may be in yet.
    pub(super) fn change_or_create<T>(
        &mut self,
        rid: &RoomId,
        now_us: u64,
        step: impl FnOnce(&mut Room) -> T,
    ) -> Result<T, Refusal> {
        if !self.rooms.contains_key(rid) {
            if self.rooms.len() >= MAX_ROOMS {
                return Err(Refusal::Full { what: "rooms", max: MAX_ROOMS });
            }
            let version = self.fresh_version(now_us);
            self.rooms.insert(rid.clone(), Room::with_limits(rid.clone(), version, self.limits));
        }
        // The room is there: there is always an answer.
        self.change(rid, step).ok_or(Refusal::NotOwner)
    }

    /// Rooms in the order of their ids.
    pub(super) fn page(&self, after: Option<&RoomId>, limit: usize) -> RoomPage {
        // Of those that follow, the first ones and one more: the greatest on the heap goes first.
        let mut first: BinaryHeap<&RoomId> = BinaryHeap::new();
        for rid in self.rooms.keys().filter(|rid| after.is_none_or(|after| *rid > after)) {
            first.push(rid);
            if first.len() > limit.saturating_add(1) {
                first.pop();
            }
        }
        let more = first.len() > limit;
        let rids = first.into_sorted_vec().into_iter().take(limit);
        let rooms: Vec<_> = rids.filter_map(|rid| self.rooms.get_key_value(rid)).map(summary).collect();
        let next = rooms.last().filter(|_| more).map(|last| last.rid.clone());
        RoomPage { rooms, next }
    }

    /// One step on every room, until enough of them have changed.
    pub(super) fn sweep(&mut self, mut step: impl FnMut(&mut Room) -> Option<RoomEvent>) -> Vec<RoomEvent> {
        let mut changed = Vec::new();
        for room in self.rooms.values_mut() {
            let log_before = room.log_bytes();
            if let Some(event) = step(room) {
                changed.push((log_before, event));
            }
            if changed.len() == MAX_SWEPT_ROOMS {
                break;
            }
        }
        for (log_before, event) in &changed {
            self.settle(&event.rid, *log_before);
        }
        changed.into_iter().map(|(_, event)| event).collect()
    }

    /// After a step: forgets a room that is empty, and events where there are too many.
    fn settle(&mut self, rid: &RoomId, log_before: usize) {
        let Some(room) = self.rooms.get_mut(rid) else { return };
        let others = self.log_bytes - log_before;
        if room.is_empty() {
            self.latest_version = self.latest_version.max(room.version());
            self.rooms.remove(rid);
            self.log_bytes = others;
            return;
        }
        if others + room.log_bytes() > MAX_LOG_BYTES {
            room.forget_log();
        }
        self.log_bytes = others + room.log_bytes();
    }
}

fn summary((rid, room): (&RoomId, &Room)) -> RoomSummary {
    RoomSummary {
        rid: rid.clone(),
        version: room.version(),
        users: room.users().count(),
        streams: room.streams().count(),
    }
}

#[cfg(test)]
mod tests;
