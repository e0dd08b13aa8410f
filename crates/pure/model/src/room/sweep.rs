//! What leaves a room without having said so: users and streams that nobody has heard of, and what
//! a dead node leaves behind.

use super::limits::{MAX_SWEEP_NOTICES, STREAM_EXPIRY_MS, USER_EXPIRY_MS};
use super::{Notice, Room};
use crate::{NodeId, RoomEvent, StreamId, UserId};

impl Room {
    /// Takes out who and what has been silent too long, in one step of bounded size: call again
    /// until nothing changes.
    pub fn expire(&mut self, now: u64) -> Option<RoomEvent> {
        let mut notices = Vec::new();
        while notices.len() < MAX_SWEEP_NOTICES {
            if let Some(uid) = self.seen.silent_for(USER_EXPIRY_MS, now) {
                self.take_out(&uid, &mut notices);
            } else if let Some(mid) = self.held.silent_for(STREAM_EXPIRY_MS, now) {
                self.take_stream(&mid, true, &mut notices);
            } else {
                break;
            }
        }
        self.commit_some(notices)
    }

    /// A node died: takes out the users that it spoke for and the streams that it held, in one step
    /// of bounded size: call again until nothing changes. Costs as much as the room is large.
    pub fn release_node(&mut self, node: &NodeId) -> Option<RoomEvent> {
        let spoken_for: Vec<UserId> = self
            .members
            .iter()
            .filter(|(_, member)| member.owner.signal == *node)
            .map(|(uid, _)| uid.clone())
            .take(MAX_SWEEP_NOTICES)
            .collect();
        let held: Vec<StreamId> = self
            .streams
            .values()
            .filter(|stream| stream.sfu == *node)
            .map(|stream| stream.mid.clone())
            .take(MAX_SWEEP_NOTICES)
            .collect();
        let mut notices = Vec::new();
        for uid in spoken_for {
            if notices.len() < MAX_SWEEP_NOTICES {
                self.take_out(&uid, &mut notices);
            }
        }
        for mid in held {
            if notices.len() < MAX_SWEEP_NOTICES {
                self.take_stream(&mid, true, &mut notices);
            }
        }
        self.commit_some(notices)
    }

    fn commit_some(&mut self, notices: Vec<Notice>) -> Option<RoomEvent> {
        (!notices.is_empty()).then(|| self.commit(notices))
    }
}
