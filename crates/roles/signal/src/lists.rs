//! The lists of users and streams, as `join`, `getusers` and `getpubs` answer them.

use crate::method::Resumed;
use model::{RoomId, RoomState, Stream, User, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

/// A room at one version, without the one who asked.
#[derive(Serialize)]
pub(crate) struct Lists<'a> {
    users: Vec<Peer<'a>>,
    pubs: Vec<Pub<'a>>,
    /// For a client that came back: what of its own lives on.
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed: Option<&'a Resumed>,
}

/// Of [`Lists`], the users alone.
#[derive(Serialize)]
pub(crate) struct Users<'a> {
    users: Vec<Peer<'a>>,
}

/// Of [`Lists`], the streams alone.
#[derive(Serialize)]
pub(crate) struct Pubs<'a> {
    pubs: Vec<Pub<'a>>,
}

#[derive(Serialize)]
struct Peer<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    signalid: &'a str,
}

/// A published stream: an entry of a list, and the data of `stream-add`.
#[derive(Serialize)]
pub(crate) struct Pub<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    mid: &'a str,
    sfuid: &'a str,
    minfo: &'a RawValue,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(rid: &'a RoomId, state: &'a RoomState, asker: &UserId) -> Self {
        let others = state.users.iter().filter(|user| user.uid != *asker);
        let theirs = state.streams.iter().filter(|stream| stream.uid != *asker);
        Self {
            users: others.map(|user| Peer::new(rid, user)).collect(),
            pubs: theirs.filter_map(|stream| Pub::new(rid, stream)).collect(),
            resumed: None,
        }
    }

    pub(crate) fn with_resumed(self, resumed: Option<&'a Resumed>) -> Self {
        Self { resumed, ..self }
    }

    pub(crate) fn users(self) -> Users<'a> {
        Users { users: self.users }
    }

    pub(crate) fn pubs(self) -> Pubs<'a> {
        Pubs { pubs: self.pubs }
    }
}

impl<'a> Peer<'a> {
    fn new(rid: &'a RoomId, user: &'a User) -> Self {
        Self { rid, uid: &user.uid, signalid: user.owner.signal.as_str() }
    }
}

impl<'a> Pub<'a> {
    /// `None` only where media info, which is JSON, is none.
    pub(crate) fn new(rid: &'a RoomId, stream: &'a Stream) -> Option<Self> {
        let minfo = serde_json::from_str(stream.info.as_str()).ok()?;
        let (mid, sfuid) = (stream.mid.as_str(), stream.sfu.as_str());
        Some(Self { rid, uid: &stream.uid, mid, sfuid, minfo })
    }
}
