//! What a caller has of a call: its own stream, its subscriptions, and what it knows of the room.

use std::collections::BTreeMap;
use std::time::Instant;

use peer::{Publisher, Subscriber};
use serde_json::{Value, json};

/// Subscriptions that are kept for the record of their packets; the oldest give way.
const MAX_SCREENS: usize = 500;
/// Lines of the diary that are kept.
const MAX_LINES: usize = 2_000;

/// The media info of every caller's stream.
pub(super) fn minfo() -> Value {
    json!({"audio": true, "video": true, "audiotype": 0, "videotype": 1})
}

/// A stream of one's own.
pub(super) struct Camera {
    pub(super) mid: String,
    pub(super) sfuid: String,
    pub(super) publisher: Publisher,
}

/// A subscription.
pub(super) struct Subscription {
    pub(super) sid: String,
    pub(super) sfuid: String,
    /// Which of the screens shows it.
    screen: usize,
}

/// Everything that outlives a connection.
#[derive(Default)]
pub(super) struct Holdings {
    pub(super) camera: Option<Camera>,
    /// By stream.
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// All subscriptions' receivers, those that are over included.
    pub(super) screens: Vec<Subscriber>,
    /// The streams of the others, and the nodes that hold them.
    pub(super) streams: BTreeMap<String, String>,
    /// Whether the connection that it has, or gets next, is its last.
    pub(super) last_connection: bool,
    diary: Vec<(Option<Instant>, String)>,
}

impl Holdings {
    /// What `join` may say about what is still there.
    pub(super) fn resume(&self) -> Option<Value> {
        if self.camera.is_none() && self.subscriptions.is_empty() {
            return None;
        }
        let pubs = self.camera.iter();
        let pubs = pubs.map(|own| json!({"mid": own.mid, "sfuid": own.sfuid, "minfo": minfo()}));
        let subs = self.subscriptions.iter();
        let subs = subs.map(|(mid, sub)| json!({"mid": mid, "sid": sub.sid, "sfuid": sub.sfuid}));
        Some(json!({"pubs": pubs.collect::<Vec<_>>(), "subs": subs.collect::<Vec<_>>()}))
    }

    /// Takes the answer to `join`: who is there, and what lives on.
    pub(super) fn entered(&mut self, answer: &Value, own: &str) {
        let pubs = answer["pubs"].as_array().cloned().unwrap_or_default();
        self.streams = pubs.iter().filter(|one| one["uid"] != own).filter_map(stream_of).collect();
        let lives = |list: &str, id: &str| {
            answer["resumed"][list].as_array().is_some_and(|ids| ids.iter().any(|one| one == id))
        };
        if self.camera.as_ref().is_some_and(|camera| !lives("pubs", &camera.mid)) {
            self.camera = None;
        }
        self.subscriptions.retain(|_, sub| lives("subs", &sub.sid));
    }

    /// Takes a notification of the room.
    pub(super) fn hear(&mut self, method: &str, data: &Value, own: &str) {
        let mid = data["mid"].as_str().unwrap_or_default();
        let is_own = data["uid"] == own;
        match method {
            "stream-add" if !is_own => self.streams.extend(stream_of(data)),
            "stream-remove" if is_own => {
                self.camera.take_if(|camera| camera.mid == mid);
            }
            "stream-remove" => {
                self.streams.remove(mid);
            }
            _ => {}
        }
    }

    /// Lets go of what is over: streams that were removed, connections that ended.
    pub(super) fn sweep(&mut self) {
        self.camera.take_if(|camera| camera.publisher.emission().ended);
        let (streams, screens) = (&self.streams, &self.screens);
        self.subscriptions.retain(|mid, sub| {
            let over = screens.get(sub.screen).is_none_or(|screen| screen.reception().ended);
            let keep = streams.contains_key(mid) && !over;
            if let (false, Some(screen)) = (keep, screens.get(sub.screen)) {
                screen.close();
            }
            keep
        });
    }

    /// A stream of the others that is not subscribed to.
    pub(super) fn unseen(&self) -> Option<(String, String)> {
        let unseen = |(mid, _): &(&String, &String)| !self.subscriptions.contains_key(*mid);
        self.streams.iter().find(unseen).map(|(mid, sfuid)| (mid.clone(), sfuid.clone()))
    }

    pub(super) fn subscribed(&mut self, mid: String, sid: String, sfuid: String, screen: Subscriber) {
        assert!(self.screens.len() < MAX_SCREENS, "a caller subscribes for ever:\n{}", self.diary());
        self.screens.push(screen);
        self.subscriptions.insert(mid, Subscription { sid, sfuid, screen: self.screens.len() - 1 });
    }

    pub(super) fn note(&mut self, what: String) {
        if self.diary.len() < MAX_LINES {
            self.diary.push((Some(Instant::now()), what));
        }
    }

    pub(super) fn diary(&self) -> String {
        let now = Instant::now();
        let line = |(at, what): &(Option<Instant>, String)| {
            let ago = at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
            format!("  {ago:7.2} s ago: {what}")
        };
        self.diary.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn vanish(&mut self) {
        if let Some(camera) = &self.camera {
            camera.publisher.vanish();
        }
        self.screens.iter().for_each(Subscriber::vanish);
    }
}

fn stream_of(data: &Value) -> Option<(String, String)> {
    Some((data["mid"].as_str()?.to_owned(), data["sfuid"].as_str().unwrap_or_default().to_owned()))
}
