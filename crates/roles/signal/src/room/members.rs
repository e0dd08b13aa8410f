//! The connections of this node that are in a room.

use super::fan_out;
use crate::session::Session;
use model::{RoomId, RoomState};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What became of a connection that joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It hears what happens from now on.
    Member,
    /// Another connection speaks for the user already.
    Replaced,
}

/// By connection number.
#[derive(Default)]
pub(super) struct Members(FxHashMap<u64, Member>);

pub(super) struct Member {
    pub(super) session: Arc<Session>,
    /// The version that its join answered: it hears what is later.
    pub(super) since: u64,
    /// The state that its join answered, while the view is behind that.
    ahead: Option<RoomState>,
    /// Another connection goes on for the user: this one hears nothing more of the room.
    pub(super) handed_over: bool,
}

impl Members {
    pub(super) fn add(&mut self, session: &Arc<Session>, since: u64, ahead: Option<RoomState>) {
        let member = Member { session: Arc::clone(session), since, ahead, handed_over: false };
        self.0.insert(session.owner.connection, member);
    }

    pub(super) fn remove(&mut self, session: &Session) {
        self.0.remove(&session.owner.connection);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a connection still hears of the room.
    pub(super) fn hears(&self, session: &Session) -> bool {
        self.0.get(&session.owner.connection).is_some_and(|member| !member.handed_over)
    }

    /// All who still hear of the room.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.0.values().filter(|member| !member.handed_over).map(|member| &*member.session)
    }

    /// Those who have not heard of this version.
    pub(super) fn before(&mut self, version: u64) -> impl Iterator<Item = &mut Member> {
        self.0.values_mut().filter_map(move |member| {
            if member.since >= version {
                return None;
            }
            member.ahead = None;
            Some(member)
        })
    }

    /// The view jumps to a state: those whose join was ahead of the view hear
    /// what happened since their join, and nothing of the jump.
    pub(super) fn tell_ahead(&mut self, rid: &RoomId, state: &RoomState) {
        for member in self.0.values_mut() {
            if member.since >= state.version {
                continue;
            }
            if let Some(joined) = member.ahead.take() {
                fan_out::tell_one(rid, member, &model::view::difference(&joined, state));
                member.since = state.version;
            }
        }
    }
}
