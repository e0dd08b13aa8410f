//! Who hears what. Each notification is written once, however many hear it.

use super::members::{Member, Members};
use crate::{notice, session::Session};
use model::{Notice, RoomId, RoomView};
use std::slice;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Tells all members who have not heard of this version.
pub(super) fn tell(rid: &RoomId, members: &mut Members, version: u64, notices: &[Notice]) {
    let mut news: Vec<News<'_>> = notices.iter().map(News::new).collect();
    for member in members.before(version) {
        for one in &mut news {
            one.tell(rid, member);
        }
    }
}

/// Tells one member.
pub(super) fn tell_one(rid: &RoomId, member: &mut Member, notices: &[Notice]) {
    for notice in notices {
        News::new(notice).tell(rid, member);
    }
}

/// Tells a publisher which of its streams the view should have and does not.
pub(super) fn tell_what_ended(rid: &RoomId, view: &RoomView, session: &Session) {
    let mut holdings = session.holdings.lock();
    let Some(held) = holdings.get_mut(rid).filter(|held| !held.handed_over) else { return };
    held.published.retain(|mid, published| {
        let known = published.added != 0 && published.added <= view.version();
        if !known || view.stream(mid).is_some() {
            return true;
        }
        let ended = Notice::StreamRemove { uid: session.uid.clone(), mid: mid.clone(), by_server: true };
        if let Some(frame) = notice::frame(rid, &ended) {
            session.outbox.notify(frame);
        }
        false
    });
}

/// A fact, and its frame once somebody needs it.
struct News<'a> {
    notice: &'a Notice,
    frame: Option<Utf8Bytes>,
}

impl<'a> News<'a> {
    fn new(notice: &'a Notice) -> Self {
        Self { notice, frame: None }
    }

    fn tell(&mut self, rid: &RoomId, member: &mut Member) {
        if member.handed_over {
            return;
        }
        let session = &member.session;
        if let Notice::PeerKick { owner, .. } = self.notice {
            if *owner == session.owner {
                session.kick(slice::from_ref(rid));
            }
        } else if let Notice::PeerMove { from, .. } = self.notice {
            if *from == session.owner {
                session.hand_over(rid);
                member.handed_over = true;
            }
        } else if self.is_for(rid, member) {
            if self.frame.is_none() {
                self.frame = notice::frame(rid, self.notice);
            }
            if let Some(frame) = &self.frame {
                session.outbox.notify(frame.clone());
            }
        }
    }

    /// Everybody but the one who caused it. Of a stream that the server ended,
    /// the publisher hears too, unless they ended it themselves meanwhile.
    fn is_for(&self, rid: &RoomId, member: &Member) -> bool {
        let session = &member.session;
        if *self.notice.uid() != session.uid {
            return true;
        }
        let Notice::StreamRemove { mid, by_server: true, .. } = self.notice else { return false };
        let mut holdings = session.holdings.lock();
        holdings.get_mut(rid).is_some_and(|held| held.published.remove(mid).is_some())
    }
}
