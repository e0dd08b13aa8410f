//! One run: the router, the devices, the networks between them and the world's time.

mod door;
mod membership;

use super::clocks::Clocks;
use super::device::{Device, Role, Sent};
use super::digest::Digest;
use super::ledger::Ledger;
use super::paths::Paths;
use super::script::Script;
use super::stranger::Stranger;
use super::tally::{self, Tally};
use crate::forwarding::publisher::Media;
use crate::network::{Dice, Flights, InFlight, Link};
use crate::world::Outgoing as Kept;
use media::{COALESCE, Config, DtlsIdentity, Limits, Router};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const SERVER: SocketAddr = SocketAddr::new(LOCAL, 40_000);

/// How often it is looked at what the router holds.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// No run takes a quarter of these.
const MAX_STEPS: usize = 200_000;

static IDENTITY: LazyLock<Arc<DtlsIdentity>> =
    LazyLock::new(|| Arc::new(DtlsIdentity::predictable(1).unwrap()));

pub(super) struct Scene {
    pub(super) now: Instant,
    pub(super) start: Instant,
    pub(super) dice: Dice,
    pub(super) script: Script,
    pub(super) router: Router,
    pub(super) clocks: Clocks,
    pub(super) devices: Vec<Device>,
    /// Of the devices that publish.
    pub(super) ledgers: HashMap<usize, Ledger>,
    pub(super) paths: Paths,
    pub(super) flights: Flights,
    pub(super) by_address: HashMap<SocketAddr, usize>,
    /// Addresses that were somebody's, and are nobody's now.
    pub(super) vacant: Vec<SocketAddr>,
    pub(super) stranger: Stranger,
    pub(super) tally: Tally,
    pub(super) digest: Digest,
    /// The router is not called before this.
    pub(super) still_until: Option<Instant>,
    backlog: Vec<InFlight>,
    /// Trouble comes, if it may.
    pub(super) next_trouble: Option<Instant>,
    next_look: Instant,
    /// Publishers whose latest report may have come late, by the clock of the router's host: what subscribers hear of
    /// its time cannot be right.
    pub(super) untimed: HashSet<usize>,
    /// SSRCs of media that the router has taken.
    sources: HashSet<u32>,
    /// Media and reports that came to the router, by their hashes, and how many different packets of media there were.
    came: HashSet<u64>,
    media: u64,
    steps: usize,
    /// When the router was last told the time, by its host's.
    timed: Instant,
}

