//! A client: connects somewhere, joins, does what clients do, loses its connection and comes back.

use super::{
    belief::Belief,
    dice::Dice,
    line::Line,
    replay::{Answer, Asked, Listener, Replay},
    world::World,
};
use model::UserId;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

/// Every request is answered within this time.
const ANSWER: Duration = Duration::from_secs(3);

pub(super) struct Device {
    pub(super) uid: UserId,
    pub(super) listener: Listener,
    pub(super) world: Arc<World>,
    pub(super) dice: Dice,
    line: Option<Line>,
    /// What it had in rooms when it lost its connection.
    remains: BTreeMap<String, Belief>,
    last_id: u64,
}

impl Device {
    pub(super) fn new(listener: Listener, world: &Arc<World>, dice: Dice) -> Self {
        let (uid, world) = (UserId::parse(&listener.uid).unwrap(), Arc::clone(world));
        Self { uid, listener, world, dice, line: None, remains: BTreeMap::new(), last_id: 0 }
    }

    /// The connection, where there is one.
    pub(super) fn line(&self) -> Option<&Line> {
        self.line.as_ref().filter(|line| !line.replay.is_closed())
    }

    pub(super) fn room(&self, rid: &str) -> Option<Belief> {
        self.line()?.replay.room(rid)
    }

    fn note(&self, what: &str) {
        self.listener.record.note(|| format!("{}: {what}", self.listener.name));
    }

    /// Connects to one of the nodes, unless that one is dead.
    pub(super) fn connect(&mut self) {
        let mut node = self.dice.pick(&self.world.nodes).lock();
        self.note(&format!("connects to {}", node.name()));
        self.line = node.connect(&self.uid, Replay::new(self.listener.clone()));
    }

    /// Sees that its connection is over, and which of its streams are.
    pub(super) fn notice(&mut self) {
        if let Some(line) = &self.line {
            let given_up = line.replay.take_given_up();
            self.abandon(given_up);
        }
        if self.line.as_ref().is_some_and(|line| line.replay.is_closed()) {
            self.cut_loose();
        }
    }

    /// Loses the connection, and keeps its media. The node finds out sooner or later.
    pub(super) fn lose_connection(&mut self) {
        self.note("loses its connection");
        let Some(requests) = self.cut_loose() else { return };
        let after = if self.dice.chance(500) { Duration::ZERO } else { self.dice.ms(0, 10_000) };
        tokio::spawn(async move {
            sleep(after).await;
            drop(requests);
        });
    }

    /// Goes, media and all.
    pub(super) fn hang_up(&mut self) {
        self.note("hangs up");
        drop(self.cut_loose());
        self.forget();
    }

    fn cut_loose(&mut self) -> Option<tokio::sync::mpsc::Sender<String>> {
        let line = self.line.take()?;
        line.replay.deafen();
        self.remains.append(&mut line.replay.rooms());
        Some(line.requests)
    }

    fn forget(&mut self) {
        for (_, room) in std::mem::take(&mut self.remains) {
            self.abandon(room.own);
        }
    }

    fn abandon(&self, streams: impl IntoIterator<Item = (String, String)>) {
        for (mid, sfu) in streams {
            self.world.sfu(&sfu).abandoned(&mid);
        }
    }

    /// Asks, and waits for the answer. None where the connection ended.
    pub(super) async fn ask(&mut self, method: &'static str, data: Value) -> Option<Answer> {
        self.last_id += 1;
        let line = self.line()?;
        let request = json!({"request": true, "id": self.last_id, "method": method, "data": data});
        self.note(&format!("asks {method} {data}"));
        let (answer, answered) = oneshot::channel();
        line.replay.ask(Asked { id: self.last_id, method, data, answer });
        line.requests.send(request.to_string()).await.ok()?;
        let Ok(answer) = timeout(ANSWER, answered).await else {
            self.listener.record.wrong(format_args!("{}: no answer to {request}", self.listener.name));
            return None;
        };
        answer.ok()
    }

    /// Joins; with what it still has, or anew.
    pub(super) async fn join(&mut self, rid: &str) -> bool {
        let mut data = json!({"rid": rid});
        let resumes = self.dice.chance(if self.remains.contains_key(rid) { 750 } else { 150 });
        if resumes {
            data["resume"] = claims(self.remains.get(rid));
        } else if let Some(room) = self.remains.remove(rid) {
            self.abandon(room.own);
        }
        if !matches!(self.ask("join", data).await, Some(Ok(_))) {
            return false;
        }
        if let Some(before) = self.remains.remove(rid) {
            let now = self.room(rid).unwrap_or_default();
            self.abandon(before.own.into_iter().filter(|(mid, _)| !now.own.contains_key(mid)));
        }
        true
    }

    pub(super) async fn publish(&mut self, rid: &str) {
        let offer = json!({"type": "offer", "sdp": "an offer"});
        let published = self.ask("publish", json!({"rid": rid, "jsep": offer, "minfo": minfo()})).await;
        if let Some(Ok(answer)) = published {
            self.world.sfu(answer["sfuid"].as_str().unwrap()).connected(answer["mid"].as_str().unwrap());
        }
    }
}

fn minfo() -> Value {
    json!({"audio": true, "video": true, "audiotype": 0, "videotype": 0})
}

fn claims(room: Option<&Belief>) -> Value {
    let room = room.cloned().unwrap_or_default();
    let pubs = room.own.iter().map(|(mid, sfu)| json!({"mid": mid, "sfuid": sfu, "minfo": minfo()}));
    let subs = room.subscriptions.iter();
    let subs = subs.map(|(sid, (mid, sfu))| json!({"sid": sid, "mid": mid, "sfuid": sfu}));
    json!({"pubs": pubs.collect::<Vec<_>>(), "subs": subs.collect::<Vec<_>>()})
}
