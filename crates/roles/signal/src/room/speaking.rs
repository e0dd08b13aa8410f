//! Who speaks in a room: heard from the SFUs and from the other nodes, told to the members and to the other nodes.

use super::Room;
use crate::{
    notice::{ActiveSpeaker, active_speakers},
    session::Session,
};
use cluster::Events;
use model::{RoomState, Speaker, Speakers, SpeakersOfNode, StreamId, UserId};
use std::{sync::LazyLock, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often is looked who speaks, while anybody does: so late is a change told at the most, and so often do members
/// hear of changes.
const LOOK: Duration = Duration::from_millis(250);

/// How often the other nodes are told of the same speakers, whose levels change all the time. A quarter of the time after
/// which they take them for silent.
const SAY_AGAIN: Duration = Duration::from_millis(model::speakers::LIFETIME_MS / 4);

/// Milliseconds since this process first asked.
fn now() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Room {
    /// Somebody speaks in a stream of one of the members, or no longer does.
    pub(crate) fn speaks(&self, mid: &StreamId, level: Option<i8>) {
        self.hear(|speakers| speakers.hear(now(), &self.node, mid, level));
    }

    /// What another node says of those who are in the room through it. What this node said itself comes back, too.
    pub(super) fn others_speak(&self, said: &SpeakersOfNode) {
        if said.node != self.node {
            self.hear(|speakers| speakers.hear_all(now(), said));
        }
    }

    fn hear(&self, hear: impl FnOnce(&mut Speakers)) {
        let mut inner = self.inner.lock();
        let was_quiet = inner.speakers.is_quiet();
        hear(&mut inner.speakers);
        if was_quiet && !inner.speakers.is_quiet() {
            self.spoken.notify_one();
        }
    }

    fn is_quiet(&self) -> bool {
        self.inner.lock().speakers.is_quiet()
    }

    /// Tells the members who speaks, where that is to be told now.
    fn tell_speakers(&self) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(view) = &inner.view else { return };
        // A stream that has ended, or that the members have not heard of, does not count.
        let Some(list) = inner.speakers.look(now(), |mid| view.stream(mid).is_some()) else { return };
        let uid = |mid: &StreamId| view.stream(mid).map(|stream| stream.uid.clone());
        let frame = active_speakers(&self.rid, &active(&list, uid));
        inner.members.sessions().for_each(|session| session.outbox.notify(frame.clone()));
    }

    /// Tells a new member who speaks, where anybody does.
    pub(super) fn greet(&self, speakers: &Speakers, state: &RoomState, session: &Session) {
        let of = |mid: &StreamId| state.streams.iter().find(|stream| stream.mid == *mid);
        let list = active(speakers.told(), |mid| of(mid).map(|stream| stream.uid.clone()));
        if !list.is_empty() {
            session.outbox.notify(active_speakers(&self.rid, &list));
        }
    }

    /// What the other nodes are to hear, where there are any in the room.
    fn own_speakers(&self) -> Option<SpeakersOfNode> {
        let inner = self.inner.lock();
        let elsewhere = inner.view.as_ref()?.signals().any(|signal| *signal != self.node);
        elsewhere.then(|| inner.speakers.of(now(), &self.node))
    }
}

fn active(list: &[Speaker], uid: impl Fn(&StreamId) -> Option<UserId>) -> Vec<ActiveSpeaker> {
    let active = |speaker: &Speaker| {
        Some(ActiveSpeaker { uid: uid(&speaker.mid)?, mid: speaker.mid.clone(), level: speaker.level })
    };
    list.iter().filter_map(active).collect()
}

/// Tells members and other nodes, for ever.
pub(super) async fn run(room: &Room, events: &dyn Events) {
    loop {
        room.spoken.notified().await;
        let mut said = Said::default();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            room.tell_speakers();
            if let Some(speakers) = room.own_speakers().filter(|speakers| said.is_due(speakers)) {
                // Lost is lost: it is said again soon, or forgotten there.
                if let Err(error) = events.speak(&room.rid, &speakers).await {
                    tracing::debug!(rid = ?room.rid, %error, "the other nodes do not hear who speaks");
                }
                said.note(&speakers);
            }
            if room.is_quiet() {
                break;
            }
        }
    }
}

/// What the other nodes were told last.
#[derive(Default)]
struct Said(Option<(Vec<StreamId>, Instant)>);

impl Said {
    fn is_due(&self, speakers: &SpeakersOfNode) -> bool {
        match &self.0 {
            None => !speakers.speakers.is_empty(),
            Some((before, at)) if same(before, speakers) => !before.is_empty() && at.elapsed() >= SAY_AGAIN,
            Some(_) => true,
        }
    }

    fn note(&mut self, speakers: &SpeakersOfNode) {
        let mids = speakers.speakers.iter().map(|speaker| speaker.mid.clone()).collect();
        self.0 = Some((mids, Instant::now()));
    }
}

/// Whether these speak, in any order.
fn same(before: &[StreamId], now: &SpeakersOfNode) -> bool {
    before.len() == now.speakers.len() && now.speakers.iter().all(|speaker| before.contains(&speaker.mid))
}

#[cfg(test)]
mod tests;
