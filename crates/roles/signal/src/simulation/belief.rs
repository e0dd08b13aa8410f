//! What a client believes of a room that it is in: a list, and what it was told since. It believes nothing
//! that contradicts what it knows.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A stream of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Theirs {
    pub(super) uid: String,
    pub(super) sfu: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Belief {
    /// The others.
    pub(super) users: BTreeSet<String>,
    pub(super) streams: BTreeMap<String, Theirs>,
    /// The client's own streams, with their SFUs.
    pub(super) own: BTreeMap<String, String>,
    /// Of these, those that may have ended: their `unpublish` was not answered, or came too late.
    pub(super) doubtful: BTreeSet<String>,
    /// Own streams that ended before their `publish` was answered.
    pub(super) ended: BTreeSet<String>,
    /// sid to mid and SFU.
    pub(super) subscriptions: BTreeMap<String, (String, String)>,
}

pub(super) fn text(data: &Value, name: &str) -> String {
    data[name].as_str().unwrap_or_else(|| panic!("no {name} in {data}")).to_owned()
}

fn theirs(data: &Value) -> (String, Theirs) {
    (text(data, "mid"), Theirs { uid: text(data, "uid"), sfu: text(data, "sfuid") })
}

fn entries(lists: &Value, name: &str) -> Vec<Value> {
    lists[name].as_array().cloned().unwrap_or_default()
}

impl Belief {
    /// What a join's answer says.
    pub(super) fn of(me: &str, lists: &Value) -> Result<Self, String> {
        let mut belief = Self::default();
        for user in entries(lists, "users") {
            belief.hear(me, "peer-join", &user)?;
        }
        for stream in entries(lists, "pubs") {
            belief.hear(me, "stream-add", &stream)?;
        }
        Ok(belief)
    }

    /// A notification comes.
    pub(super) fn hear(&mut self, me: &str, method: &str, data: &Value) -> Result<(), String> {
        let uid = text(data, "uid");
        let holds = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_owned()) };
        if uid == me {
            return self.hear_of_myself(method, data);
        }
        match method {
            "peer-join" => holds(self.users.insert(uid), "came twice"),
            "peer-leave" => {
                holds(self.streams.values().all(|stream| stream.uid != uid), "left before their streams")?;
                holds(self.users.remove(&uid), "left without being there")
            }
            "stream-add" => {
                holds(self.users.contains(&uid), "a stream of nobody")?;
                let (mid, stream) = theirs(data);
                holds(self.streams.insert(mid, stream).is_none(), "published twice")
            }
            "stream-remove" => {
                let removed = self.streams.remove(&text(data, "mid"));
                holds(removed.is_some_and(|stream| stream.uid == uid), "ended without being there")
            }
            "broadcast" => holds(self.users.contains(&uid), "said by nobody"),
            _ => Err("no such notification".to_owned()),
        }
    }

    fn hear_of_myself(&mut self, method: &str, data: &Value) -> Result<(), String> {
        let mid = text(data, "mid");
        if method != "stream-remove" {
            return Err("one's own doing".to_owned());
        }
        self.doubtful.remove(&mid);
        if self.own.remove(&mid).is_some() || self.ended.insert(mid) {
            Ok(())
        } else {
            Err("ended twice".to_owned())
        }
    }

    /// A list that was answered says the same as what was heard.
    pub(super) fn agrees(&self, me: &str, lists: &Value) -> Result<(), String> {
        let users: BTreeSet<String> = entries(lists, "users").iter().map(|user| text(user, "uid")).collect();
        if lists.get("users").is_some() && users != self.users {
            return Err(format!("{me} knows {:?}", self.users));
        }
        let streams: BTreeMap<String, Theirs> = entries(lists, "pubs").iter().map(theirs).collect();
        if lists.get("pubs").is_some() && streams != self.streams {
            return Err(format!("{me} knows {:?}", self.streams));
        }
        Ok(())
    }
}
