//! Hands a room's events to those of its members who are connected here.
//!
//! A room is known here while a connection of this node is in it, or is about to
//! be. It listens to the room's events before the first member joins, so that
//! nothing is missed, and keeps a [`RoomView`] by which every event is let
//! through once and in order.
//!
//! Locks: the hub's before a room's, a room's before a session's, and none
//! across an await.

mod fan_out;
mod hub;
mod listener;
mod members;
mod speaking;

pub(crate) use hub::{Lease, Rooms};
pub(crate) use members::Admitted;

use crate::{refusal::Refusal, session::Session};
use members::Members;
use model::{
    Applied, ErrorCode, NodeId, Notice, RoomEvent, RoomId, RoomState, RoomView, Speakers, StreamId, UserId,
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How long the next event may take to arrive by itself before the register is
/// asked for it.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// One room, as this node sees it.
pub(crate) struct Room {
    rid: RoomId,
    /// This node.
    node: NodeId,
    inner: Mutex<Inner>,
    /// The view's version; 0 while there is none.
    version: watch::Sender<u64>,
    /// Something says that the room is further than the view.
    behind: Notify,
    /// Somebody begins to speak.
    spoken: Notify,
    /// Whether the events are listened to.
    listening: watch::Sender<bool>,
    /// Cancelled when nobody here is in the room any more.
    gone: CancellationToken,
}

#[derive(Default)]
struct Inner {
    /// There while there are members.
    view: Option<RoomView>,
    members: Members,
    /// The highest version that anybody spoke of, kept when the last member goes:
    /// the next one may join with a state from before it.
    expected: u64,
    speakers: Speakers,
}

impl Inner {
    fn is_behind(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.version() < self.expected)
    }
}

impl Room {
    fn new(rid: RoomId, node: NodeId) -> Self {
        Self {
            rid,
            node,
            inner: Mutex::default(),
            version: watch::Sender::new(0),
            behind: Notify::new(),
            spoken: Notify::new(),
            listening: watch::Sender::new(false),
            gone: CancellationToken::new(),
        }
    }

    /// Makes a connection a member, with the state that its join answered.
    /// `answer` is called before anything later than what it is given is
    /// delivered to the connection.
    pub(crate) fn admit(
        &self,
        session: &Arc<Session>,
        joined: RoomState,
        answer: impl FnOnce(&RoomState),
    ) -> Admitted {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let view = inner.view.get_or_insert_with(|| RoomView::new(&joined));
        self.version.send_replace(view.version());
        inner.expected = inner.expected.max(joined.version);
        if view.version() < inner.expected {
            self.behind.notify_one();
        }
        if view.version() < joined.version {
            // Others have events to hear first; this one knows them already.
            answer(&joined);
            self.greet(&inner.speakers, &joined, session);
            inner.members.add(session, joined.version, Some(joined));
            return Admitted::Member;
        }
        if view.version() > joined.version && view.owner(&session.uid) != Some(&session.owner) {
            // Somebody took over between the join and now.
            answer(&joined);
            return Admitted::Replaced;
        }
        let state = if view.version() == joined.version { joined } else { view.state() };
        answer(&state);
        self.greet(&inner.speakers, &state, session);
        inner.members.add(session, state.version, None);
        Admitted::Member
    }

    /// Calls `answer` with the room as the members here were told of it.
    ///
    /// # Errors
    /// Where the view could not be brought up to `version` in time, and where another connection has taken the
    /// room over from this one by then.
    pub(crate) async fn answer_at(
        &self,
        session: &Session,
        version: u64,
        deadline: tokio::time::Instant,
        answer: impl FnOnce(&RoomState),
    ) -> Result<(), Refusal> {
        self.expect(version);
        let mut versions = self.version.subscribe();
        let arrived = tokio::time::timeout_at(deadline, versions.wait_for(|have| *have >= version)).await;
        let behind = || Refusal::plain(ErrorCode::RegisterSilent);
        if !matches!(arrived, Ok(Ok(_))) {
            return Err(behind());
        }
        drop(arrived);
        let inner = self.inner.lock();
        let view = inner.view.as_ref().ok_or_else(behind)?;
        if !inner.members.hears(session) {
            return Err(Refusal::plain(ErrorCode::NotJoined));
        }
        answer(&view.state());
        Ok(())
    }

    /// Takes a connection out: it hears nothing more of the room.
    pub(crate) fn dismiss(&self, session: &Session) {
        self.dismiss_with(session, || {});
    }

    /// The same, and calls `answer` right after the last that it hears.
    pub(crate) fn dismiss_with(&self, session: &Session, answer: impl FnOnce()) {
        let mut inner = self.inner.lock();
        inner.members.remove(session);
        if inner.members.is_empty() {
            inner.view = None;
            inner.speakers = Speakers::default();
            self.version.send_replace(0);
        }
        answer();
    }

    /// The room has this version: if its event does not arrive soon, it is asked for.
    pub(crate) fn expect(&self, version: u64) {
        let mut inner = self.inner.lock();
        inner.expected = inner.expected.max(version);
        if inner.is_behind() {
            self.behind.notify_one();
        }
    }

    /// Whether the room has this stream, as far as it is known here.
    pub(crate) fn has_stream(&self, mid: &StreamId) -> bool {
        self.inner.lock().view.as_ref().is_some_and(|view| view.stream(mid).is_some())
    }

    /// Whether it is another user's, as far as is known here: of one's own that ended, this may be behind.
    pub(crate) fn has_stream_of_others(&self, mid: &StreamId, own: &UserId) -> bool {
        let inner = self.inner.lock();
        inner.view.as_ref().and_then(|view| view.stream(mid)).is_some_and(|stream| stream.uid != *own)
    }

    /// Whether somebody spoke of a later version than the view's.
    fn is_behind(&self) -> bool {
        self.inner.lock().is_behind()
    }

    /// The view's version, where there is somebody to deliver to.
    fn have(&self) -> Option<u64> {
        self.inner.lock().view.as_ref().map(RoomView::version)
    }

    /// Takes an event that arrived. False where one before it is missing.
    fn deliver(&self, event: &RoomEvent) -> bool {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        inner.expected = inner.expected.max(event.version);
        let Some(view) = &mut inner.view else { return true };
        match view.apply(event) {
            Applied::Deliver(notices) => self.tell(&mut inner.members, event.version, &notices),
            Applied::Stale => {}
            Applied::Gap { .. } => return false,
        }
        true
    }

    /// Takes the room's state, where events are no longer to be had.
    fn reset(&self, state: &RoomState) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(view) = &mut inner.view else { return };
        if view.version() >= state.version {
            return;
        }
        let notices = view.reset(state);
        inner.members.tell_ahead(&self.rid, state);
        self.tell(&mut inner.members, state.version, &notices);
        for session in inner.members.sessions() {
            fan_out::tell_what_ended(&self.rid, view, session);
        }
    }

    /// Tells a connection which of its streams the room had, and has no more. An event would have told it,
    /// but where a view jumps to a state, what came and went in between leaves no trace.
    pub(crate) fn tell_what_ended(&self, session: &Session) {
        let inner = self.inner.lock();
        if let Some(view) = &inner.view {
            fan_out::tell_what_ended(&self.rid, view, session);
        }
    }

    fn tell(&self, members: &mut Members, version: u64, notices: &[Notice]) {
        fan_out::tell(&self.rid, members, version, notices);
        self.version.send_replace(version);
    }
}

#[cfg(test)]
mod tests;
