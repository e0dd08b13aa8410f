//! The protocol's notifications, written once for all who hear them.

mod media;

pub(crate) use media::{ActiveSpeaker, active_speakers, stream_layers, stream_paused};

use crate::lists::Pub;
use model::{Notice, RoomId, StreamId, User, UserId};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

#[derive(Serialize)]
struct PeerJoin<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    /// The same as `signalid`, for older clients.
    bizid: &'a str,
    signalid: &'a str,
}

/// Of `peer-leave` and `peer-kick`.
#[derive(Serialize)]
struct Peer<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
}

#[derive(Serialize)]
struct StreamRemove<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    mid: &'a str,
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
}

#[derive(Serialize)]
struct StreamMove<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    mid: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Broadcast<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    data: &'a RawValue,
}

/// The frame for one fact of a room. `None` for a fact that nobody is told, or
/// where a text that the model calls JSON is none.
pub(crate) fn frame(rid: &RoomId, notice: &Notice) -> Option<Utf8Bytes> {
    match notice {
        Notice::PeerJoin(user) => peer_join(rid, user),
        Notice::PeerLeave { uid } => written("peer-leave", &Peer { rid, uid }),
        Notice::StreamAdd(stream) => written("stream-add", &Pub::new(rid, stream)?),
        Notice::StreamRemove { uid, mid, .. } => {
            written("stream-remove", &StreamRemove { rid, uid, mid: mid.as_str() })
        }
        Notice::Broadcast { uid, data } => {
            let data = serde_json::from_str(data.as_str()).ok()?;
            written("broadcast", &Broadcast { rid, uid, data })
        }
        Notice::PeerKick { uid, .. } => written("peer-kick", &Peer { rid, uid }),
        Notice::PeerMove { .. } => None,
    }
}

/// The frame that tells a client of its end in a room.
pub(crate) fn peer_kick(rid: &RoomId, uid: &UserId) -> Utf8Bytes {
    written("peer-kick", &Peer { rid, uid }).unwrap_or_default()
}

/// The frame that tells a client to go on through another signalling node.
pub(crate) fn reconnect() -> Utf8Bytes {
    written("reconnect", &Reason { reason: "drain" }).unwrap_or_default()
}

/// The frame that tells a publisher to publish again, at another SFU.
pub(crate) fn stream_move(rid: &RoomId, uid: &UserId, mid: &StreamId) -> Utf8Bytes {
    let data = StreamMove { rid, uid, mid: mid.as_str(), reason: "drain" };
    written("stream-move", &data).unwrap_or_default()
}

fn peer_join(rid: &RoomId, user: &User) -> Option<Utf8Bytes> {
    let signal = user.owner.signal.as_str();
    written("peer-join", &PeerJoin { rid, uid: &user.uid, bizid: signal, signalid: signal })
}

fn written(method: &'static str, data: &impl Serialize) -> Option<Utf8Bytes> {
    match protoo::notification(method, data) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(method, %error, "a notification could not be written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{frame, peer_kick, reconnect, stream_move};
    use model::{JsonText, MediaInfo, NodeId, Notice, Owner, RoomId, Stream, StreamId, User, UserId};

    fn user() -> User {
        let signal = NodeId::parse("signal-1").unwrap();
        let owner = Owner { signal, connection: 7 };
        User { uid: UserId::parse("al \"ice").unwrap(), owner, since: 1 }
    }

    fn written(notice: &Notice) -> String {
        frame(&RoomId::parse("r").unwrap(), notice).unwrap().to_string()
    }

    #[test]
    fn every_notification_looks_as_the_protocol_writes_it() {
        let (user, mid) = (user(), StreamId::parse("m#1").unwrap());
        let uid = user.uid.clone();
        assert_eq!(
            written(&Notice::PeerJoin(user)),
            r#"{"notification":true,"method":"peer-join","data":{"rid":"r","uid":"al \"ice","bizid":"signal-1","signalid":"signal-1"}}"#
        );
        assert_eq!(
            written(&Notice::PeerLeave { uid: uid.clone() }),
            r#"{"notification":true,"method":"peer-leave","data":{"rid":"r","uid":"al \"ice"}}"#
        );
        assert_eq!(
            written(&Notice::StreamRemove { uid: uid.clone(), mid: mid.clone(), by_server: true }),
            r#"{"notification":true,"method":"stream-remove","data":{"rid":"r","uid":"al \"ice","mid":"m#1"}}"#
        );
        assert_eq!(reconnect(), r#"{"notification":true,"method":"reconnect","data":{"reason":"drain"}}"#);
        assert_eq!(
            stream_move(&RoomId::parse("r").unwrap(), &uid, &mid),
            r#"{"notification":true,"method":"stream-move","data":{"rid":"r","uid":"al \"ice","mid":"m#1","reason":"drain"}}"#
        );
        let sfu = NodeId::parse("sfu-1").unwrap();
        let info =
            MediaInfo::parse(r#"{ "audio":true,"video":false,"audiotype":1,"videotype":0,"x":1.0}"#).unwrap();
        assert_eq!(
            written(&Notice::StreamAdd(Stream { mid, uid: uid.clone(), sfu, info })),
            r#"{"notification":true,"method":"stream-add","data":{"rid":"r","uid":"al \"ice","mid":"m#1","sfuid":"sfu-1","minfo":{ "audio":true,"video":false,"audiotype":1,"videotype":0,"x":1.0}}}"#
        );
        assert_eq!(
            peer_kick(&RoomId::parse("r").unwrap(), &uid),
            r#"{"notification":true,"method":"peer-kick","data":{"rid":"r","uid":"al \"ice"}}"#
        );
    }

    #[test]
    fn what_is_said_is_handed_on_byte_for_byte() {
        for data in ["null", "1.50", r#"{ "a" : [ "\ud800" ] }"#, "\"\\u0041\""] {
            let notice = Notice::Broadcast { uid: user().uid, data: JsonText::parse(data).unwrap() };
            let expected = format!(
                r#"{{"notification":true,"method":"broadcast","data":{{"rid":"r","uid":"al \"ice","data":{data}}}}}"#
            );
            assert_eq!(written(&notice), expected);
        }
    }
}
