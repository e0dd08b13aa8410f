//! What the scripts answer: a word first (`Ok`, or why not), then what the caller wanted to know.

use model::room::limits::MAX_STATE_BYTES;
use model::{Refusal, RoomEvent, RoomId, RoomState, Stream};
use redis::Value;

use super::keys::BUCKETS;
use super::record::{read_stream, read_user};
use super::scripts::MAX_ROOMS_PER_BUCKET;
use crate::StoreError;
use crate::codec::decode_event;

/// An answer, read item by item. What is not as a script would have answered is an error: something else
/// wrote into this Redis.
pub(super) struct Reply(std::vec::IntoIter<Value>);

fn garbled() -> StoreError {
    StoreError::Unavailable("what Redis has is not what this program wrote".to_owned())
}

impl Reply {
    /// The answer's first word, and the rest; or the refusal that it is.
    pub(super) fn of(value: Value) -> Result<(String, Self), StoreError> {
        let Value::Array(items) = value else { return Err(garbled()) };
        let mut reply = Self(items.into_iter());
        let word = reply.text()?;
        match reply.refusal(&word)? {
            Some(error) => Err(error),
            None => Ok((word, reply)),
        }
    }

    /// Why not, where a word says so; behind it stands the limit that the caller had set, if that is reached.
    fn refusal(&mut self, word: &str) -> Result<Option<StoreError>, StoreError> {
        let full = |what, max| Refusal::Full { what, max };
        let refusal = match word {
            "Late" => return Ok(Some(StoreError::Late)),
            "NotOwner" => Refusal::NotOwner,
            "StreamExists" => Refusal::StreamExists,
            "NoSuchStream" => Refusal::NoSuchStream,
            "NotYours" => Refusal::NotYours,
            "FullUsers" => full("users in a room", self.limit()?),
            "FullState" => full("bytes of room state", MAX_STATE_BYTES),
            "FullStreams" => full("streams of a user", self.limit()?),
            "FullRooms" => full("rooms", MAX_ROOMS_PER_BUCKET * BUCKETS),
            _ => return Ok(None),
        };
        Ok(Some(StoreError::Refused(refusal)))
    }

    fn limit(&mut self) -> Result<usize, StoreError> {
        usize::try_from(self.number()?).map_err(|_| garbled())
    }

    fn next(&mut self) -> Result<Value, StoreError> {
        self.0.next().ok_or_else(garbled)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        text(self.next()?).ok_or_else(garbled)
    }

    fn list(&mut self) -> Result<Self, StoreError> {
        match self.next()? {
            Value::Array(items) => Ok(Self(items.into_iter())),
            _ => Err(garbled()),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        match self.next()? {
            Value::Int(number) => u64::try_from(number).map_err(|_| garbled()),
            _ => Err(garbled()),
        }
    }

    /// Yes or no for each of as many as there are.
    pub(super) fn verdicts(self) -> impl Iterator<Item = bool> {
        self.0.map(|value| value == Value::Int(1))
    }

    pub(super) fn event(&mut self, rid: &RoomId) -> Result<RoomEvent, StoreError> {
        event_of(self.next()?, rid).ok_or_else(garbled)
    }

    /// An event, where something changed.
    pub(super) fn maybe_event(&mut self, rid: &RoomId) -> Result<Option<RoomEvent>, StoreError> {
        match self.next()? {
            Value::Nil => Ok(None),
            value => event_of(value, rid).ok_or_else(garbled).map(Some),
        }
    }

    pub(super) fn kept_events(&mut self, rid: &RoomId) -> Result<Vec<RoomEvent>, StoreError> {
        let kept = self.list()?.0.map(|value| event_of(value, rid));
        kept.collect::<Option<Vec<_>>>().ok_or_else(garbled)
    }

    /// The room: version, users, streams.
    pub(super) fn state(&mut self) -> Result<RoomState, StoreError> {
        let mut state = self.list()?;
        let version = state.number()?;
        let mut users = state.list()?.pairs(read_user);
        let mut streams = state.list()?.pairs(read_stream);
        users.sort_unstable_by(|a, b| a.uid.cmp(&b.uid));
        streams.sort_unstable_by(|a, b| a.mid.cmp(&b.mid));
        Ok(RoomState { version, users, streams })
    }

    /// Streams, each as its id and its record.
    pub(super) fn streams(&mut self) -> Result<Vec<Stream>, StoreError> {
        Ok(self.list()?.pairs(read_stream))
    }

    /// Ids with their records. What no script wrote is left out, so that the room goes on without it.
    fn pairs<T>(mut self, read: fn(&str, &str) -> Option<T>) -> Vec<T> {
        let mut all = Vec::with_capacity(self.0.len() / 2);
        while let (Some(id), Some(record)) = (self.0.next(), self.0.next()) {
            all.extend(text(id).zip(text(record)).and_then(|(id, record)| read(&id, &record)));
        }
        all
    }
}

/// A text, where a value is one.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn event_of(value: Value, rid: &RoomId) -> Option<RoomEvent> {
    match value {
        Value::BulkString(bytes) => decode_event(rid, &bytes).ok(),
        _ => None,
    }
}
