//! What a client does next.

use super::{belief::Belief, device::Device, world::ROOMS};
use serde_json::json;
use tokio::time::sleep;

/// Streams that a client publishes at a time.
const MAX_OWN: usize = 3;

impl Device {
    /// Does one thing after the other until the faults end.
    pub(super) async fn live(mut self) -> Self {
        while !self.listener.record.is_calm() {
            let pause = if self.dice.chance(200) { self.dice.ms(500, 4000) } else { self.dice.ms(0, 600) };
            sleep(pause).await;
            self.act().await;
        }
        self
    }

    async fn act(&mut self) {
        self.notice();
        if self.line().is_none() {
            if self.dice.chance(750) {
                self.connect();
            }
            return;
        }
        let rid = *self.dice.pick(&ROOMS);
        match self.room(rid) {
            Some(room) => self.act_in(rid, &room).await,
            None if self.dice.chance(850) => drop(self.join(rid).await),
            None => self.lose_connection(),
        }
    }

    async fn act_in(&mut self, rid: &str, room: &Belief) {
        let here = json!({"rid": rid});
        match self.dice.below(100) {
            0..20 if room.own.len() < MAX_OWN => self.publish(rid).await,
            20..30 => self.unpublish(rid, room).await,
            30..45 => self.subscribe(rid, room).await,
            45..50 => self.unsubscribe(rid, room).await,
            50..66 => self.say(rid).await,
            66..70 => drop(self.ask("keepalive", here).await),
            70..76 => drop(self.ask("getusers", here).await),
            76..82 => drop(self.ask("getpubs", here).await),
            82..86 => drop(self.join(rid).await),
            86..91 => drop(self.ask("leave", here).await),
            91..97 => self.lose_connection(),
            97..99 => self.hang_up(),
            _ => {}
        }
    }

    pub(super) async fn say(&mut self, rid: &str) {
        let words = format!("{} {}", self.listener.name, self.dice.throw());
        let _answer = self.ask("broadcast", json!({"rid": rid, "data": words})).await;
    }

    async fn unpublish(&mut self, rid: &str, room: &Belief) {
        let mids: Vec<&String> = room.own.keys().collect();
        if !mids.is_empty() {
            let mid = *self.dice.pick(&mids);
            let _answer = self.ask("unpublish", json!({"rid": rid, "mid": mid})).await;
        }
    }

    async fn subscribe(&mut self, rid: &str, room: &Belief) {
        let streams: Vec<_> = room.streams.iter().collect();
        if !streams.is_empty() {
            let (mid, theirs) = *self.dice.pick(&streams);
            let offer = json!({"type": "offer", "sdp": "an offer"});
            let data = json!({"rid": rid, "mid": mid, "sfuid": theirs.sfu, "jsep": offer});
            let _answer = self.ask("subscribe", data).await;
        }
    }

    async fn unsubscribe(&mut self, rid: &str, room: &Belief) {
        let subscriptions: Vec<_> = room.subscriptions.iter().collect();
        if !subscriptions.is_empty() {
            let (sid, (mid, _)) = *self.dice.pick(&subscriptions);
            let _answer = self.ask("unsubscribe", json!({"rid": rid, "mid": mid, "sid": sid})).await;
        }
    }

    /// After the faults: whoever has no connection stays away or comes back, and whoever was refused asks
    /// again, hangs up, or does nothing.
    pub(super) async fn tidy(mut self) -> Self {
        sleep(self.dice.ms(0, 2000)).await;
        self.notice();
        if self.line().is_none() {
            if self.dice.chance(500) {
                self.hang_up();
                return self;
            }
            self.connect();
        }
        for rid in ROOMS {
            if self.room(rid).is_none()
                && self.dice.chance(800)
                && !self.join(rid).await
                && self.dice.chance(500)
            {
                self.hang_up();
                break;
            }
        }
        self
    }
}
