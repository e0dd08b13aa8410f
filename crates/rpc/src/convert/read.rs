//! From the wire to the model.

use model::{Notice, RoomEvent, RoomState, Stream, User};

use super::field::{
    InvalidField, connection_owner, json, media_info, node_id, present, room_id, stream_id, user_id,
};
use crate::proto;
use crate::proto::notice::Kind;

impl TryFrom<proto::User> for User {
    type Error = InvalidField;

    fn try_from(user: proto::User) -> Result<Self, InvalidField> {
        Ok(Self { uid: user_id(&user.uid)?, owner: connection_owner(user.owner)?, since: user.since })
    }
}

impl TryFrom<proto::Stream> for Stream {
    type Error = InvalidField;

    fn try_from(stream: proto::Stream) -> Result<Self, InvalidField> {
        Ok(Self {
            mid: stream_id(&stream.mid)?,
            uid: user_id(&stream.uid)?,
            sfu: node_id(&stream.sfu_id, "sfu_id")?,
            info: media_info(&stream.minfo_json)?,
        })
    }
}

impl TryFrom<proto::Notice> for Notice {
    type Error = InvalidField;

    fn try_from(notice: proto::Notice) -> Result<Self, InvalidField> {
        Ok(match present(notice.kind, "notice.kind")? {
            Kind::PeerJoin(join) => Self::PeerJoin(present(join.user, "user")?.try_into()?),
            Kind::PeerLeave(leave) => Self::PeerLeave { uid: user_id(&leave.uid)? },
            Kind::StreamAdd(add) => Self::StreamAdd(present(add.stream, "stream")?.try_into()?),
            Kind::StreamRemove(remove) => Self::StreamRemove {
                uid: user_id(&remove.uid)?,
                mid: stream_id(&remove.mid)?,
                by_server: remove.by_server,
            },
            Kind::Broadcast(broadcast) => {
                Self::Broadcast { uid: user_id(&broadcast.uid)?, data: json(&broadcast.data_json)? }
            }
            Kind::PeerMove(moved) => Self::PeerMove {
                user: present(moved.user, "user")?.try_into()?,
                from: connection_owner(moved.from)?,
            },
            Kind::PeerKick(kick) => {
                Self::PeerKick { uid: user_id(&kick.uid)?, owner: connection_owner(kick.owner)? }
            }
        })
    }
}

impl TryFrom<proto::RoomEvent> for RoomEvent {
    type Error = InvalidField;

    fn try_from(event: proto::RoomEvent) -> Result<Self, InvalidField> {
        Ok(Self {
            rid: room_id(&event.rid)?,
            version: event.version,
            notices: event.notices.into_iter().map(Notice::try_from).collect::<Result<_, _>>()?,
            emptied: event.emptied,
        })
    }
}

impl TryFrom<proto::RoomState> for RoomState {
    type Error = InvalidField;

    fn try_from(state: proto::RoomState) -> Result<Self, InvalidField> {
        Ok(Self {
            version: state.version,
            users: state.users.into_iter().map(User::try_from).collect::<Result<_, _>>()?,
            streams: state.streams.into_iter().map(Stream::try_from).collect::<Result<_, _>>()?,
        })
    }
}

/// What came after a version: an answer without either is invalid.
impl TryFrom<proto::EventsSinceReply> for model::EventsSince {
    type Error = InvalidField;

    fn try_from(reply: proto::EventsSinceReply) -> Result<Self, InvalidField> {
        use proto::events_since_reply::Found;
        Ok(match present(reply.found, "found")? {
            Found::Events(found) => {
                Self::Events(found.events.into_iter().map(RoomEvent::try_from).collect::<Result<_, _>>()?)
            }
            Found::Room(state) => Self::Snapshot(state.try_into()?),
        })
    }
}
