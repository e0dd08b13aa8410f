//! Room events as compact JSON, for the bus: flat, so that a person can read them there.
//!
//! `{"v":"7","n":[["j",uid,signal,connection,since],["l",uid],["a",mid,uid,sfu,minfo],["r",uid,mid,1|0],
//! ["b",uid,data],["k",uid,signal,connection],["m",uid,signal,connection,since,from_signal,from_connection]]}`.
//! With `"e":1` the last user left. Numbers that need 64 bits are decimal texts, JSON inside is a text, and the room is named by the subject.
//! Who speaks in it is `{"s":signal,"l":[[mid,level],...]}`, which is no event.
//! Further members of an object or an array are left for later versions.

use model::{
    JsonText, MediaInfo, NodeId, Notice, Owner, RoomEvent, RoomId, Speaker, SpeakersOfNode, Stream, StreamId,
    User, UserId,
};
use serde_json::{Value, json};

/// The most facts in an event that is read: more than the largest change has, a full user's end.
const MAX_NOTICES: usize = 1024;

/// Why bytes are no event. Says what was wrong, and repeats nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room event: {0}")]
pub(crate) struct InvalidEvent(String);

fn wrong<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> InvalidEvent + '_ {
    move |why| InvalidEvent(format!("{what} {why}"))
}

/// The event, without its room.
pub(crate) fn encode_event(event: &RoomEvent) -> Vec<u8> {
    let notices: Vec<Value> = event.notices.iter().map(write).collect();
    let version = event.version.to_string();
    let value = match event.emptied {
        false => json!({ "v": version, "n": notices }),
        true => json!({ "v": version, "n": notices, "e": 1 }),
    };
    value.to_string().into_bytes()
}

/// Says that a room has come to a version, and not how: to who listens, an event that it missed.
pub(crate) fn encode_version(event: &RoomEvent) -> Vec<u8> {
    json!({ "v": event.version.to_string() }).to_string().into_bytes()
}

/// Reads the event of a room.
pub(crate) fn decode_event(rid: &RoomId, bytes: &[u8]) -> Result<RoomEvent, InvalidEvent> {
    let value: Value = serde_json::from_slice(bytes).map_err(wrong("JSON:"))?;
    let version = number("v", value.get("v"))?;
    let Some(Value::Array(notices)) = value.get("n") else {
        return Err(InvalidEvent("n is no array".to_owned()));
    };
    if notices.is_empty() || notices.len() > MAX_NOTICES {
        return Err(InvalidEvent(format!("n has {} entries", notices.len())));
    }
    let notices = notices.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let emptied = value.get("e").is_some();
    Ok(RoomEvent { rid: rid.clone(), version, notices: notices.into(), emptied })
}

/// How what says who speaks begins; no event does.
const SPEAKERS: &[u8] = br#"{"s":"#;

