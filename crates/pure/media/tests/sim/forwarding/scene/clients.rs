//! What publishers and subscribers do by themselves, and what they do when they hear something.

use super::flights::Meaning;
use super::{Owner, Scene, number};
use crate::forwarding::publisher::{Departed, Media};
use crate::forwarding::subscriber::is_media;
use crate::world::Outgoing as Kept;
use media::Event;
use std::time::Duration;

/// Browsers check this often.
const CHECK_INTERVAL: Duration = Duration::from_millis(2_500);

impl Scene {
    pub(in crate::forwarding) fn change_source(&mut self, stream: usize) {
        let now = self.now;
        self.streams[stream].publisher.change_source(now);
    }

    pub(in crate::forwarding) fn ask_for_key_frame(&mut self, subscriber: usize, line: usize) {
        let one = &mut self.subscribers[subscriber];
        let (from, data) = (one.address(), one.pli(line));
        self.flights.post(self.now, 5_000, from, data, Meaning::Other);
    }

    /// A subscriber asks for any packets at all.
    pub(in crate::forwarding) fn ask_for(&mut self, subscriber: usize, line: usize, indexes: Vec<u64>) {
        let one = &mut self.subscribers[subscriber];
        let (from, data) = (one.address(), one.nack(line, &indexes));
        self.flights.post(self.now, 5_000, from, data, Meaning::Request(subscriber, line, indexes));
    }

    /// Over a network that loses, repeats and reorders.
    fn post_media(&mut self, stream: usize, (data, media, fragile): Departed) {
        let from = self.streams[stream].publisher.client.address;
        let lost = !fragile && !self.calm && self.dice.chance(self.script.loss_up);
        let copies = if lost { 0 } else { 1 + u64::from(self.dice.chance(self.script.duplicates)) };
        for _ in 0..copies {
            let late = !fragile && self.dice.chance(self.script.late);
            // A repair may come when nobody waits for it any more.
            let latest = if matches!(media, Media::Repair(..)) { 900_000 } else { 40_000 };
            let extra = self.dice.below(if late { latest } else { self.script.spread.max(1) });
            let after = if fragile { 1_000 } else { 5_000 + extra };
            self.flights.post(self.now, after, from, data.clone(), Meaning::Media(stream, media.clone()));
        }
    }

    pub(super) fn run_clients(&mut self) {
        (0..self.streams.len()).for_each(|at| self.run_publisher(at));
        (0..self.subscribers.len()).for_each(|at| self.run_subscriber(at));
    }

    fn run_publisher(&mut self, at: usize) {
        let (now, stream) = (self.now, &mut self.streams[at]);
        if stream.ended {
            return;
        }
        let from = stream.publisher.client.address;
        if stream.publisher.client.keys.is_some() && !stream.rested {
            stream.rested = true;
            stream.publisher.rest_until(now + Duration::from_millis(20));
        }
        if stream.next_check <= now {
            stream.next_check = now + CHECK_INTERVAL;
            self.flights.post(now, 3_000, from, stream.publisher.client.check(), Meaning::Other);
        }
        for departed in self.streams[at].publisher.produce(now) {
            self.post_media(at, departed);
        }
    }

    fn run_subscriber(&mut self, at: usize) {
        let (now, one) = (self.now, &mut self.subscribers[at]);
        if one.left {
            return;
        }
        if one.next_check <= now {
            one.next_check = now + CHECK_INTERVAL;
            self.flights.post(now, 3_000, one.address(), one.client.check(), Meaning::Check(at));
        }
        let due = one.due_requests(now);
        for line in 0..self.subscribers[at].tap.lines.len() {
            let indexes: Vec<u64> =
                due.iter().filter(|(of, _)| *of == line).map(|(_, index)| *index).collect();
            if !indexes.is_empty() {
                self.ask_for(at, line, indexes);
            }
        }
    }

    /// What the router sent, and what it tells.
    pub(super) fn dispatch(&mut self, out: Kept) {
        let (now, wall) = (self.now, self.wall());
        for (_, to, data) in out.0 {
            match self.owners[&to] {
                Owner::Publisher(at) => self.tell_publisher(at, &data),
                Owner::Subscriber(at) if is_media(&data) => {
                    let one = &mut self.subscribers[at];
                    assert!(!one.left, "sent to one who left");
                    one.receive(now, wall, &data, &mut self.dice);
                }
                Owner::Subscriber(at) => {
                    let replies = self.subscribers[at].client.receive(now, &data);
                    replies
                        .into_iter()
                        .for_each(|data| self.flights.post(now, 1_000, to, data, Meaning::Other));
                }
            }
        }
        while let Some(event) = self.router.poll_event() {
            self.note(&event);
        }
    }

    fn tell_publisher(&mut self, at: usize, data: &[u8]) {
        let (now, publisher) = (self.now, &mut self.streams[at].publisher);
        if is_media(data) {
            let departed = publisher.receive_rtcp(now, data);
            departed.into_iter().for_each(|departed| self.post_media(at, departed));
        } else {
            let from = publisher.client.address;
            let replies = publisher.client.receive(now, data);
            replies.into_iter().for_each(|data| self.flights.post(now, 1_000, from, data, Meaning::Other));
        }
    }

    fn note(&mut self, event: &Event) {
        let now = self.now;
        match event {
            Event::SubscriptionLive { sid } => self.subscribers[number(sid.as_str())].begin(now),
            Event::SubscriptionEnded { sid, .. } => self.subscribers[number(sid.as_str())].leave(now),
            Event::StreamLive { .. } | Event::Speaking { .. } => {}
            // Streams have one layer, and nothing is estimated.
            Event::StreamEnded { .. }
            | Event::BranchEnded { .. }
            | Event::LayersWanted { .. }
            | Event::SubscriptionPaused { .. }
            | Event::SubscriptionResumed { .. } => unreachable!("{event:?}"),
        }
    }
}
