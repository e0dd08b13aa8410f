//! What leaves a room without having said so: users and streams that nobody has heard of, and what
//! a dead node leaves behind.

use super::limits::{MAX_SWEEP_NOTICES, STREAM_EXPIRY_MS, USER_EXPIRY_MS};
use super::{Notice, Room};
use crate::{Gone, NodeId, Owner, RoomEvent, StreamId, UserId};

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

    /// A node is gone: takes out the users that it spoke for, or the streams that it held, in one step of
    /// bounded size: call again until nothing changes. Costs as much as the room is large.
    pub fn release(&mut self, gone: &Gone) -> Option<RoomEvent> {
        let mut notices = Vec::new();
        match gone {
            Gone::Signal { id, before } => {
                for uid in self.spoken_for(id, *before) {
                    if notices.len() < MAX_SWEEP_NOTICES {
                        self.take_out(&uid, &mut notices);
                    }
                }
            }
            Gone::Sfu { id } => {
                for mid in self.held_by(id) {
                    self.take_stream(&mid, true, &mut notices);
                }
            }
        }
        self.commit_some(notices)
    }

    fn spoken_for(&self, signal: &NodeId, before: u64) -> Vec<UserId> {
        let gone = |owner: &Owner| owner.signal == *signal && owner.connection < before;
        let users = self.members.iter().filter(|(_, member)| gone(&member.owner));
        users.map(|(uid, _)| uid.clone()).take(MAX_SWEEP_NOTICES).collect()
    }

    fn held_by(&self, sfu: &NodeId) -> Vec<StreamId> {
        let streams = self.streams.values().filter(|stream| stream.sfu == *sfu);
        streams.map(|stream| stream.mid.clone()).take(MAX_SWEEP_NOTICES).collect()
    }

    fn commit_some(&mut self, notices: Vec<Notice>) -> Option<RoomEvent> {
        (!notices.is_empty()).then(|| self.commit(notices))
    }
}
