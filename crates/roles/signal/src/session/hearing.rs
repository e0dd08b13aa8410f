//! What SFUs tell of a connection's media, told on to the client.
//!
//! While a request is under way it waits: the client must know of a stream or a subscription before it hears of it, and
//! what a connection goes on with is its own only after the join.

use super::Session;
use crate::{notice, room::Room};
use model::{MediaFact, MediaNotice};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};

/// Notices that wait for the end of a request: one for each subscription that a connection goes on with, and some.
/// Overflow: the oldest is dropped.
const WAITING: usize = 4096;

/// Where notices wait, while they do.
#[derive(Debug, Default)]
pub(crate) struct Hearing(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// A request is under way.
    busy: bool,
    notices: VecDeque<MediaNotice>,
}

impl Hearing {
    /// From now on notices wait, until [`Session::hear_what_waited`].
    pub(crate) fn wait(&self) {
        self.0.lock().busy = true;
    }
}

impl Session {
    /// The request is over.
    pub(crate) fn hear_what_waited(&self) {
        let mut waiting = self.hearing.0.lock();
        waiting.busy = false;
        let notices = std::mem::take(&mut waiting.notices);
        // Still locked: what comes now comes after these.
        notices.iter().for_each(|notice| self.tell(notice));
    }

    /// An SFU tells something of what this connection has, or had, or is about to have.
    pub(crate) fn hear(&self, notice: MediaNotice) {
        let mut waiting = self.hearing.0.lock();
        if !waiting.busy {
            return self.tell(&notice);
        }
        if waiting.notices.len() >= WAITING {
            waiting.notices.pop_front();
        }
        waiting.notices.push_back(notice);
    }

    /// The room in which somebody speaks, where the stream is this connection's.
    pub(crate) fn speaks_in(&self, notice: &MediaNotice) -> Option<Arc<Room>> {
        let holdings = self.holdings.lock();
        let held = holdings.get(&notice.rid).filter(|held| !held.handed_over)?;
        held.published.contains_key(&notice.mid).then(|| held.lease.room())
    }

    /// Tells the client, where it does not know.
    fn tell(&self, notice: &MediaNotice) {
        let MediaNotice { rid, mid, uid, fact, .. } = notice;
        let mut holdings = self.holdings.lock();
        let Some(held) = holdings.get_mut(rid).filter(|held| !held.handed_over) else { return };
        match fact {
            MediaFact::Layers(layers) => {
                let published = held.published.get_mut(mid);
                if let Some(published) = published.filter(|published| published.layers != *layers) {
                    published.layers.clone_from(layers);
                    self.outbox.notify(notice::stream_layers(rid, uid, mid, layers));
                }
            }
            MediaFact::Paused { sid, paused } => {
                let at = held.subscriptions.get_mut(sid);
                if let Some(at) = at.filter(|at| at.mid == *mid && at.paused != Some(*paused)) {
                    at.paused = Some(*paused);
                    self.outbox.notify(notice::stream_paused(rid, uid, mid, sid, *paused));
                }
            }
            MediaFact::Speaking(_) => {}
        }
    }
}
