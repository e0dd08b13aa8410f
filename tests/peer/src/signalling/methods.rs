//! The protocol's methods as calls, for tests that are about something else than the method.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use super::connection::refused_with;
use super::{Peer, Refusal};
use crate::media::{Publisher, Subscriber};
use crate::room_state::RoomState;

/// The answer to `join`.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The answer's data.
    pub data: Value,
    /// How many messages had been received when it had come; the notifications that belong to it
    /// come behind.
    pub position: usize,
}

/// The answer to `publish`.
#[derive(Debug, Clone)]
pub struct Published {
    /// The stream's id.
    pub mid: String,
    /// The node that holds it.
    pub sfuid: String,
    /// The answer SDP.
    pub answer: String,
}

impl Peer {
    /// Joins a room; a refusal fails the test.
    pub async fn join(&self, rid: &str) -> Joined {
        let pending = self.begin("join", json!({"rid": rid})).await;
        let answer = self.answer(&pending).await;
        let is_answer = |message: &super::Message| message.text() == answer.text();
        let position = self.record().messages().iter().position(is_answer).unwrap_or_default() + 1;
        let data = answer.outcome().unwrap_or_else(|refusal| panic!("{} cannot join: {refusal}", self.uid()));
        Joined { data, position }
    }

    /// What this client knows of the room by now.
    pub fn state(&self, joined: &Joined, rid: &str) -> RoomState {
        let since = self.record().messages().split_off(joined.position);
        match RoomState::fold(&joined.data, &since, rid) {
            Ok(state) => state,
            Err(error) => panic!("{} in {rid:?}: {error}", self.uid()),
        }
    }

    /// Publishes with an offer of the publisher's, and hands it the answer.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn publish(&self, rid: &str, publisher: &mut Publisher) -> Result<Published, Refusal> {
        let data = json!({
            "rid": rid,
            "jsep": {"type": "offer", "sdp": publisher.offer()},
            "minfo": {"audio": true, "video": true, "audiotype": 0, "videotype": 1},
        });
        let answer = self.request("publish", data).await?;
        let published = Published {
            mid: text(&answer["mid"]),
            sfuid: text(&answer["sfuid"]),
            answer: text(&answer["jsep"]["sdp"]),
        };
        publisher.accept(&published.answer);
        Ok(published)
    }

    /// Subscribes with an offer of the subscriber's, and hands it the answer; returns the `sid`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe(
        &self,
        rid: &str,
        mid: &str,
        subscriber: &mut Subscriber,
    ) -> Result<String, Refusal> {
        let data = json!({"rid": rid, "mid": mid, "jsep": {"type": "offer", "sdp": subscriber.offer()}});
        let answer = self.request("subscribe", data).await?;
        subscriber.accept(&text(&answer["jsep"]["sdp"]));
        Ok(text(&answer["sid"]))
    }

    /// The HTTP status with which the server refuses to upgrade for this uid, if it does.
    pub async fn refused_status(url: &str, uid: &str) -> Option<u16> {
        match Self::try_connect(url, uid).await {
            Ok(_) => None,
            Err(error) => Self::status_of(&error),
        }
    }

    /// The HTTP status in a failed upgrade.
    pub fn status_of(error: &tungstenite::Error) -> Option<u16> {
        refused_with(error)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
