//! A router, its clients, and 5 ms of network between them.

use loadtest::client::{
    Arrival, Client, Clock, Direction, Event, Identity, Kind, Offering, Outgoing, Profile,
};
use media::{
    Config, DatagramSink, DtlsIdentity, Estimation, Incoming, Limits, Protocol, Router, SendBatch, Wanted,
};
use model::ids::{StreamId, SubscriptionId};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const LATENCY: Duration = Duration::from_millis(5);

/// What a client got of a packet.
pub(crate) struct Got {
    pub(crate) track: usize,
    pub(crate) sequence: u64,
    pub(crate) arrival: Arrival,
}

pub(crate) struct Peer {
    pub(crate) client: Client,
    address: SocketAddr,
    pub(crate) events: Vec<Event>,
    pub(crate) received: Vec<Got>,
    /// Loses every n-th packet of media that comes.
    pub(crate) lose_every: usize,
    seen: usize,
    /// Nothing comes or goes any more.
    pub(crate) cut_off: bool,
}

impl Peer {
    /// The numbers of all packets that came, each once, in order.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<_> = self.received.iter().map(|one| one.sequence).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

#[derive(Default)]
struct Outgoings(Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Outgoings {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, datagram.data.to_vec())));
    }
}

pub(crate) struct World {
    now: Instant,
    clock: Clock,
    identity: Arc<Identity>,
    router: Router,
    server: SocketAddr,
    pub(crate) clients: Vec<Peer>,
    /// Arrival, source, destination.
    flying: VecDeque<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
}

/// The payload of a packet: a VP8 descriptor, and a byte that says whether the frame is a key frame.
pub(crate) fn frame(key: bool, first: bool) -> [u8; 40] {
    let mut payload = [7; 40];
    payload[0] = if first { 0x10 } else { 0 };
    payload[1] = u8::from(!key);
    payload
}

impl World {
    pub(crate) fn new(profile: Profile) -> Self {
        Self::with(profile, None)
    }

    /// The router estimates what each subscriber's network carries.
    pub(crate) fn estimating(profile: Profile) -> Self {
        Self::with(profile, Some(Estimation::default()))
    }

