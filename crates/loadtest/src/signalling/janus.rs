//! Janus' protocol, and that of its plugin VideoRoom: who publishes offers, who subscribes answers.
//!
//! A session holds handles of a plugin, one for each peer connection, and ends with its WebSocket. Answers to what the
//! plugin is told come later than `ack`, as events with the same transaction.

use super::exchange::{Exchange, Key, arrival};
use super::terms::Terms;
use super::{Name, SignallingError, text};
use crate::client::Client;
use crate::error::ConnectError;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Janus ends a session that is silent for 60 s.
const KEEPALIVE: Duration = Duration::from_secs(30);

const PLUGIN: &str = "janus.plugin.videoroom";

/// The plugin's code for a room that is there already.
const ROOM_EXISTS: i64 = 427;

/// Publishers that a room of ours may have: as many as a load may.
const MOST_PUBLISHERS: u32 = 2_000;

/// A session. Dropping it closes the connection, which ends all that it has.
#[derive(Debug)]
pub(crate) struct Session {
    /// Janus has numbers for rooms, unless it is told to have texts.
    room: Value,
    id: u64,
    exchange: Exchange,
    /// Handles that publish, and the event that says that their media flows.
    rising: Mutex<HashMap<u64, oneshot::Receiver<Value>>>,
}

impl Session {
    /// Connects and creates a session; rooms are joined by each handle for itself.
    pub(super) async fn join(url: &str, room: &str) -> Result<Self, SignallingError> {
        let exchange = Exchange::open(url, "janus-protocol", sort).await?;
        let create = |number: u64| json!({"janus": "create", "transaction": number.to_string()});
        let created = outcome("create", exchange.ask("create", create).await?)?;
        let id = number("create", created.pointer("/data/id"))?;
        let alive = json!({"janus": "keepalive", "session_id": id, "transaction": "keepalive"});
        exchange.keep_alive(alive.to_string(), KEEPALIVE);
        let room = room.parse::<u64>().map_or_else(|_| json!(room), |number| json!(number));
        Ok(Self { room, id, exchange, rising: Mutex::default() })
    }

    /// Publishes in the room, which is made if it is not there.
    pub(super) async fn publish(&self, terms: &Terms, uid: &str) -> Result<(Client, Name), ConnectError> {
        // The DTLS client says which SRTP profile it is, and the load is to say so.
        let offering = terms.to_publish(uid)?.insisting_on_the_handshake();
        let handle = self.attach().await?;
        self.create_room(handle).await?;
        let up = self.exchange.expect(Key::MediaUp(handle));
        self.rising.lock().unwrap_or_else(PoisonError::into_inner).insert(handle, up);
        let body = json!({
            "request": "joinandconfigure", "ptype": "publisher", "room": self.room, "display": uid,
        });
        let jsep = json!({"type": "offer", "sdp": offering.sdp()});
        let joined = self.tell("publish", handle, body, Some(jsep)).await?;
        let answer = text("publish", "sdp", joined.pointer("/jsep/sdp"))?;
        let feed = joined.pointer("/plugindata/data/id").cloned();
        let feed = feed.ok_or(SignallingError::Incomplete { method: "publish", member: "id" })?;
        Ok((terms.accept(offering, &answer)?, Name(json!({"feed": feed, "handle": handle}))))
    }

    /// Waits until others can subscribe: Janus has no stream before its media flows.
    pub(super) async fn is_published(&self, stream: &Name) -> Result<(), SignallingError> {
        let handle = number("publish", stream.0.get("handle"))?;
        let up = self.rising.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        match up {
            Some(up) => arrival("publish", up).await.map(drop),
            None => Ok(()),
        }
    }

    pub(super) async fn subscribe(
        &self,
        terms: &Terms,
        stream: &Name,
    ) -> Result<(Client, Name), ConnectError> {
        let handle = self.attach().await?;
        let streams = json!([{"feed": stream.0.get("feed")}]);
        let body = json!({"request": "join", "ptype": "subscriber", "room": self.room, "streams": streams});
        let attached = self.tell("subscribe", handle, body, None).await?;
        let offer = text("subscribe", "sdp", attached.pointer("/jsep/sdp"))?;
        let (client, answer) = terms.answer(&offer)?;
        let jsep = json!({"type": "answer", "sdp": answer});
        self.tell("start", handle, json!({"request": "start"}), Some(jsep)).await?;
        Ok((client, Name(json!({"handle": handle}))))
    }

