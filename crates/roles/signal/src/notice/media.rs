//! The notifications about media: what becomes of it, and who speaks.

use super::written;
use model::{LayerWanted, RoomId, StreamId, SubscriptionId, UserId};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

#[derive(Serialize)]
struct StreamLayers<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    mid: &'a str,
    layers: Vec<Layer<'a>>,
}

#[derive(Serialize)]
struct Layer<'a> {
    rid: &'a str,
    wanted: bool,
}

impl<'a> Layer<'a> {
    fn of(layer: &'a LayerWanted) -> Self {
        Self { rid: layer.rid.as_str(), wanted: layer.wanted }
    }
}

/// Of `stream-paused` and `stream-resumed`.
#[derive(Serialize)]
struct Pause<'a> {
    rid: &'a RoomId,
    uid: &'a UserId,
    mid: &'a str,
    sid: &'a str,
}

#[derive(Serialize)]
struct ActiveSpeakers<'a> {
    rid: &'a RoomId,
    speakers: &'a [ActiveSpeaker],
}

/// Somebody who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ActiveSpeaker {
    pub(crate) uid: UserId,
    pub(crate) mid: StreamId,
    /// In dBov.
    pub(crate) level: i8,
}

/// The frame that tells a publisher which of its layers anybody takes.
pub(crate) fn stream_layers(rid: &RoomId, uid: &UserId, mid: &StreamId, layers: &[LayerWanted]) -> Utf8Bytes {
    let data = StreamLayers { rid, uid, mid: mid.as_str(), layers: layers.iter().map(Layer::of).collect() };
    written("stream-layers", &data).unwrap_or_default()
}

/// The frame that tells a subscriber that its video has got no bandwidth, or has some again.
pub(crate) fn stream_paused(
    rid: &RoomId,
    uid: &UserId,
    mid: &StreamId,
    sid: &SubscriptionId,
    paused: bool,
) -> Utf8Bytes {
    let method = if paused { "stream-paused" } else { "stream-resumed" };
    written(method, &Pause { rid, uid, mid: mid.as_str(), sid: sid.as_str() }).unwrap_or_default()
}

/// The frame that tells a room who speaks, loudest first.
pub(crate) fn active_speakers(rid: &RoomId, speakers: &[ActiveSpeaker]) -> Utf8Bytes {
    written("active-speakers", &ActiveSpeakers { rid, speakers }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ActiveSpeaker, active_speakers, stream_layers, stream_paused};
    use model::{LayerName, LayerWanted, RoomId, StreamId, SubscriptionId, UserId};

    #[test]
    fn every_notification_looks_as_the_protocol_writes_it() {
        let (rid, uid) = (RoomId::parse("r").unwrap(), UserId::parse("al \"ice").unwrap());
        let (mid, sid) = (StreamId::parse("m#1").unwrap(), SubscriptionId::parse("s#2").unwrap());
        let layer = |name, wanted| LayerWanted { rid: LayerName::parse(name).unwrap(), wanted };
        assert_eq!(
            stream_layers(&rid, &uid, &mid, &[layer("q", true), layer("f", false)]),
            r#"{"notification":true,"method":"stream-layers","data":{"rid":"r","uid":"al \"ice","mid":"m#1","layers":[{"rid":"q","wanted":true},{"rid":"f","wanted":false}]}}"#
        );
        for (paused, method) in [(true, "stream-paused"), (false, "stream-resumed")] {
            assert_eq!(
                stream_paused(&rid, &uid, &mid, &sid, paused),
                format!(
                    r#"{{"notification":true,"method":"{method}","data":{{"rid":"r","uid":"al \"ice","mid":"m#1","sid":"s#2"}}}}"#
                )
            );
        }
        let speaker = ActiveSpeaker { uid, mid, level: -31 };
        assert_eq!(
            active_speakers(&rid, &[speaker]),
            r#"{"notification":true,"method":"active-speakers","data":{"rid":"r","speakers":[{"uid":"al \"ice","mid":"m#1","level":-31}]}}"#
        );
        assert_eq!(
            active_speakers(&rid, &[]),
            r#"{"notification":true,"method":"active-speakers","data":{"rid":"r","speakers":[]}}"#
        );
    }
}
