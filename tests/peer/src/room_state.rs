//! The room as a client knows it: the lists of its `join` and every notification since. Says when
//! the server tells of somebody twice, or of the end of something that never was.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::signalling::Message;

/// Users and streams of one room, seen by one client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomState {
    /// The others in the room.
    pub users: BTreeSet<String>,
    /// Their streams: mid to uid.
    pub streams: BTreeMap<String, String>,
}

impl RoomState {
    /// The state after the answer to `join`.
    ///
    /// # Errors
    /// When the lists contradict themselves.
    pub fn joined(answer: &Value) -> Result<Self, String> {
        let mut state = Self::default();
        for user in array(answer, "users") {
            if !state.users.insert(text(user, "uid")) {
                return Err(format!("listed twice: {user}"));
            }
        }
        for stream in array(answer, "pubs") {
            state.add_stream(stream)?;
        }
        Ok(state)
    }

    /// The state after one more notification of this room; others are passed over.
    ///
    /// # Errors
    /// When the notification cannot follow what came before.
    pub fn apply(&mut self, message: &Message, rid: &str) -> Result<(), String> {
        let value = message.value();
        let data = &value["data"];
        if value["notification"] != true || data["rid"] != rid {
            return Ok(());
        }
        let uid = text(data, "uid");
        match value["method"].as_str().unwrap_or_default() {
            "peer-join" if !self.users.insert(uid.clone()) => Err(format!("joined twice: {value}")),
            "peer-leave" => self.leave(&uid),
            "stream-add" => self.add_stream(data),
            "stream-remove" if self.streams.remove(&text(data, "mid")).is_none() => {
                Err(format!("the end of an unknown stream: {value}"))
            }
            _ => Ok(()),
        }
    }

    /// The state after `join`'s answer and all notifications of the room that came behind it.
    ///
    /// # Errors
    /// When one of them cannot follow what came before.
    pub fn fold(answer: &Value, notifications: &[Message], rid: &str) -> Result<Self, String> {
        let mut state = Self::joined(answer)?;
        for message in notifications {
            state.apply(message, rid)?;
        }
        Ok(state)
    }

    fn add_stream(&mut self, data: &Value) -> Result<(), String> {
        let (uid, mid) = (text(data, "uid"), text(data, "mid"));
        if !self.users.contains(&uid) {
            return Err(format!("a stream of somebody who is not there: {data}"));
        }
        match self.streams.insert(mid, uid) {
            None => Ok(()),
            Some(_) => Err(format!("a stream twice: {data}")),
        }
    }

    fn leave(&mut self, uid: &str) -> Result<(), String> {
        if self.streams.values().any(|owner| owner == uid) {
            return Err(format!("{uid} left before its streams were removed"));
        }
        if self.users.remove(uid) { Ok(()) } else { Err(format!("{uid} left without having been there")) }
    }
}

fn array<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}