    /// Ends a stream or a subscription: either goes with its handle.
    pub(super) async fn detach(&self, name: &Name) -> Result<(), SignallingError> {
        let handle = number("detach", name.0.get("handle"))?;
        self.request("detach", json!({"janus": "detach", "handle_id": handle})).await.map(drop)
    }

    pub(super) async fn leave(&self) {
        self.exchange.leave().await;
    }

    async fn attach(&self) -> Result<u64, SignallingError> {
        let attached = self.request("attach", json!({"janus": "attach", "plugin": PLUGIN})).await?;
        number("attach", attached.pointer("/data/id"))
    }

    /// Makes the room without a cap on video, which is 0; else with Janus' own defaults.
    async fn create_room(&self, handle: u64) -> Result<(), SignallingError> {
        let body = json!({
            "request": "create", "room": self.room, "publishers": MOST_PUBLISHERS, "bitrate": 0,
            "audiocodec": "opus", "videocodec": "vp8", "record": false,
        });
        match self.tell("create", handle, body, None).await {
            Err(SignallingError::Refused { code: ROOM_EXISTS, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Tells the plugin something, and waits for what it says to that.
    async fn tell(
        &self,
        method: &'static str,
        handle: u64,
        body: Value,
        jsep: Option<Value>,
    ) -> Result<Value, SignallingError> {
        let mut message = json!({"janus": "message", "handle_id": handle, "body": body});
        if let (Some(jsep), Some(message)) = (jsep, message.as_object_mut()) {
            message.insert("jsep".to_owned(), jsep);
        }
        self.request(method, message).await
    }

    async fn request(&self, method: &'static str, mut message: Value) -> Result<Value, SignallingError> {
        let write = |number: u64| {
            if let Some(message) = message.as_object_mut() {
                message.insert("session_id".to_owned(), json!(self.id));
                message.insert("transaction".to_owned(), json!(number.to_string()));
            }
            message
        };
        outcome(method, self.exchange.ask(method, write).await?)
    }
}

fn sort(message: &Value) -> Option<Key> {
    match message.get("janus")?.as_str()? {
        "success" | "error" | "event" => message.get("transaction")?.as_str()?.parse().ok().map(Key::Answer),
        "webrtcup" => message.get("sender")?.as_u64().map(Key::MediaUp),
        _ => None,
    }
}

/// Janus refuses in one place, its plugins in another.
fn outcome(method: &'static str, answer: Value) -> Result<Value, SignallingError> {
    let plugin = answer.pointer("/plugindata/data");
    let (code, reason) = match answer.get("error") {
        Some(error) => (error.get("code"), error.get("reason")),
        None => (plugin.and_then(|data| data.get("error_code")), plugin.and_then(|data| data.get("error"))),
    };
    let Some(code) = code.and_then(Value::as_i64) else { return Ok(answer) };
    let reason = reason.and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    Err(SignallingError::Refused { method, code, reason })
}

fn number(method: &'static str, value: Option<&Value>) -> Result<u64, SignallingError> {
    value.and_then(Value::as_u64).ok_or(SignallingError::Incomplete { method, member: "id" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_what_comes_after_the_ack() {
        let ack = json!({"janus": "ack", "session_id": 1, "transaction": "7"});
        let event = json!({"janus": "event", "session_id": 1, "transaction": "7", "sender": 2});
        assert_eq!((sort(&ack), sort(&event)), (None, Some(Key::Answer(7))));
        let news = json!({"janus": "event", "session_id": 1, "sender": 2});
        assert_eq!(sort(&news), None, "what nobody asked for");
        let up = json!({"janus": "webrtcup", "session_id": 1, "sender": 2});
        assert_eq!(sort(&up), Some(Key::MediaUp(2)));
    }

    #[test]
    fn a_refusal_is_one_by_whomever_it_comes() {
        let core = json!({"janus": "error", "error": {"code": 458, "reason": "No such session 5"}});
        assert_eq!(outcome("attach", core).unwrap_err().to_string(), "attach: error 458: No such session 5");
        let data = json!({"videoroom": "event", "error_code": 428, "error": "No such feed (9)"});
        let plugin = json!({"janus": "event", "plugindata": {"plugin": PLUGIN, "data": data}});
        assert_eq!(
            outcome("subscribe", plugin).unwrap_err().to_string(),
            "subscribe: error 428: No such feed (9)"
        );
        let joined = json!({"janus": "event", "plugindata": {"plugin": PLUGIN, "data": {"id": 3}}});
        assert_eq!(outcome("publish", joined.clone()).unwrap(), joined);
    }
}
