//! What happens in one run: streams and subscribers that come and go, packets on their way, and the router, which is
//! called as a worker calls it.

mod clients;
mod flights;
mod membership;

use super::offer::Ids;
use super::publisher::{Media, Publisher};
use super::reference::Reference;
use super::script::{CALM, Script};
use super::subscriber::{Asked, Subscriber};
use super::tally::{self, Tally};
use super::verdict::{Verdict, sources_run_on};
use crate::network::Dice;
use crate::world::Outgoing as Kept;
use flights::{Flight, Flights, Meaning};
use media::{COALESCE, Config, Incoming, Limits, Protocol, Router};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Without a check for this long a subscriber is taken for away.
const PAUSE_AFTER: Duration = Duration::from_secs(15);

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
    flights: Flights,
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
        let config =
            Config { dtls, candidates, tcp: None, estimation: None, coalesce, limits: Limits::default() };
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
            flights: Flights::default(),
            owners: HashMap::new(),
        }
    }

    /// Lives until `end`, then judges.
    pub(super) fn play(&mut self) {
        let script = self.script;
        (0..script.streams).for_each(|_| self.publish());
        let end = self.start + script.length;
        while self.now < end {
            self.calm = self.now + CALM > end;
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

    fn turn(&mut self) {
        self.now += Duration::from_micros(50 + self.dice.below(self.script.turn));
        self.run_clients();
        let Script { swaps, batch, .. } = self.script;
        for batch in self.flights.arrived(self.now, swaps, batch, &mut self.dice) {
            self.receive(batch);
        }
        self.expire();
        let mut out = Kept::default();
        self.router.handle_timeout(self.now, self.wall(), &mut out);
        self.dispatch(out);
    }

    fn receive(&mut self, mut flights: Vec<Flight>) {
        for flight in &flights {
            self.look_on(flight);
        }
        let local = [127, 0, 0, 1].into();
        let incoming = |flight: &'_ mut Flight| (flight.from, std::mem::take(&mut flight.data));
        let mut datagrams: Vec<_> = flights.iter_mut().map(incoming).collect();
        let mut batch: Vec<Incoming<'_>> = datagrams
            .iter_mut()
            .map(|(source, data)| Incoming { source: *source, local, protocol: Protocol::Udp, data })
            .collect();
        let mut out = Kept::default();
        self.router.receive(self.now, self.wall(), &mut batch, &mut out);
        self.dispatch(out);
    }

    /// Tells the reference, and those who keep books, what is about to come to the router.
    fn look_on(&mut self, flight: &Flight) {
        let now = self.now;
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

fn name(number: usize) -> String {
    format!("n{number}#1")
}

fn number(name: &str) -> usize {
    name.trim_start_matches('n').split('#').next().unwrap().parse().unwrap()
}
