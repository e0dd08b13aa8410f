//! The router, one camera, its viewers, and virtual time.

use super::bottleneck::{Bottleneck, Queue};
use super::camera::{Camera, RIDS};
use super::viewer::{Viewer, Words};
use crate::forwarding::client::Client;
use crate::forwarding::offer::{self, Answer};
use crate::network::{Dice, Flights};
use crate::world::{IDENTITY, epoch, mid, sid};
use media::{
    BranchId, COALESCE, Config, DatagramSink, Estimation, Event, Incoming, Limits, NetworkId, Preference,
    Protocol, Router, SendBatch, Wanted, Wish,
};
use rtp::NtpTime;
use rtp::srtp::Profile;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CAMERA: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1)), 20_000);
const STREAM: &str = "ann#1";
/// From the router to the camera.
const NEAR: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Kept(Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Kept {
    fn send(&mut self, batch: &SendBatch) {
        self.0.extend(batch.iter().map(|datagram| (datagram.to, datagram.data.to_vec())));
    }
}

pub(crate) struct Scene {
    pub(crate) now: Instant,
    start: Instant,
    router: Router,
    pub(crate) camera: Camera,
    pub(crate) viewers: Vec<Viewer>,
    /// By viewer: the queue of its network.
    queues: Vec<usize>,
    networks: Vec<Queue>,
    pub(crate) events: Vec<Event>,
    /// The camera switches its layers as it is told, and takes so long to begin with one.
    obeys: Option<Duration>,
    flights: Flights,
    dice: Dice,
    next_checks: Instant,
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        let scene = Self::with(seed, Some(Estimation::default()), &Camera::offer());
        assert!(scene.1.contains("a=simulcast:recv q;h;f"), "{}", scene.1);
        scene.0
    }

    /// A camera with the highest layer only, and a router that looks for nothing.
    pub(crate) fn plain(seed: u64) -> Self {
        Self::with_one_layer(seed, None)
    }

    /// A camera with the highest layer only.
    pub(crate) fn with_one_layer(seed: u64, estimation: Option<Estimation>) -> Self {
        let (mut scene, _) = Self::with(seed, estimation, &Camera::plain_offer());
        scene.camera.activate([false, false, true], scene.now);
        scene
    }

    fn with(seed: u64, estimation: Option<Estimation>, offer: &str) -> (Self, String) {
        let now = epoch();
        let mut router = Router::new(Config {
            dtls: Arc::clone(&IDENTITY),
            candidates: vec![SocketAddr::new(SERVER, 40_000)],
            tcp: None,
            coalesce: COALESCE,
            limits: Limits::default(),
            estimation,
        });
        let answer = router.publish(now, &mid(STREAM), offer).unwrap();
        let mut dice = Dice::new(seed);
        let mut client = Client::new(now, CAMERA, Profile::AeadAes128Gcm);
        connect(now, &mut router, &mut client, &answer);
        let scene = Self {
            now,
            start: now,
            router,
            camera: Camera::new(now, client, &mut dice),
            viewers: Vec::new(),
            queues: Vec::new(),
            networks: Vec::new(),
            events: Vec::new(),
            obeys: None,
            flights: Flights::default(),
            dice,
            next_checks: now,
        };
        (scene, answer)
    }

    pub(crate) fn obeys(&mut self) {
        self.obeys_after(Duration::ZERO);
    }

    pub(crate) fn obeys_after(&mut self, time: Duration) {
        self.obeys = Some(time);
    }

    /// A viewer with a network of its own, by this name.
    pub(crate) fn view(
        &mut self,
        bottleneck: Bottleneck,
        network: Option<NetworkId>,
        preference: Preference,
    ) -> usize {
        self.view_as(Words::Arrivals, bottleneck, Wanted { network, preference })
    }

    /// The same, who says something else of its network.
    pub(crate) fn view_as(&mut self, words: Words, bottleneck: Bottleneck, wanted: Wanted) -> usize {
        self.networks.push(Queue { free: self.now });
        self.join(words, bottleneck, self.networks.len() - 1, wanted)
    }

    /// A viewer behind the bottleneck of another one.
    pub(crate) fn view_over(
        &mut self,
        other: usize,
        network: Option<NetworkId>,
        preference: Preference,
    ) -> usize {
        let bottleneck = self.viewers[other].network;
        self.join(Words::Arrivals, bottleneck, self.queues[other], Wanted { network, preference })
    }

    fn join(&mut self, words: Words, bottleneck: Bottleneck, queue: usize, wanted: Wanted) -> usize {
        let number = self.viewers.len();
        let sid = sid(&format!("v{number}#1"));
        let text = words.said(offer::write("recvonly", &Viewer::lines(words)));
        let answer = self.router.subscribe(self.now, &mid(STREAM), &sid, &text, wanted).unwrap();
        let address = SocketAddr::from(([127, 0, 2, 1], 20_000 + number as u16));
        let mut client = Client::new(self.now, address, Profile::AeadAes128Gcm);
        connect(self.now, &mut self.router, &mut client, &answer);
        let lines = Answer::read(&answer).lines;
        let rtx = lines[1].ssrcs.get(1).copied();
        let ssrcs = [Some(lines[0].ssrcs[0]), Some(lines[1].ssrcs[0]), rtx];
        self.viewers.push(Viewer::new(self.now, client, bottleneck, sid, (ssrcs, words)));
        self.queues.push(queue);
        number
    }

    pub(crate) fn prefer(&mut self, viewer: usize, preference: Preference) {
        assert!(self.router.prefer(self.now, &self.viewers[viewer].sid, preference));
    }

    /// The stream goes on elsewhere.
    pub(crate) fn branch_out(&mut self, branch: BranchId) {
        self.router.branch_out(&mid(STREAM), branch).unwrap();
    }

    /// And no longer.
    pub(crate) fn cut_branch(&mut self, branch: BranchId) {
        self.router.cut_branch(&mid(STREAM), branch);
    }

    /// A wish comes from there.
    pub(crate) fn grant(&mut self, branch: BranchId, wish: Wish) {
        let mut kept = Kept::default();
        self.router.grant(self.now, &mid(STREAM), branch, wish, &mut kept);
        self.carry(kept);
    }

    /// What the publisher was told last.
    pub(crate) fn wanted(&self) -> Vec<(&str, bool)> {
        let said = self.events.iter().rev().find_map(|event| match event {
            Event::LayersWanted { layers, .. } => Some(layers),
            _ => None,
        });
        said.unwrap().iter().map(|layer| (layer.rid.as_str(), layer.wanted)).collect()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + (self.now - self.start)
    }

    /// Packets of padding that have left so far.
    pub(crate) fn padding(&self) -> u64 {
        self.router.stats().padding_out
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timers = [self.router.poll_timeout(), self.flights.next(), Some(self.camera.next())];
            let viewers = self.viewers.iter().map(|viewer| viewer.next_look);
            let next = timers.into_iter().flatten().chain(viewers).chain([self.next_checks]).min().unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        let (now, wall) = (self.now, self.wall());
        let ntp = NtpTime::from_system(wall);
        let mut sent = self.camera.produce(now, ntp);
        if now >= self.next_checks {
            self.next_checks = now + Duration::from_secs(2);
            sent.push(self.camera.client.check());
            let there = self.viewers.iter().filter(|viewer| !viewer.network.cut);
            let checks: Vec<_> = there.map(|one| (one.client.address, one.client.check())).collect();
            checks.into_iter().for_each(|(from, check)| self.deliver(from, vec![check]));
        }
        if !sent.is_empty() {
            self.deliver(CAMERA, sent);
        }
        let mut said = Vec::new();
        for viewer in &mut self.viewers {
            let (from, delay) = (viewer.client.address, viewer.network.delay);
            let words = viewer.speak(now).into_iter().filter(|_| !viewer.network.cut);
            said.extend(words.map(|data| (now + delay, from, data)));
        }
        let router = SocketAddr::new(SERVER, 40_000);
        said.into_iter().for_each(|(at, from, data)| self.flights.post(at, from, router, data));
        while let Some(flight) = self.flights.arrived(now) {
            if flight.to == router {
                self.deliver(flight.from, vec![flight.data]);
            } else if flight.to == CAMERA {
                let again = self.camera.heed(&flight.data);
                self.deliver(CAMERA, again);
            } else {
                let viewer = usize::from(flight.to.port() - 20_000);
                self.viewers[viewer].receive(now, &flight.data);
            }
        }
        if self.router.poll_timeout().is_some_and(|at| at <= now) {
            let mut kept = Kept::default();
            self.router.handle_timeout(now, wall, &mut kept);
            self.carry(kept);
        }
        while self.router.take_copies().is_some() {}
        self.listen();
    }

    fn deliver(&mut self, source: SocketAddr, mut datagrams: Vec<Vec<u8>>) {
        let mut batch: Vec<Incoming<'_>> = datagrams
            .iter_mut()
            .map(|data| Incoming { source, local: SERVER, protocol: Protocol::Udp, data })
            .collect();
        let (mut kept, wall) = (Kept::default(), self.wall());
        self.router.receive(self.now, wall, &mut batch, &mut kept);
        self.carry(kept);
    }

    fn carry(&mut self, kept: Kept) {
        let router = SocketAddr::new(SERVER, 40_000);
        for (to, data) in kept.0 {
            if data[0] < 128 {
                continue;
            }
            if to == CAMERA {
                self.flights.post(self.now + NEAR, router, to, data);
                continue;
            }
            let viewer = usize::from(to.port() - 20_000);
            let queue = &mut self.networks[self.queues[viewer]];
            let network = self.viewers[viewer].network;
            if let Some(at) = network.arrival(self.now, data.len(), queue, &mut self.dice) {
                self.flights.post(at, router, to, data);
            }
        }
    }

    fn listen(&mut self) {
        while let Some(event) = self.router.poll_event() {
            match &event {
                Event::SubscriptionPaused { sid } | Event::SubscriptionResumed { sid } => {
                    let viewer = self.viewers.iter_mut().find(|viewer| viewer.sid == *sid).unwrap();
                    viewer.paused = matches!(event, Event::SubscriptionPaused { .. });
                }
                Event::LayersWanted { layers, .. } => {
                    let is_wanted = |rid: &str| layers.iter().any(|layer| layer.rid == rid && layer.wanted);
                    if let Some(time) = self.obeys {
                        self.camera.activate(RIDS.map(is_wanted), self.now + time);
                    }
                }
                Event::SubscriptionEnded { .. } | Event::StreamEnded { .. } => unreachable!("{event:?}"),
                _ => {}
            }
            self.events.push(event);
        }
    }
}

/// A check and a handshake, as if there was no network.
pub(crate) fn connect(now: Instant, router: &mut Router, client: &mut Client, answer: &str) {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let answer = Answer::read(answer);
    client.accept(&answer.ufrag, &answer.pwd);
    let mut waiting = vec![client.check()];
    waiting.extend(client.connect(now));
    while !waiting.is_empty() {
        let source = client.address;
        let mut batch: Vec<Incoming<'_>> = waiting
            .iter_mut()
            .map(|data| Incoming { source, local: SERVER, protocol: Protocol::Udp, data })
            .collect();
        let mut kept = Kept::default();
        router.receive(now, wall, &mut batch, &mut kept);
        let to_client = kept.0.into_iter().filter(|(to, data)| *to == source && data[0] < 128);
        waiting = to_client.flat_map(|(_, data)| client.receive(now, &data)).collect();
    }
    assert!(client.keys.is_some());
}
