//! What is told of a room's event, and as what.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use model::{Notice, RoomEvent, RoomId, StreamId, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

/// What keeping a happening costs beside its body.
const OVERHEAD: usize = 128;

/// One thing that happened, as it is sent. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) id: String,
    /// What happened: `user-joined` and the like.
    pub(crate) event: &'static str,
    pub(crate) body: Bytes,
}

impl Happening {
    /// How much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        OVERHEAD + self.id.len() + self.body.len()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    event: &'static str,
    at: u64,
    rid: &'a RoomId,
    version: u64,
    #[serde(flatten)]
    about: About<'a>,
}

/// Who and what it is about.
#[derive(Serialize, Default)]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mid: Option<&'a StreamId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minfo: Option<&'a RawValue>,
}

/// What is to be told of an event, in the order in which it happened; `next_id` makes an id for each. Where it is not known
/// how many users are in the room afterwards, its beginning and its end are not told.
pub(crate) fn happenings(
    event: &RoomEvent,
    users_after: Option<usize>,
    next_id: impl Fn() -> String,
) -> Vec<Happening> {
    let told = event.notices.iter().filter_map(told);
    let began = begins(event, users_after).then(|| ("room-started", About::default()));
    let ended = ends(event, users_after).then(|| ("room-ended", About::default()));
    let at = now().as_millis().try_into().unwrap_or(u64::MAX);
    let make = |(name, about)| {
        let id = next_id();
        let body = Body { id: &id, event: name, at, rid: &event.rid, version: event.version, about };
        // Only maps with keys that are no text cannot be written.
        let body = serde_json::to_vec(&body).ok()?;
        Some(Happening { id, event: name, body: body.into() })
    };
    began.into_iter().chain(told).chain(ended).filter_map(make).collect()
}

/// The time since 1970.
pub(crate) fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn told(notice: &Notice) -> Option<(&'static str, About<'_>)> {
    let uid = Some(notice.uid());
    match notice {
        Notice::PeerJoin(_) => Some(("user-joined", About { uid, ..About::default() })),
        Notice::PeerLeave { .. } => Some(("user-left", About { uid, ..About::default() })),
        Notice::StreamAdd(stream) => {
            let minfo = serde_json::from_str(stream.info.as_str()).ok();
            Some(("stream-published", About { uid, mid: Some(&stream.mid), minfo }))
        }
        Notice::StreamRemove { mid, .. } => {
            Some(("stream-unpublished", About { uid, mid: Some(mid), ..About::default() }))
        }
        // What people say to each other is theirs; which connection speaks for whom concerns nobody outside.
        Notice::Broadcast { .. } | Notice::PeerMove { .. } | Notice::PeerKick { .. } => None,
    }
}

/// Whether the room was empty before.
fn begins(event: &RoomEvent, users_after: Option<usize>) -> bool {
    let (joins, leaves) = comings_and_goings(event);
    joins > 0 && users_after.is_some_and(|after| after + leaves == joins)
}

/// Whether the room is empty now, and was not before.
fn ends(event: &RoomEvent, users_after: Option<usize>) -> bool {
    let (joins, leaves) = comings_and_goings(event);
    leaves > joins && users_after == Some(0)
}

fn comings_and_goings(event: &RoomEvent) -> (usize, usize) {
    let count = |is: fn(&Notice) -> bool| event.notices.iter().filter(|notice| is(notice)).count();
    (
        count(|notice| matches!(notice, Notice::PeerJoin(_))),
        count(|notice| matches!(notice, Notice::PeerLeave { .. })),
    )
}

#[cfg(test)]
mod tests;
