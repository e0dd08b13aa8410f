//! What must have happened between two states of a room.

use super::RoomView;
use crate::{Notice, RoomState, User, UserId};

/// What must have happened between two states of a room, in the protocol's order. Nothing where the
/// later one is not later.
#[must_use]
pub fn difference(earlier: &RoomState, later: &RoomState) -> Vec<Notice> {
    RoomView::new(earlier).reset(later)
}

impl RoomView {
    /// Removed streams, users who left, users who came, kicks, moves, new streams: in this order every
    /// stream goes before its user and comes after.
    pub(super) fn to(&self, later: &Self) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.removed_streams(later, &mut notices);
        let left = self.users.keys().filter(|uid| !self.stayed(uid, later));
        notices.extend(left.map(|uid| Notice::PeerLeave { uid: uid.clone() }));
        for user in later.users() {
            notices.extend(self.came(user, later));
        }
        let added = later.streams.values().filter(|stream| !self.continues(stream, later));
        notices.extend(added.map(|stream| Notice::StreamAdd(stream.clone())));
        notices
    }

    /// What made a user of the later state what they are there.
    fn came(&self, user: User, later: &Self) -> Vec<Notice> {
        let from = self.owner(&user.uid).filter(|owner| **owner != user.owner).cloned();
        if self.stayed(&user.uid, later) {
            return from.map(|from| Notice::PeerMove { user, from }).into_iter().collect();
        }
        let uid = user.uid.clone();
        let mut notices = vec![Notice::PeerJoin(user)];
        notices.extend(from.map(|owner| Notice::PeerKick { uid, owner }));
        notices
    }

    fn removed_streams(&self, later: &Self, notices: &mut Vec<Notice>) {
        for stream in self.streams.values().filter(|stream| !self.continues(stream, later)) {
            notices.push(Notice::StreamRemove {
                uid: stream.uid.clone(),
                mid: stream.mid.clone(),
                by_server: self.stayed(&stream.uid, later),
            });
        }
    }

    /// Whether a stream of one of the states is the same in both, its publisher's stay too.
    fn continues(&self, stream: &crate::Stream, later: &Self) -> bool {
        self.streams.get(&stream.mid) == later.streams.get(&stream.mid) && self.stayed(&stream.uid, later)
    }

    /// Whether a user is in both states without having left in between.
    fn stayed(&self, uid: &UserId, later: &Self) -> bool {
        let since = |view: &Self| view.users.get(uid).map(|stay| stay.since);
        since(self).is_some() && since(self) == since(later)
    }
}