impl Scene {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let now = crate::world::epoch();
        let config = Config {
            dtls: Arc::clone(&IDENTITY),
            candidates: vec![SERVER],
            tcp: None,
            estimation: None,
            coalesce: if dice.chance(20) { Duration::ZERO } else { COALESCE },
            limits: Limits::default(),
        };
        Self {
            now,
            start: now,
            script: Script::new(&mut dice),
            dice,
            router: Router::new(config),
            clocks: Clocks::new(now),
            devices: Vec::new(),
            ledgers: HashMap::new(),
            paths: Paths::default(),
            flights: Flights::default(),
            by_address: HashMap::new(),
            vacant: Vec::new(),
            stranger: Stranger::default(),
            tally: Tally::default(),
            digest: Digest::default(),
            still_until: None,
            backlog: Vec::new(),
            next_trouble: None,
            next_look: now,
            untimed: HashSet::new(),
            sources: HashSet::new(),
            came: HashSet::new(),
            media: 0,
            steps: 0,
            timed: now,
        }
    }

    /// Lives through it all.
    pub(super) fn play(&mut self) {
        (0..self.script.streams).for_each(|_| self.publish());
        (0..self.script.listeners).for_each(|_| self.subscribe());
        self.next_trouble = Some(self.now);
        let length = self.script.length;
        self.run_for(length);
        self.calm_down();
        self.all_is_well();
        self.everybody_leaves();
        (0..self.paths.taken_up).for_each(|_| self.tally.add(tally::TAKEN_UP));
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {
            self.steps += 1;
            assert!(self.steps < MAX_STEPS, "it never ends");
        }
        self.now = end;
    }

    /// One thing happens, before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let wakes = self.devices.iter_mut().filter_map(Device::wakes).min();
        let cut = self.devices.iter().filter_map(|device| Some(device.cut_until?.0)).min();
        let router = self.still_until.or_else(|| self.clocks.timeout(&self.router));
        let own = [self.flights.next(), self.next_trouble, Some(self.next_look), cut];
        let next = own.into_iter().chain([wakes, router]).flatten().min().unwrap();
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        self.mend_links();
        self.deliver();
        (0..self.devices.len()).for_each(|at| self.drive(at));
        if router.is_some_and(|at| at <= self.now) {
            self.call_router();
        }
        if self.next_look <= self.now {
            self.next_look = self.now + LOOK_INTERVAL;
            self.look();
        }
        if self.next_trouble.is_some_and(|at| at <= self.now) {
            let pause = Duration::from_millis(1 + self.dice.below(self.script.pause));
            self.next_trouble = Some(self.now + pause);
            self.make_trouble();
        }
        true
    }

    fn drive(&mut self, at: usize) {
        if self.devices[at].wakes().is_some_and(|wakes| wakes <= self.now) {
            if self.devices[at].begins_again().is_some_and(|again| again <= self.now) {
                self.restart(at);
            }
            let passed = self.now - self.start;
            let sent = self.devices[at].drive(self.now, passed);
            self.send(at, sent);
        }
    }

    /// A device sends something.
    pub(super) fn send(&mut self, at: usize, sent: Vec<Sent>) {
        for sent in sent {
            let data = match sent {
                Sent::Check(data) => {
                    self.paths.made(at, &data);
                    data
                }
                Sent::Media(data, media) => {
                    if let Media::Packet(sent) = media {
                        self.ledgers.get_mut(&at).unwrap().write(self.now, &sent);
                    }
                    data
                }
                Sent::Other(data) => {
                    if data[0] < 64 {
                        self.paths.shakes_hands(at, &data);
                    }
                    data
                }
            };
            let (link, from) = (self.devices[at].up, self.devices[at].address());
            for arrival in link.arrivals(self.now, &mut self.dice) {
                self.flights.post(arrival, from, SERVER, data.clone());
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(flight) = self.flights.arrived(self.now) {
            if flight.to == SERVER {
                self.backlog.push(flight);
            } else if let Some(at) = self.by_address.get(&flight.to).copied() {
                let sent = self.devices[at].receive(self.now, flight.data);
                self.send(at, sent);
            }
        }
        if self.still_until.is_none() && !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.receive(backlog);
        }
    }

    /// The router is told the time, after what waited for it.
    fn call_router(&mut self) {
        if self.still_until.take().is_some() {
            let backlog = std::mem::take(&mut self.backlog);
            self.receive(backlog);
        }
        let (now, wall) = (self.clocks.now(self.now), self.clocks.wall(self.now));
        let mut out = Kept::default();
        self.router.handle_timeout(now, wall, &mut out);
        self.dispatch(out, None);
        self.timed = now;
        let alive = self.paths.transports.iter().filter(|one| one.alive).count();
        self.paths.forget_restarts(now, self.router.holdings().names - alive);
    }

    fn mend_links(&mut self) {
        for device in &mut self.devices {
            if let Some((_, up, down)) = device.cut_until.filter(|(until, ..)| *until <= self.now) {
                (device.up, device.down, device.cut_until) = (up, down, None);
            }
        }
    }

    /// Nothing is lost any more, and nobody makes trouble but strangers.
    fn calm_down(&mut self) {
        self.script.calm_down();
        if let Some(still) = self.still_until {
            self.run_for(still.saturating_duration_since(self.now));
        }
        let good = |link: Link| Link { delay: link.delay, ..Link::default() };
        for device in &mut self.devices {
            if let Some((_, up, down)) = device.cut_until.take() {
                (device.up, device.down) = (up, down);
            }
            (device.up, device.down) = (good(device.up), good(device.down));
        }
        // What a restart came to is known at once.
        let unsure = |at: &usize| self.devices[*at].restarted.is_some();
        let unsure: Vec<usize> = (0..self.devices.len()).filter(unsure).collect();
        unsure.into_iter().for_each(|at| self.restart(at));
        // Who comes now is to be served at once, and not when somebody else's address is free.
        self.vacant.clear();
    }

    /// The stream of a device that publishes, if it is there.
    pub(super) fn publishers(&self) -> Vec<usize> {
        let publishes = |at: &usize| matches!(self.devices[*at].role, Role::Publisher(_));
        (0..self.devices.len()).filter(|at| self.paths.transports[*at].alive).filter(publishes).collect()
    }
}
