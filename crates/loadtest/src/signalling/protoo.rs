//! Our own server's protocol: protoo's frames, in which clients offer and the server answers.

use super::exchange::{Exchange, Key};
use super::terms::Terms;
use super::{Name, SignallingError, text};
use crate::client::{Client, Kind};
use crate::error::ConnectError;
use crate::token::TokenMaker;
use serde_json::{Value, json};
use std::time::Duration;

/// The server forgets whoever is silent for 60 s.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A user in a room. Dropping it closes the connection, which leaves the room.
#[derive(Debug)]
pub(crate) struct Session {
    room: String,
    exchange: Exchange,
}

impl Session {
    /// Connects as `uid` and joins the room.
    pub(super) async fn join(
        url: &str,
        uid: &str,
        room: &str,
        tokens: Option<&TokenMaker>,
    ) -> Result<Self, SignallingError> {
        let token = tokens.map(|tokens| format!(", bearer.{}", tokens.make(uid))).unwrap_or_default();
        let exchange = Exchange::open(&format!("{url}?peer={uid}"), &format!("protoo{token}"), sort).await?;
        let alive = json!({"notification": true, "method": "keepalive", "data": {"rid": room}});
        exchange.keep_alive(alive.to_string(), KEEPALIVE);
        let session = Self { room: room.to_owned(), exchange };
        session.request("join", json!({})).await?;
        Ok(session)
    }

    pub(super) async fn publish(&self, terms: &Terms, uid: &str) -> Result<(Client, Name), ConnectError> {
        let offering = terms.to_publish(uid)?;
        let has = |kind| terms.kinds.contains(&kind);
        let minfo = json!({
            "audio": has(Kind::Audio), "video": has(Kind::Video), "audiotype": 0, "videotype": 0,
        });
        let data = json!({"minfo": minfo, "record": false});
        let (answer, mid) = self.offer("publish", data, offering.sdp(), "mid").await?;
        Ok((terms.accept(offering, &answer)?, mid))
    }

    pub(super) async fn subscribe(
        &self,
        terms: &Terms,
        stream: &Name,
    ) -> Result<(Client, Name), ConnectError> {
        let offering = terms.to_subscribe()?;
        let data = json!({"mid": stream.0});
        let (answer, sid) = self.offer("subscribe", data, offering.sdp(), "sid").await?;
        // What ends a subscription names its stream as well.
        let name = json!({"mid": stream.0, "sid": sid.0});
        Ok((terms.accept(offering, &answer)?, Name(name)))
    }

    pub(super) async fn unsubscribe(&self, subscription: &Name) -> Result<(), SignallingError> {
        self.request("unsubscribe", subscription.0.clone()).await.map(drop)
    }

    pub(super) async fn unpublish(&self, stream: &Name) -> Result<(), SignallingError> {
        self.request("unpublish", json!({"mid": stream.0})).await.map(drop)
    }

    pub(super) async fn leave(&self) {
        self.exchange.leave().await;
    }

    /// Sends a request for the room and waits for its answer.
    async fn request(&self, method: &'static str, mut data: Value) -> Result<Value, SignallingError> {
        if let Some(data) = data.as_object_mut() {
            data.insert("rid".to_owned(), json!(self.room));
        }
        let write = |id| json!({"request": true, "id": id, "method": method, "data": data});
        outcome(method, self.exchange.ask(method, write).await?)
    }

    /// Sends an offer; the answer's SDP, and the id that the server gave (`mid` or `sid`).
    async fn offer(
        &self,
        method: &'static str,
        mut data: Value,
        sdp: &str,
        id: &'static str,
    ) -> Result<(String, Name), SignallingError> {
        if let Some(data) = data.as_object_mut() {
            data.insert("jsep".to_owned(), json!({"type": "offer", "sdp": sdp}));
        }
        let answer = self.request(method, data).await?;
        let sdp = text(method, "sdp", answer.pointer("/jsep/sdp"))?;
        Ok((sdp, Name(json!(text(method, id, answer.get(id))?))))
    }
}

fn sort(message: &Value) -> Option<Key> {
    message.get("response").and_then(|_| message.get("id")?.as_u64()).map(Key::Answer)
}

fn outcome(method: &'static str, mut answer: Value) -> Result<Value, SignallingError> {
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer.get_mut("data").map(Value::take).unwrap_or_default());
    }
    let code = answer.get("errorCode").and_then(Value::as_i64).unwrap_or(0);
    let reason = answer.get("errorReason").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    Err(SignallingError::Refused { method, code, reason })
}
