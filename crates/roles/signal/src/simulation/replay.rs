//! Replays what one connection of a client hears, answers and notifications in their order.

use super::{
    belief::{Belief, text},
    record::Record,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::oneshot;

/// The client's error codes for parts that do not answer.
const NO_ANSWER: std::ops::RangeInclusive<u64> = 10..=13;
const NO_SUCH_STREAM: u64 = 8;
const NOT_JOINED: u64 = 15;

/// Who hears.
#[derive(Clone)]
pub(super) struct Listener {
    /// The client's name, for people.
    pub(super) name: String,
    pub(super) uid: String,
    /// Whether another client has the same uid, and may take over.
    pub(super) rivalled: bool,
    /// What was said to this client, through whatever connection.
    pub(super) said: Arc<Mutex<BTreeSet<String>>>,
    pub(super) record: Arc<Record>,
}

pub(super) struct Replay {
    listener: Listener,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rooms: BTreeMap<String, Belief>,
    asked: Option<Asked>,
    closed: bool,
    deaf: bool,
    /// Own streams that ended, with their SFUs, until the client has noticed.
    given_up: Vec<(String, String)>,
}

/// A request that waits for its answer.
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) method: &'static str,
    pub(super) data: Value,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The data of a yes, the code of a no.
pub(super) type Answer = Result<Value, u64>;

impl Replay {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, state: Mutex::default() }
    }

    /// A request goes out.
    pub(super) fn ask(&self, asked: Asked) {
        self.state.lock().asked = Some(asked);
    }

    /// The connection ends.
    pub(super) fn closed(&self, why: &str) {
        let mut state = self.state.lock();
        if !state.deaf && !state.closed {
            self.listener.record.note(|| format!("{}: closed: {why}", self.listener.name));
        }
        state.closed = true;
        state.asked = None;
    }

    /// The client goes away: it hears nothing more.
    pub(super) fn deafen(&self) {
        self.state.lock().deaf = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// A room, where the client is in it.
    pub(super) fn room(&self, rid: &str) -> Option<Belief> {
        self.state.lock().rooms.get(rid).cloned()
    }

    pub(super) fn rooms(&self) -> BTreeMap<String, Belief> {
        self.state.lock().rooms.clone()
    }

    pub(super) fn take_given_up(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.state.lock().given_up)
    }

    /// A message comes.
    pub(super) fn hear(&self, message: &str) {
        let listener = &self.listener;
        let mut state = self.state.lock();
        if state.deaf {
            return;
        }
        listener.record.note(|| format!("{}: {message}", listener.name));
        let message: Value = serde_json::from_str(message).unwrap();
        let heard = if message.get("response").is_some() {
            state.answered(listener, &message)
        } else {
            state.notified(listener, &message)
        };
        if let Err(why) = heard {
            listener.record.wrong(format_args!("{}: {why}: {message}", listener.name));
        }
    }
}

impl State {
    fn notified(&mut self, listener: &Listener, message: &Value) -> Result<(), String> {
        let (method, data) = (text(message, "method"), &message["data"]);
        let rid = text(data, "rid");
        let Some(room) = self.rooms.get_mut(&rid) else { return Err("heard outside the room".to_owned()) };
        if method == "peer-kick" {
            let room = self.rooms.remove(&rid).unwrap_or_default();
            self.given_up.extend(room.own);
            return Ok(());
        }
        if method == "broadcast" && !listener.said.lock().insert(data["data"].to_string()) {
            return Err("said twice".to_owned());
        }
        let publishing = self.asked.as_ref().is_some_and(|asked| asked.method == "publish");
        let ended = room.ended.len();
        let was = room.own.clone();
        room.hear(&listener.uid, &method, data)?;
        self.given_up.extend(was.into_iter().filter(|(mid, _)| !room.own.contains_key(mid)));
        if room.ended.len() > ended && !publishing {
            return Err("the end of a stream that this client does not have".to_owned());
        }
        Ok(())
    }

