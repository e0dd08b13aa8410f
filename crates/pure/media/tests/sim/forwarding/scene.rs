//! What happens in one run: streams and subscribers that come and go, packets on their way, and the router, which is
//! called as a worker calls it.

use super::client::Client;
use super::offer::{self, Answer, Ids};
use super::publisher::{Departed, Media, Publisher};
use super::reference::Reference;
use super::script::Script;
use super::subscriber::{Asked, Subscriber, is_media};
use super::tally::{self, Tally};
use super::tap::{Outgoing, Tap};
use super::verdict::{Verdict, sources_run_on};
use crate::network::Dice;
use crate::world::{Outgoing as Kept, mid, sid};
use media::{COALESCE, Config, Event, Incoming, Limits, Router};
use rtp::srtp::Profile;
use sdp::Kind;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Without a check for this long a subscriber is taken for away.
const PAUSE_AFTER: Duration = Duration::from_secs(15);

/// What a datagram on its way to the router means to the one who looks on.
#[derive(Clone, Debug)]
enum Meaning {
    Media(usize, Media),
    /// A check of a subscriber.
    Check(usize),
    /// Packets that a subscriber asks for.
    Request(usize, usize, Vec<u64>),
    Other,
}

struct Flight {
    at: Instant,
    order: u64,
    from: SocketAddr,
    data: Vec<u8>,
    meaning: Meaning,
}

/// A published stream, or one that was.
pub(super) struct Stream {
    publisher: Publisher,
    reference: Reference,
    next_check: Instant,
    /// Media begins once its handshake is surely over.
    rested: bool,
    pub(super) ended: bool,
}

pub(super) struct Scene {
    pub(super) now: Instant,
    pub(super) dice: Dice,
    pub(super) streams: Vec<Stream>,
    pub(super) subscribers: Vec<Subscriber>,
    pub(super) router: Router,
    /// Nothing is lost any more.
    pub(super) calm: bool,
    pub(super) tally: Tally,
    script: Script,
    start: Instant,
    /// By arrival: time and order.
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    flights: HashMap<u64, Flight>,
    order: u64,
    owners: HashMap<SocketAddr, Owner>,
}

#[derive(Clone, Copy)]
enum Owner {
    Publisher(usize),
    Subscriber(usize),
}