    fn with(profile: Profile, estimation: Option<Estimation>) -> Self {
        let now = Instant::now();
        let server: SocketAddr = "192.0.2.1:40000".parse().unwrap();
        let dtls = Arc::new(DtlsIdentity::generate().unwrap());
        // The first candidate leads nowhere: checks find the other one.
        let candidates = vec!["198.51.100.1:40000".parse().unwrap(), server];
        Self {
            now,
            clock: Clock { at: now, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) },
            identity: Arc::new(Identity::generate(profile).unwrap()),
            router: Router::new(Config {
                dtls,
                candidates,
                tcp: None,
                coalesce: media::COALESCE,
                estimation,
                limits: Limits::default(),
            }),
            server,
            clients: Vec::new(),
            flying: VecDeque::new(),
        }
    }

    pub(crate) fn publish(&mut self, name: &str) -> usize {
        let mid = StreamId::parse(name).unwrap();
        self.connect(Direction::Publish, |router, now, offer| router.publish(now, &mid, offer).unwrap())
    }

    pub(crate) fn subscribe(&mut self, name: &str) -> usize {
        let mid = StreamId::parse(name).unwrap();
        let sid = SubscriptionId::parse(&format!("sub{}", self.clients.len())).unwrap();
        self.connect(Direction::Subscribe, |router, now, offer| {
            router.subscribe(now, &mid, &sid, offer, Wanted::default()).unwrap()
        })
    }

    fn connect(
        &mut self,
        direction: Direction,
        ask: impl FnOnce(&mut Router, Instant, &str) -> String,
    ) -> usize {
        let offer =
            Offering::new(&self.identity, direction, &[Kind::Audio, Kind::Video], "loadtest").unwrap();
        let answer = ask(&mut self.router, self.now, offer.sdp());
        let client = offer.accept(self.now, self.clock, &answer).unwrap();
        let address = SocketAddr::from(([203, 0, 113, 1], 20_000 + self.clients.len() as u16));
        self.clients.push(Peer {
            client,
            address,
            events: Vec::new(),
            received: Vec::new(),
            lose_every: 0,
            seen: 0,
            cut_off: false,
        });
        self.clients.len() - 1
    }

    /// A packet of a publisher's, to the server.
    pub(crate) fn send(&mut self, from: usize, track: usize, timestamp: u32, marker: bool, payload: &[u8]) {
        let sealed = self.seal(from, track, timestamp, marker, payload);
        self.flying.push_back((self.now + LATENCY, self.clients[from].address, self.server, sealed));
    }

    /// One that gets lost on its way.
    pub(crate) fn send_into_the_void(&mut self, from: usize, track: usize, timestamp: u32, payload: &[u8]) {
        self.seal(from, track, timestamp, false, payload);
    }

    fn seal(&mut self, from: usize, track: usize, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 1500];
        let packet = Outgoing { marker, timestamp, payload };
        let len = self.clients[from].client.send(self.now, track, &packet, &mut buffer).unwrap();
        buffer[..len].to_vec()
    }

    pub(crate) fn ask_for_key_frame(&mut self, client: usize, track: usize) {
        self.act(client, |client, _, send| client.request_key_frame(track, send));
    }

    pub(crate) fn close(&mut self, client: usize) {
        self.act(client, |client, now, send| client.close(now, send));
    }

    /// What the router believes that the network of each subscriber of a stream carries, in bits per second.
    pub(crate) fn estimates(&self, stream: &str) -> Vec<Option<u64>> {
        let detail = self.router.describe(&StreamId::parse(stream).unwrap()).unwrap();
        detail.subscriptions.iter().map(|one| one.estimate).collect()
    }

    /// Lets a client do something, and takes what it sends.
    fn act<T>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Client, Instant, &mut dyn FnMut(SocketAddr, &[u8])) -> T,
    ) -> T {
        let peer = &mut self.clients[index];
        let (from, at, flying) = (peer.address, self.now + LATENCY, &mut self.flying);
        let cut_off = peer.cut_off;
        let result = act(&mut peer.client, self.now, &mut |to, datagram| {
            if !cut_off {
                flying.push_back((at, from, to, datagram.to_vec()));
            }
        });
        while let Some(event) = peer.client.poll_event() {
            peer.events.push(event);
        }
        result
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    #[track_caller]
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.step(end), "not within a minute: {what}");
        }
    }

    fn step(&mut self, end: Instant) -> bool {
        let arrives = self.flying.front().map(|flying| flying.0);
        let clients = self.clients.iter().filter_map(|peer| peer.client.poll_timeout()).min();
        let router = self.router.poll_timeout();
        let Some(next) = [arrives, clients, router].into_iter().flatten().min().filter(|&at| at <= end)
        else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some((at, from, to, datagram)) = self.flying.pop_front() {
            if at > self.now {
                self.flying.push_front((at, from, to, datagram));
                break;
            }
            self.deliver(from, to, datagram);
        }
        for index in 0..self.clients.len() {
            self.act(index, |client, now, send| client.handle_timeout(now, send));
        }
        let mut out = Outgoings::default();
        self.router.handle_timeout(self.now, self.wall(), &mut out);
        self.dispatch(out);
        true
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall + (self.now - self.clock.at)
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, mut datagram: Vec<u8>) {
        if to == self.server {
            let mut out = Outgoings::default();
            let incoming =
                Incoming { source: from, local: to.ip(), protocol: Protocol::Udp, data: &mut datagram };
            self.router.receive(self.now, self.wall(), &mut [incoming], &mut out);
            return self.dispatch(out);
        }
        let Some(index) = self.clients.iter().position(|peer| peer.address == to && !peer.cut_off) else {
            return;
        };
        let header = self.act(index, |client, now, send| client.handle(now, from, &mut datagram, send));
        let Some(header) = header else { return };
        let peer = &mut self.clients[index];
        peer.seen += 1;
        if peer.lose_every > 0 && peer.seen.is_multiple_of(peer.lose_every) {
            return;
        }
        // Every third is opened, so that numbers without opening are tested as well.
        let open = peer.seen.is_multiple_of(3);
        if let Some(received) = peer.client.receive(self.now, &header, &mut datagram, open) {
            let (track, sequence, arrival) = (received.track, received.sequence, received.arrival);
            peer.received.push(Got { track, sequence, arrival });
        }
    }

    fn dispatch(&mut self, out: Outgoings) {
        let at = self.now + LATENCY;
        let server = self.server;
        self.flying.extend(out.0.into_iter().map(|(to, datagram)| (at, server, to, datagram)));
        while self.router.poll_event().is_some() {}
    }
}
