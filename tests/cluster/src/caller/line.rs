//! A caller's connection: connects, joins, keeps alive, and starts over when it is lost.

use std::time::Duration;

use peer::signalling::Refusal;
use peer::{MediaThread, Peer, Publisher, PublisherConfig, Subscriber, SubscriberConfig};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::holdings::{Camera, minfo};

/// A server that does not take a connection in this time is given up.
const OPEN_WITHIN: Duration = Duration::from_secs(3);
/// A connection without an answer for so long is given up. (The servers' own calls end after 3 s.)
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Together with the time for the answer less than a dead node's grace of 10 s, so that a node that
/// hangs is left in time.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
/// Before the next try of anything that was refused.
const RETRY_AFTER: Duration = Duration::from_millis(400);

/// The code of "not in that room".
const NOT_IN_ROOM: i64 = 15;

pub(super) struct Line {
    uid: String,
    rid: String,
    urls: Vec<String>,
    turn: usize,
    media: MediaThread,
    holdings: Shared,
}

/// Why one stops listening to a connection.
enum End {
    /// It is closed, silent or going away: the next one.
    Lost(&'static str),
    /// The same user came elsewhere.
    Kicked,
}

impl Line {
    pub(super) fn new(uid: &str, rid: &str, urls: &[String], media: &MediaThread, holdings: Shared) -> Self {
        let (uid, rid, urls) = (uid.to_owned(), rid.to_owned(), urls.to_vec());
        Self { uid, rid, urls, turn: 0, media: media.clone(), holdings }
    }

    pub(super) async fn run(mut self) {
        // An older connection is let go when the next one stands: its end would be a leave.
        let mut older: Option<Peer> = None;
        loop {
            let Some((peer, from)) = self.enter().await else {
                self.turn += 1;
                sleep(RETRY_AFTER).await;
                continue;
            };
            drop(older.take());
            match self.attend(&peer, from).await {
                End::Kicked => return self.note("kicked"),
                End::Lost(_) if self.holdings.lock().last_connection => return,
                End::Lost(why) => self.note(&format!("lost: {why}")),
            }
            older = Some(peer);
            self.turn += 1;
        }
    }

    /// Connects and joins; also the number of the first message behind.
    async fn enter(&self) -> Option<(Peer, usize)> {
        let url = self.urls.iter().cycle().nth(self.turn % self.urls.len().max(1))?;
        let peer = match timeout(OPEN_WITHIN, Peer::try_connect(url, &self.uid)).await {
            Ok(Ok(peer)) => peer,
            Ok(Err(error)) => {
                self.note(&format!("cannot connect to {url}: {error}"));
                return None;
            }
            Err(_) => {
                self.note(&format!("{url} does not answer"));
                return None;
            }
        };
        let from = peer.record().len();
        self.join(&peer).await.then_some((peer, from))
    }

    async fn join(&self, peer: &Peer) -> bool {
        let mut data = json!({"rid": self.rid});
        if let Some(resume) = self.holdings.lock().resume() {
            data["resume"] = resume;
        }
        match peer.attempt("join", data, ANSWER_WITHIN).await {
            Some(Ok(answer)) => {
                self.note(&format!("joined: {}", answer["resumed"]));
                self.holdings.lock().entered(&answer, &self.uid);
                true
            }
            other => {
                self.note(&format!("join: {}", said(other)));
                false
            }
        }
    }

    /// Until the connection ends.
    async fn attend(&self, peer: &Peer, from: usize) -> End {
        let mut number = from;
        let mut keepalive = Instant::now() + KEEPALIVE_EVERY;
        let mut retry = Instant::now();
        loop {
            tokio::select! {
                biased;
                message = peer.record().at(number) => {
                    let Some(message) = message else { return End::Lost("closed") };
                    number += 1;
                    if message.value()["notification"] != true {
                        continue;
                    }
                    match message.method() {
                        "peer-kick" => return End::Kicked,
                        "reconnect" => return End::Lost("asked to go elsewhere"),
                        _ => {}
                    }
                    if message.data()["rid"] == *self.rid {
                        self.holdings.lock().hear(message.method(), message.data(), &self.uid);
                    }
                }
                () = sleep_until(keepalive) => {
                    keepalive = Instant::now() + KEEPALIVE_EVERY;
                    match peer.attempt("keepalive", json!({"rid": self.rid}), ANSWER_WITHIN).await {
                        None => return End::Lost("no answer to keepalive"),
                        Some(Err(refusal)) if refusal.code == NOT_IN_ROOM => {
                            self.note("not in the room any more");
                            if !self.join(peer).await {
                                return End::Lost("cannot come back");
                            }
                        }
                        Some(Err(refusal)) => self.note(&format!("keepalive: {refusal}")),
                        Some(Ok(_)) => {}
                    }
                }
                () = sleep_until(retry) => {
                    if !self.catch_up(peer).await {
                        return End::Lost("no answer");
                    }
                    retry = Instant::now() + RETRY_AFTER;
                }
            }
        }
    }

    /// Publishes and subscribes what is missing; `false` when the server does not answer.
    async fn catch_up(&self, peer: &Peer) -> bool {
        self.holdings.lock().sweep();
        let has_camera = self.holdings.lock().camera.is_some();
        if !has_camera && !self.publish(peer).await {
            return false;
        }
        while let Some((mid, sfuid)) = { self.holdings.lock().unseen() } {
            match self.subscribe(peer, &mid, &sfuid).await {
                None => return false,
                Some(true) => {}
                Some(false) => break,
            }
        }
        true
    }

    async fn publish(&self, peer: &Peer) -> bool {
        let mut publisher = Publisher::new(&self.media, &PublisherConfig::default());
        let data = json!({
            "rid": self.rid, "jsep": {"type": "offer", "sdp": publisher.offer()}, "minfo": minfo(),
        });
        match peer.attempt("publish", data, ANSWER_WITHIN).await {
            None => false,
            Some(Err(refusal)) => {
                self.note(&format!("publish: {refusal}"));
                true
            }
            Some(Ok(answer)) => {
                let (mid, sfuid) = (text(&answer["mid"]), text(&answer["sfuid"]));
                self.note(&format!("published {mid} on {sfuid}"));
                publisher.accept(&text(&answer["jsep"]["sdp"]));
                self.holdings.lock().camera = Some(Camera { mid, sfuid, publisher });
                true
            }
        }
    }

    /// `Some(false)`: refused, to be tried again later.
    async fn subscribe(&self, peer: &Peer, mid: &str, sfuid: &str) -> Option<bool> {
        let mut screen = Subscriber::new(&self.media, &SubscriberConfig::default());
        let data = json!({"rid": self.rid, "mid": mid, "jsep": {"type": "offer", "sdp": screen.offer()}});
        match peer.attempt("subscribe", data, ANSWER_WITHIN).await? {
            Err(refusal) => {
                self.note(&format!("subscribe to {mid}: {refusal}"));
                Some(false)
            }
            Ok(answer) => {
                self.note(&format!("subscribed to {mid} on {sfuid}"));
                screen.accept(&text(&answer["jsep"]["sdp"]));
                let sid = text(&answer["sid"]);
                self.holdings.lock().subscribed(mid.to_owned(), sid, sfuid.to_owned(), screen);
                Some(true)
            }
        }
    }

    fn note(&self, what: &str) {
        self.holdings.lock().note(what.to_owned());
    }
}

fn said(outcome: Option<Result<Value, Refusal>>) -> String {
    match outcome {
        None => "no answer".to_owned(),
        Some(Ok(answer)) => answer.to_string(),
        Some(Err(refusal)) => refusal.to_string(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