impl Scene {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let start = crate::world::epoch();
        let candidates = vec!["127.0.0.1:40000".parse().unwrap()];
        let dtls = Arc::clone(&crate::world::IDENTITY);
        let coalesce = if dice.chance(20) { Duration::ZERO } else { COALESCE };
        let config = Config { dtls, candidates, coalesce, limits: Limits::default() };
        Self {
            now: start,
            script: Script::new(&mut dice),
            dice,
            streams: Vec::new(),
            subscribers: Vec::new(),
            router: Router::new(config),
            calm: false,
            tally: Tally::default(),
            start,
            queue: BinaryHeap::new(),
            flights: HashMap::new(),
            order: 0,
            owners: HashMap::new(),
        }
    }

    /// Lives until `end`, then judges.
    pub(super) fn play(&mut self) {
        let script = self.script;
        (0..script.streams).for_each(|_| self.publish());
        let end = self.start + script.length;
        while self.now < end {
            self.calm = self.now + super::script::CALM > end;
            script.act(self);
            self.turn();
        }
        let now = self.now;
        self.subscribers.iter_mut().for_each(|one| one.pause(now));
        self.judge();
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + (self.now - self.start)
    }

    fn client(&mut self) -> Client {
        let port = 20_000 + self.owners.len() as u16;
        let profile = self.dice.below(3) as usize;
        self.tally.add(tally::PROFILES[profile], 1);
        Client::new(self.now, SocketAddr::from(([127, 0, 1, 1], port)), Profile::ALL[profile])
    }

    pub(super) fn publish(&mut self) {
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
    pub(super) fn subscribe(&mut self, stream: usize) {
        let offered: Vec<Kind> = self.streams[stream].publisher.lines.iter().map(|line| line.kind).collect();
        let mut kinds = offered.clone();
        if kinds.len() > 1 && self.dice.chance(25) {
            kinds.remove(self.dice.below(kinds.len() as u64) as usize);
        }
        let lines = offer::lines(&mut self.dice, &kinds);
        let (mut client, number) = (self.client(), self.subscribers.len());
        let text = offer::write("recvonly", &lines);
        let answer =
            self.router.subscribe(self.now, &mid(&name(stream)), &sid(&name(number)), &text).unwrap();
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
        self.post(1_000, from, check, Meaning::Other);
        for data in client.connect(self.now) {
            self.post(1_001, from, data, Meaning::Other);
        }
    }

    pub(super) fn unpublish(&mut self, stream: usize) {
        let mut out = Kept::default();
        self.streams[stream].ended = true;
        self.tally.add(tally::UNPUBLISHED, 1);
        assert!(self.router.unpublish(self.now, &mid(&name(stream)), &mut out));
        self.dispatch(out);
    }

    pub(super) fn unsubscribe(&mut self, subscriber: usize) {
        let mut out = Kept::default();
        assert!(self.router.unsubscribe(self.now, &sid(&name(subscriber)), &mut out));
        self.dispatch(out);
        self.subscribers[subscriber].leave(self.now);
    }

    pub(super) fn change_source(&mut self, stream: usize) {
        let now = self.now;
        self.streams[stream].publisher.change_source(now);
    }

    pub(super) fn ask_for_key_frame(&mut self, subscriber: usize, line: usize) {
        let one = &mut self.subscribers[subscriber];
        let (from, data) = (one.address(), one.pli(line));
        self.post(5_000, from, data, Meaning::Other);
    }

    /// A subscriber asks for any packets at all.
    pub(super) fn ask_for(&mut self, subscriber: usize, line: usize, indexes: Vec<u64>) {
        let one = &mut self.subscribers[subscriber];
        let (from, data) = (one.address(), one.nack(line, &indexes));
        self.post(5_000, from, data, Meaning::Request(subscriber, line, indexes));
    }

    /// Sends a datagram to the router; it comes after so many microseconds.
    fn post(&mut self, after: u64, from: SocketAddr, data: Vec<u8>, meaning: Meaning) {
        let at = self.now + Duration::from_micros(after);
        self.queue.push(Reverse((at, self.order)));
        self.flights.insert(self.order, Flight { at, order: self.order, from, data, meaning });
        self.order += 1;
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
            self.post(after, from, data.clone(), Meaning::Media(stream, media.clone()));
        }
    }

    fn turn(&mut self) {
        self.now += Duration::from_micros(50 + self.dice.below(self.script.turn));
        self.run_clients();
        let batches = self.arrivals();
        for batch in batches {
            self.receive(batch);
        }
        self.expire();
        let mut out = Kept::default();
        self.router.handle_timeout(self.now, self.wall(), &mut out);
        self.dispatch(out);
    }

    fn run_clients(&mut self) {
        let now = self.now;
        for at in 0..self.streams.len() {
            let stream = &mut self.streams[at];
            if stream.ended {
                continue;
            }
            let from = stream.publisher.client.address;
            if stream.publisher.client.keys.is_some() && !stream.rested {
                stream.rested = true;
                stream.publisher.rest_until(now + Duration::from_millis(20));
            }
            if stream.next_check <= now {
                stream.next_check = now + Duration::from_millis(2_500);
                let check = stream.publisher.client.check();
                self.post(3_000, from, check, Meaning::Other);
            }
            for departed in self.streams[at].publisher.produce(now) {
                self.post_media(at, departed);
            }
        }
        for at in 0..self.subscribers.len() {
            let one = &mut self.subscribers[at];
            if one.left {
                continue;
            }
            let from = one.address();
            if one.next_check <= now {
                one.next_check = now + Duration::from_millis(2_500);
                let check = one.client.check();
                self.post(3_000, from, check, Meaning::Check(at));
            }
            let due = self.subscribers[at].due_requests(now);
            for line in 0..self.subscribers[at].tap.lines.len() {
                let indexes: Vec<u64> =
                    due.iter().filter(|(of, _)| *of == line).map(|(_, index)| *index).collect();
                if !indexes.is_empty() {
                    self.ask_for(at, line, indexes);
                }
            }
        }
    }

    /// What has arrived by now, out of order here and there, in batches of any size.
    fn arrivals(&mut self) -> Vec<Vec<Flight>> {
        let mut arrived = Vec::new();
        while let Some(Reverse((at, order))) = self.queue.peek().copied()
            && at <= self.now
        {
            self.queue.pop();
            arrived.extend(self.flights.remove(&order));
        }
        let is_media = |flight: &Flight| matches!(flight.meaning, Meaning::Media(..));
        for at in 1..arrived.len() {
            let fragile = |flight: &Flight| !is_media(flight) || flight.data.len() < 12;
            if !fragile(&arrived[at]) && !fragile(&arrived[at - 1]) && self.dice.chance(self.script.swaps) {
                arrived.swap(at, at - 1);
            }
        }
        let mut batches = Vec::new();
        while !arrived.is_empty() {
            let size = 1 + self.dice.below(self.script.batch) as usize;
            batches.push(arrived.drain(..size.min(arrived.len())).collect());
        }
        batches
    }

    fn receive(&mut self, mut flights: Vec<Flight>) {
        for flight in &flights {
            self.look_on(flight);
        }
        let local = [127, 0, 0, 1].into();
        let incoming = |flight: &'_ mut Flight| (flight.from, std::mem::take(&mut flight.data));
        let mut datagrams: Vec<_> = flights.iter_mut().map(incoming).collect();
        let mut batch: Vec<Incoming<'_>> =
            datagrams.iter_mut().map(|(source, data)| Incoming { source: *source, local, data }).collect();
        let mut out = Kept::default();
        self.router.receive(self.now, self.wall(), &mut batch, &mut out);
        self.dispatch(out);
    }

    /// Tells the reference, and those who keep books, what is about to come to the router.
    fn look_on(&mut self, flight: &Flight) {
        let now = self.now;
        debug_assert!(flight.at <= now && flight.order < self.order);
        match &flight.meaning {
            Meaning::Media(stream, media) => {
                let stream = &mut self.streams[*stream];
                if matches!(media, Media::Repair(..)) {
                    self.tally.add(tally::REPAIRED, 1);
                }
                if !stream.ended {
                    stream.reference.arrive(now, media);
                }
            }
            Meaning::Check(subscriber) => {
                let one = &mut self.subscribers[*subscriber];
                if !one.left && !one.epochs.is_empty() && !one.is_live() {
                    one.begin(now);
                }
                one.heard = now;
            }
            Meaning::Request(subscriber, line, indexes) => {
                let asked = indexes.iter().map(|index| Asked { at: now, line: *line, index: *index });
                self.subscribers[*subscriber].asked.extend(asked);
            }
            Meaning::Other => {}
        }
    }

    /// Who was not heard for long is taken for away.
    fn expire(&mut self) {
        let now = self.now;
        for one in self.subscribers.iter_mut().filter(|one| one.is_live() && now >= one.heard + PAUSE_AFTER) {
            one.pause(one.heard + PAUSE_AFTER);
        }
    }

    fn dispatch(&mut self, out: Kept) {
        let (now, wall) = (self.now, self.wall());
        for (_, to, data) in out.0 {
            match self.owners[&to] {
                Owner::Publisher(at) => self.to_publisher(at, &data),
                Owner::Subscriber(at) if is_media(&data) => {
                    let one = &mut self.subscribers[at];
                    assert!(!one.left, "sent to one who left");
                    one.receive(now, wall, &data, &mut self.dice);
                }
                Owner::Subscriber(at) => {
                    let replies = self.subscribers[at].client.receive(now, &data);
                    replies.into_iter().for_each(|data| self.post(1_000, to, data, Meaning::Other));
                }
            }
        }
        while let Some(event) = self.router.poll_event() {
            self.note(&event);
        }
    }

    fn to_publisher(&mut self, at: usize, data: &[u8]) {
        let (now, publisher) = (self.now, &mut self.streams[at].publisher);
        if is_media(data) {
            let departed = publisher.receive_rtcp(now, data);
            departed.into_iter().for_each(|departed| self.post_media(at, departed));
        } else {
            let from = publisher.client.address;
            let replies = publisher.client.receive(now, data);
            replies.into_iter().for_each(|data| self.post(1_000, from, data, Meaning::Other));
        }
    }

    fn note(&mut self, event: &Event) {
        let now = self.now;
        match event {
            Event::SubscriptionLive { sid } => self.subscribers[number(sid.as_str())].begin(now),
            Event::SubscriptionEnded { sid, .. } => self.subscribers[number(sid.as_str())].leave(now),
            Event::StreamLive { .. } => {}
            Event::StreamEnded { .. } | Event::BranchEnded { .. } => unreachable!("{event:?}"),
        }
    }

    fn judge(&mut self) {
        for (at, stream) in self.streams.iter().enumerate() {
            let mut shifts: Vec<HashMap<u32, u32>> = vec![HashMap::new(); stream.reference.tracks.len()];
            for subscriber in self.subscribers.iter().filter(|one| one.stream == at) {
                for (line, outgoing) in subscriber.tap.lines.iter().enumerate() {
                    let Ids { audio_level, .. } = stream.publisher.lines[outgoing.track].ids;
                    Verdict {
                        track: &stream.reference.tracks[outgoing.track],
                        subscriber,
                        line,
                        levels: audio_level != 0 && outgoing.line.ids.audio_level != 0,
                        shifts: &mut shifts[outgoing.track],
                        tally: &mut self.tally,
                    }
                    .pronounce();
                }
            }
            stream
                .reference
                .tracks
                .iter()
                .zip(&shifts)
                .for_each(|(track, shifts)| sources_run_on(track, shifts));
        }
    }
}

pub(super) fn name(number: usize) -> String {
    format!("n{number}#1")
}

fn number(name: &str) -> usize {
    name.trim_start_matches('n').split('#').next().unwrap().parse().unwrap()
}
