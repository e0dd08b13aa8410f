//! From the model to the wire.

use model::{EventsSince, Notice, Owner, RoomEvent, RoomState, Stream, User};

use crate::proto;
use crate::proto::events_since_reply::{Events, Found};
use crate::proto::notice::Kind;

impl From<&Owner> for proto::Owner {
    fn from(owner: &Owner) -> Self {
        Self { signal_id: owner.signal.to_string(), connection: owner.connection }
    }
}

impl From<&User> for proto::User {
    fn from(user: &User) -> Self {
        Self { uid: user.uid.to_string(), owner: Some((&user.owner).into()), since: user.since }
    }
}

impl From<&Stream> for proto::Stream {
    fn from(stream: &Stream) -> Self {
        Self {
            mid: stream.mid.to_string(),
            uid: stream.uid.to_string(),
            sfu_id: stream.sfu.to_string(),
            minfo_json: stream.info.as_str().to_owned(),
        }
    }
}

impl From<&Notice> for proto::Notice {
    fn from(notice: &Notice) -> Self {
        let kind = match notice {
            Notice::PeerJoin(user) => Kind::PeerJoin(proto::PeerJoin { user: Some(user.into()) }),
            Notice::PeerLeave { uid } => Kind::PeerLeave(proto::PeerLeave { uid: uid.to_string() }),
            Notice::StreamAdd(stream) => Kind::StreamAdd(proto::StreamAdd { stream: Some(stream.into()) }),
            Notice::StreamRemove { uid, mid, by_server } => Kind::StreamRemove(proto::StreamRemove {
                uid: uid.to_string(),
                mid: mid.to_string(),
                by_server: *by_server,
            }),
            Notice::Broadcast { uid, data } => Kind::Broadcast(proto::Broadcast {
                uid: uid.to_string(),
                data_json: data.as_str().to_owned(),
            }),
            Notice::PeerMove { user, from } => {
                Kind::PeerMove(proto::PeerMove { user: Some(user.into()), from: Some(from.into()) })
            }
            Notice::PeerKick { uid, owner } => {
                Kind::PeerKick(proto::PeerKick { uid: uid.to_string(), owner: Some(owner.into()) })
            }
        };
        Self { kind: Some(kind) }
    }
}

impl From<&RoomEvent> for proto::RoomEvent {
    fn from(event: &RoomEvent) -> Self {
        Self {
            rid: event.rid.to_string(),
            version: event.version,
            notices: event.notices.iter().map(Into::into).collect(),
            emptied: event.emptied,
        }
    }
}

impl From<&RoomState> for proto::RoomState {
    fn from(state: &RoomState) -> Self {
        Self {
            version: state.version,
            users: state.users.iter().map(Into::into).collect(),
            streams: state.streams.iter().map(Into::into).collect(),
        }
    }
}

impl From<&EventsSince> for proto::EventsSinceReply {
    fn from(since: &EventsSince) -> Self {
        let found = match since {
            EventsSince::Events(events) => {
                Found::Events(Events { events: events.iter().map(Into::into).collect() })
            }
            EventsSince::Snapshot(state) => Found::Room(state.into()),
        };
        Self { found: Some(found) }
    }
}