    fn answered(&mut self, listener: &Listener, message: &Value) -> Result<(), String> {
        let Some(asked) = self.asked.take().filter(|asked| message["id"] == asked.id) else {
            return Err("nobody asked".to_owned());
        };
        let answer = match message["ok"].as_bool() {
            Some(true) => Ok(message["data"].clone()),
            _ => Err(message["errorCode"].as_u64().unwrap()),
        };
        let fine = match &answer {
            Ok(data) => self.done(listener, &asked, data),
            Err(code) => self.refused(listener, &asked, *code),
        };
        drop(asked.answer.send(answer));
        fine
    }

    fn done(&mut self, listener: &Listener, asked: &Asked, data: &Value) -> Result<(), String> {
        let rid = text(&asked.data, "rid");
        let Some(room) = self.rooms.get_mut(&rid) else {
            if asked.method == "join" {
                let mut room = Belief::of(&listener.uid, data)?;
                resume(&mut room, &asked.data["resume"], &data["resumed"])?;
                self.rooms.insert(rid, room);
            }
            return Ok(());
        };
        match asked.method {
            "join" if !data["resumed"].is_null() => {
                room.agrees(&listener.uid, data)?;
                let had = std::mem::take(&mut room.own);
                room.subscriptions.clear();
                resume(room, &asked.data["resume"], &data["resumed"])?;
                self.given_up.extend(had.into_iter().filter(|(mid, _)| !room.own.contains_key(mid)));
            }
            "join" | "getusers" | "getpubs" => return room.agrees(&listener.uid, data),
            "leave" => {
                let room = self.rooms.remove(&rid).unwrap_or_default();
                self.given_up.extend(room.own);
            }
            "publish" => {
                let (mid, sfu) = (text(data, "mid"), text(data, "sfuid"));
                if !room.ended.contains(&mid) {
                    room.own.insert(mid, sfu);
                }
            }
            "unpublish" => {
                let mid = text(&asked.data, "mid");
                room.doubtful.remove(&mid);
                room.own.remove(&mid);
            }
            "subscribe" => {
                let at = (text(&asked.data, "mid"), text(&asked.data, "sfuid"));
                room.subscriptions.insert(text(data, "sid"), at);
            }
            "unsubscribe" => drop(room.subscriptions.remove(&text(&asked.data, "sid"))),
            _ => {}
        }
        Ok(())
    }

    /// An error has a reason.
    fn refused(&mut self, listener: &Listener, asked: &Asked, code: u64) -> Result<(), String> {
        let faulty = listener.record.faulty();
        let mid = asked.data["mid"].as_str().unwrap_or_default();
        let room = self.rooms.get_mut(&text(&asked.data, "rid"));
        let explained = match code {
            NO_SUCH_STREAM if asked.method == "subscribe" => true,
            // It has ended, and where the server ended it, word of that may still come.
            NO_SUCH_STREAM if asked.method == "unpublish" => {
                room.is_none_or(|room| !room.own.contains_key(mid) || !room.doubtful.insert(mid.to_owned()))
                    || faulty
            }
            NOT_JOINED => listener.rivalled || faulty,
            code if NO_ANSWER.contains(&code) => {
                if let Some(room) = room.filter(|_| asked.method == "unpublish") {
                    room.doubtful.insert(mid.to_owned());
                }
                faulty
            }
            _ => false,
        };
        if explained { Ok(()) } else { Err(format!("no reason for an error of {}", asked.method)) }
    }
}

/// What of a client's own lives on, of what it said that it has.
fn resume(room: &mut Belief, named: &Value, resumed: &Value) -> Result<(), String> {
    let find = |kind: &str, id: &str, name: &Value| {
        let named = named[kind].as_array().into_iter().flatten().find(|named| named[id] == *name);
        named.cloned().ok_or_else(|| format!("resumed what was not named: {name}"))
    };
    for mid in resumed["pubs"].as_array().into_iter().flatten() {
        let stream = find("pubs", "mid", mid)?;
        room.own.insert(text(&stream, "mid"), text(&stream, "sfuid"));
    }
    for sid in resumed["subs"].as_array().into_iter().flatten() {
        let sub = find("subs", "sid", sid)?;
        room.subscriptions.insert(text(&sub, "sid"), (text(&sub, "mid"), text(&sub, "sfuid")));
    }
    Ok(())
}
