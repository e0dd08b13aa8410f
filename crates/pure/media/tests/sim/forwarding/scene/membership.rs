//! Who comes and who goes: publishers and subscribers of random kinds.

use super::flights::Meaning;
use super::{Owner, Scene, Stream, name};
use crate::forwarding::client::Client;
use crate::forwarding::offer::{self, Answer};
use crate::forwarding::publisher::Publisher;
use crate::forwarding::reference::Reference;
use crate::forwarding::subscriber::Subscriber;
use crate::forwarding::tally;
use crate::forwarding::tap::{Outgoing, Tap};
use crate::network::Dice;
use crate::world::{Outgoing as Kept, mid, sid};
use media::Wanted;
use rtp::srtp::Profile;
use sdp::Kind;
use std::net::SocketAddr;
use std::time::Duration;

impl Scene {
    fn client(&mut self) -> Client {
        let port = 20_000 + self.owners.len() as u16;
        let profile = self.dice.below(3) as usize;
        self.tally.add(tally::PROFILES[profile], 1);
        Client::new(self.now, SocketAddr::from(([127, 0, 1, 1], port)), Profile::ALL[profile])
    }

    pub(in crate::forwarding) fn publish(&mut self) {
        let kinds = self.script.kinds(&mut self.dice);
        let mut lines = offer::lines(&mut self.dice, &kinds);
        if self.dice.chance(50) {
            for line in &mut lines {
                line.ssrcs = Some((self.dice.roll() as u32, self.dice.roll() as u32));
            }
        }
        let (mut client, number) = (self.client(), self.streams.len());
        let answer =
            self.router.publish(self.now, &mid(&name(number)), &offer::write("sendonly", &lines)).unwrap();
        let answer = Answer::read(&answer);
        client.accept(&answer.ufrag, &answer.pwd);
        self.owners.insert(client.address, Owner::Publisher(number));
        let reference = Reference::new(lines.iter().map(|line| line.kind));
        self.connect(&mut client);
        let dice = Dice::new(self.dice.roll());
        let publisher = Publisher::new(self.now, client, lines, number, self.script.habits, dice);
        let next_check = self.now + Duration::from_secs(2);
        self.streams.push(Stream { publisher, reference, next_check, rested: false, ended: false });
    }

    /// A subscriber of a stream that is there.
    pub(in crate::forwarding) fn subscribe(&mut self, stream: usize) {
        let offered: Vec<Kind> = self.streams[stream].publisher.lines.iter().map(|line| line.kind).collect();
        let mut kinds = offered.clone();
        if kinds.len() > 1 && self.dice.chance(25) {
            kinds.remove(self.dice.below(kinds.len() as u64) as usize);
        }
        let lines = offer::lines(&mut self.dice, &kinds);
        let (mut client, number) = (self.client(), self.subscribers.len());
        let text = offer::write("recvonly", &lines);
        let answer = self
            .router
            .subscribe(self.now, &mid(&name(stream)), &sid(&name(number)), &text, Wanted::default())
            .unwrap();
        let answer = Answer::read(&answer);
        client.accept(&answer.ufrag, &answer.pwd);
        self.owners.insert(client.address, Owner::Subscriber(number));
        self.connect(&mut client);
        // Each track goes on the first free m-line of its kind.
        let mut free: Vec<_> = lines.iter().collect();
        let mut outgoing = Vec::new();
        for (track, kind) in offered.iter().enumerate() {
            let Some(at) = free.iter().position(|line| line.kind == *kind) else { continue };
            outgoing.extend(Outgoing::of(free.remove(at), track, &answer));
        }
        if self.now > self.start + Duration::from_secs(1) {
            self.tally.add(tally::LATE_SUBSCRIBERS, 1);
        }
        let loss = self.script.loss_down;
        self.subscribers.push(Subscriber::new(self.now, client, Tap::new(outgoing), stream, loss));
    }

    /// The first check, and the first message of the handshake.
    fn connect(&mut self, client: &mut Client) {
        let from = client.address;
        let check = client.check();
        self.flights.post(self.now, 1_000, from, check, Meaning::Other);
        for data in client.connect(self.now) {
            self.flights.post(self.now, 1_001, from, data, Meaning::Other);
        }
    }

    pub(in crate::forwarding) fn unpublish(&mut self, stream: usize) {
        let mut out = Kept::default();
        self.streams[stream].ended = true;
        self.tally.add(tally::UNPUBLISHED, 1);
        assert!(self.router.unpublish(self.now, &mid(&name(stream)), &mut out));
        self.dispatch(out);
    }

    pub(in crate::forwarding) fn unsubscribe(&mut self, subscriber: usize) {
        let mut out = Kept::default();
        assert!(self.router.unsubscribe(self.now, &sid(&name(subscriber)), &mut out));
        self.dispatch(out);
        self.subscribers[subscriber].leave(self.now);
    }
}
