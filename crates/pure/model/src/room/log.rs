//! The last events of a room, for those who missed some.

use std::collections::VecDeque;

use super::limits::{MAX_LOG_BYTES, MAX_LOG_EVENTS};
use crate::RoomEvent;

/// Always the newest events of the room, without gaps; bounded in number and in bytes.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    events: VecDeque<RoomEvent>,
    bytes: usize,
}

impl EventLog {
    /// Takes the next event. An event that is larger than the whole log empties it.
    pub(super) fn record(&mut self, event: RoomEvent) {
        self.bytes += event.weight();
        self.events.push_back(event);
        while self.events.len() > MAX_LOG_EVENTS || self.bytes > MAX_LOG_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.weight();
        }
    }

    /// The events after a version, or none where the next one is not kept.
    pub(super) fn since(&self, after: u64) -> Option<Vec<RoomEvent>> {
        let oldest = self.events.front()?.version;
        let skip = usize::try_from(after.checked_add(1)?.checked_sub(oldest)?).ok()?;
        (skip < self.events.len()).then(|| self.events.iter().skip(skip).cloned().collect())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
