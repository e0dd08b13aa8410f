//! What must have happened between two states of a room.

use super::RoomView;
use crate::{Notice, RoomState, User};

/// What must have happened between two states of a room, in the protocol's order. Nothing where the
/// later one is not later.
#[must_use]
pub fn difference(earlier: &RoomState, later: &RoomState) -> Vec<Notice> {
    RoomView::new(earlier).reset(later)
}

impl RoomView {
    /// Removed streams, users who left, users who came, kicks, new streams: in this order every
    /// stream goes before its user and comes after.
    pub(super) fn to(&self, later: &Self) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.removed_streams(later, &mut notices);
        let left = self.users.iter().filter(|(uid, owner)| later.users.get(*uid) != Some(*owner));
        notices.extend(left.map(|(uid, _)| Notice::PeerLeave { uid: uid.clone() }));
        for (uid, owner) in &later.users {
            let before = self.users.get(uid);
            if before == Some(owner) {
                continue;
            }
            notices.push(Notice::PeerJoin(User { uid: uid.clone(), owner: owner.clone() }));
            if let Some(kicked) = before {
                notices.push(Notice::PeerKick { uid: uid.clone(), owner: kicked.clone() });
            }
        }
        let added = later.streams.values().filter(|stream| !self.continues(stream, later));
        notices.extend(added.map(|stream| Notice::StreamAdd(stream.clone())));
        notices
    }

    fn removed_streams(&self, later: &Self, notices: &mut Vec<Notice>) {
        for stream in self.streams.values() {
            let there = later.streams.get(&stream.mid) == Some(stream);
            if !there || !self.continues(stream, later) {
                notices.push(Notice::StreamRemove {
                    uid: stream.uid.clone(),
                    mid: stream.mid.clone(),
                    by_server: self.same_owner(stream, later),
                });
            }
        }
    }

    /// Whether a stream of one of the states is the same in both, its publisher's connection too.
    fn continues(&self, stream: &crate::Stream, later: &Self) -> bool {
        self.streams.get(&stream.mid) == later.streams.get(&stream.mid) && self.same_owner(stream, later)
    }

    fn same_owner(&self, stream: &crate::Stream, later: &Self) -> bool {
        let owner = self.users.get(&stream.uid);
        owner.is_some() && owner == later.users.get(&stream.uid)
    }
}