/// Who speaks in a room, without the room.
pub(crate) fn encode_speakers(said: &SpeakersOfNode) -> Vec<u8> {
    let levels: Vec<Value> = said.speakers.iter().map(|one| json!([one.mid.as_str(), one.level])).collect();
    // The members in their order, which a map of JSON does not keep.
    format!(r#"{{"s":{},"l":{}}}"#, json!(said.node.as_str()), Value::Array(levels)).into_bytes()
}

/// Reads who speaks. `None`: the bytes are no such message.
pub(crate) fn decode_speakers(bytes: &[u8]) -> Option<SpeakersOfNode> {
    // Events are many, and not to be read twice.
    if !bytes.starts_with(SPEAKERS) {
        return None;
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let node = NodeId::parse(value.get("s")?.as_str()?).ok()?;
    let levels = value.get("l")?.as_array()?;
    let speakers = levels.iter().take(SpeakersOfNode::MOST).map(speaker).collect::<Option<_>>()?;
    Some(SpeakersOfNode { node, speakers })
}

fn speaker(said: &Value) -> Option<Speaker> {
    let mid = StreamId::parse(said.get(0)?.as_str()?).ok()?;
    let level = i8::try_from(said.get(1)?.as_i64()?).ok().filter(|level| (-127..=0).contains(level))?;
    Some(Speaker { mid, level })
}

fn write(notice: &Notice) -> Value {
    let text = u64::to_string;
    match notice {
        Notice::PeerJoin(User { uid, owner, since }) => {
            json!(["j", uid.as_str(), owner.signal.as_str(), text(&owner.connection), text(since)])
        }
        Notice::PeerLeave { uid } => json!(["l", uid.as_str()]),
        Notice::StreamAdd(Stream { mid, uid, sfu, info }) => {
            json!(["a", mid.as_str(), uid.as_str(), sfu.as_str(), info.as_str()])
        }
        Notice::StreamRemove { uid, mid, by_server } => {
            json!(["r", uid.as_str(), mid.as_str(), u8::from(*by_server)])
        }
        Notice::Broadcast { uid, data } => json!(["b", uid.as_str(), data.as_str()]),
        Notice::PeerKick { uid, owner } => {
            json!(["k", uid.as_str(), owner.signal.as_str(), text(&owner.connection)])
        }
        Notice::PeerMove { user: User { uid, owner, since }, from } => json!([
            "m",
            uid.as_str(),
            owner.signal.as_str(),
            text(&owner.connection),
            text(since),
            from.signal.as_str(),
            text(&from.connection)
        ]),
    }
}

fn read(notice: &Value) -> Result<Notice, InvalidEvent> {
    let members = notice.as_array().ok_or_else(|| InvalidEvent("a fact is no array".to_owned()))?;
    let mut fields = Fields(members.iter());
    Ok(match fields.text("kind")? {
        "j" => Notice::PeerJoin(fields.user()?),
        "l" => Notice::PeerLeave { uid: fields.uid()? },
        "a" => Notice::StreamAdd(Stream {
            mid: fields.mid()?,
            uid: fields.uid()?,
            sfu: fields.node("sfu")?,
            info: MediaInfo::parse(fields.text("minfo")?).map_err(wrong("minfo"))?,
        }),
        "r" => Notice::StreamRemove { uid: fields.uid()?, mid: fields.mid()?, by_server: fields.flag()? },
        "b" => Notice::Broadcast {
            uid: fields.uid()?,
            data: JsonText::parse(fields.text("data")?).map_err(wrong("data"))?,
        },
        "k" => Notice::PeerKick { uid: fields.uid()?, owner: fields.owner()? },
        "m" => Notice::PeerMove { user: fields.user()?, from: fields.owner()? },
        _ => return Err(InvalidEvent("a kind of fact that is not known".to_owned())),
    })
}

fn number(what: &str, value: Option<&Value>) -> Result<u64, InvalidEvent> {
    let text = value.and_then(Value::as_str).ok_or_else(|| InvalidEvent(format!("{what} is no text")))?;
    text.parse().map_err(wrong(what))
}

/// The members of a fact, one after the other.
struct Fields<'a>(std::slice::Iter<'a, Value>);

impl<'a> Fields<'a> {
    fn text(&mut self, what: &str) -> Result<&'a str, InvalidEvent> {
        self.0.next().and_then(Value::as_str).ok_or_else(|| InvalidEvent(format!("{what} is no text")))
    }

    fn flag(&mut self) -> Result<bool, InvalidEvent> {
        match self.0.next().and_then(Value::as_u64) {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(InvalidEvent("by_server is neither 0 nor 1".to_owned())),
        }
    }

    fn uid(&mut self) -> Result<UserId, InvalidEvent> {
        UserId::parse(self.text("uid")?).map_err(wrong("uid"))
    }

    fn mid(&mut self) -> Result<StreamId, InvalidEvent> {
        StreamId::parse(self.text("mid")?).map_err(wrong("mid"))
    }

    fn node(&mut self, what: &str) -> Result<NodeId, InvalidEvent> {
        NodeId::parse(self.text(what)?).map_err(wrong(what))
    }

    fn owner(&mut self) -> Result<Owner, InvalidEvent> {
        Ok(Owner { signal: self.node("signal")?, connection: number("connection", self.0.next())? })
    }

    fn user(&mut self) -> Result<User, InvalidEvent> {
        Ok(User { uid: self.uid()?, owner: self.owner()?, since: number("since", self.0.next())? })
    }
}

#[cfg(test)]
mod tests;
