//! A router, its peers, the network between them, and the time.

use crate::media::{opus_packet, vp8_frame};
use crate::network::{Dice, Flights};
use crate::peer::Peer;
use media::{
    BranchId, COALESCE, Config, DatagramSink, DtlsIdentity, Estimation, Event, Incoming, Limits, Protocol,
    Router, SendBatch, Wanted, Wish,
};
use model::ids::{StreamId, SubscriptionId};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};
use str0m::format::Codec;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime};
use str0m::{Rtc, RtcConfig};

pub(crate) const BOTH: &[MediaKind] = &[MediaKind::Audio, MediaKind::Video];
pub(crate) const VIDEO: &[MediaKind] = &[MediaKind::Video];
pub(crate) const AUDIO: &[MediaKind] = &[MediaKind::Audio];

pub(crate) static IDENTITY: LazyLock<Arc<DtlsIdentity>> =
    LazyLock::new(|| Arc::new(DtlsIdentity::generate().unwrap()));

/// Keeps what the router sends.
#[derive(Default)]
pub(crate) struct Outgoing(pub(crate) Vec<(IpAddr, SocketAddr, Vec<u8>)>);

impl DatagramSink for Outgoing {
    fn send(&mut self, batch: &SendBatch) {
        assert!(!batch.is_empty());
        self.0.extend(batch.iter().map(|datagram| (datagram.from, datagram.to, datagram.data.to_vec())));
    }
}

/// What a publisher sends by itself: 30 video frames and 50 audio packets per second.
struct Camera {
    peer: usize,
    next_video: Instant,
    next_audio: Instant,
    frames: u32,
    packets: u32,
    wants_key: bool,
    requests_seen: usize,
    stopped: bool,
}

/// Where the other router is.
const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_001);

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) router: Router,
    /// Where peers send to.
    pub(crate) server: SocketAddr,
    /// Where that arrives.
    pub(crate) local: IpAddr,
    pub(crate) peers: Vec<Peer>,
    pub(crate) dice: Dice,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) video_len: usize,
    /// Sizes of runs of datagrams to one destination, as the router sent them.
    pub(crate) runs: Vec<usize>,
    /// What a peer at this address sends is kept here.
    pub(crate) recorded: Option<(SocketAddr, Vec<Vec<u8>>)>,
    /// What is sent to this address is kept.
    pub(crate) keep: Option<SocketAddr>,
    /// What happens to offers on their way.
    pub(crate) edit: fn(&str) -> String,
    pub(crate) kept: Vec<Vec<u8>>,
    /// The other router, on which streams may go on.
    pub(crate) elsewhere: Router,
    branches: Vec<(BranchId, StreamId)>,
    /// Which copies on their way there are lost, by their number, and how many there were.
    pub(crate) copies_lost: std::ops::Range<usize>,
    pub(crate) copied: usize,
    /// What came back.
    pub(crate) wishes: Vec<Wish>,
    flights: Flights,
    by_address: HashMap<SocketAddr, usize>,
    cameras: Vec<Camera>,
    /// Own address and the one that the router sees.
    translated: HashMap<SocketAddr, SocketAddr>,
}

pub(crate) fn mid(name: &str) -> StreamId {
    StreamId::parse(name).unwrap()
}

pub(crate) fn sid(name: &str) -> SubscriptionId {
    SubscriptionId::parse(name).unwrap()
}

/// The time at which a run begins.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had in no other way; it only counts up from here"
)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    pub(crate) fn with_limits(seed: u64, limits: Limits) -> Self {
        Self::at(seed, limits, "127.0.0.1:40000".parse().unwrap(), "127.0.0.1".parse().unwrap())
    }

    /// A router that announces this address, and gets what is sent there at that one.
    pub(crate) fn at(seed: u64, limits: Limits, server: SocketAddr, local: IpAddr) -> Self {
        Self::estimating(seed, limits, (server, local), Some(Estimation::default()))
    }

    /// A router that looks for nothing, so that all that it sends is what came, as soon as it may.
    pub(crate) fn plain(seed: u64) -> Self {
        let (server, local) = ("127.0.0.1:40000".parse().unwrap(), "127.0.0.1".parse().unwrap());
        Self::estimating(seed, Limits::default(), (server, local), None)
    }

    fn estimating(
        seed: u64,
        limits: Limits,
        (server, local): (SocketAddr, IpAddr),
        estimation: Option<Estimation>,
    ) -> Self {
        static CRYPTO: std::sync::Once = std::sync::Once::new();
        CRYPTO.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
        let start = epoch();
        let mut candidates: Vec<SocketAddr> =
            vec!["127.0.0.1:40000".parse().unwrap(), "[::1]:40000".parse().unwrap()];
        if !candidates.contains(&server) {
            candidates = vec![server];
        }
        let candidates_elsewhere = vec![ELSEWHERE];
        let config = Config {
            dtls: Arc::clone(&IDENTITY),
            candidates,
            tcp: None,
            estimation,
            coalesce: COALESCE,
            limits,
        };
        let elsewhere = Router::new(Config { candidates: candidates_elsewhere, ..config.clone() });
        Self {
            now: start,
            start,
            router: Router::new(config),
            elsewhere,
            branches: Vec::new(),
            copies_lost: 0..0,
            copied: 0,
            wishes: Vec::new(),
            server,
            local,
            peers: Vec::new(),
            dice: Dice::new(seed),
            events: Vec::new(),
            video_len: 3000,
            runs: Vec::new(),
            recorded: None,
            keep: None,
            edit: str::to_owned,
            kept: Vec::new(),
            flights: Flights::default(),
            by_address: HashMap::new(),
            cameras: Vec::new(),
            translated: HashMap::new(),
        }
    }

    pub(crate) fn wall(&self) -> SystemTime {
        // Far from the clocks of the peers, which are str0m's.
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + (self.now - self.start)
    }

    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        let port = 20_000 + number as u16;
        match self.server {
            SocketAddr::V4(_) => SocketAddr::from(([127, 0, 1, 1], port)),
            SocketAddr::V6(_) => SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, 1], port)),
        }
    }

    pub(crate) fn config() -> RtcConfig {
        Rtc::builder().set_stats_interval(None)
    }

    /// A publisher whose camera and microphone run once it is connected.
    pub(crate) fn publish(&mut self, name: &str, kinds: &[MediaKind]) -> usize {
        let peer = self.publish_with(name, kinds, Self::config());
        self.cameras.push(Camera {
            peer,
            next_video: self.now,
            next_audio: self.now,
            frames: 0,
            packets: 0,
            wants_key: true,
            requests_seen: 0,
            stopped: false,
        });
        peer
    }

    /// A publisher that sends nothing by itself.
    pub(crate) fn publish_with(&mut self, name: &str, kinds: &[MediaKind], config: RtcConfig) -> usize {
        let address = self.address(self.peers.len());
        let (mut peer, offer, pending) =
            Peer::offering(self.now, address, config, Direction::SendOnly, kinds);
        let answer = self.router.publish(self.now, &mid(name), &offer).unwrap();
        peer.accept(pending, &answer);
        self.add(peer)
    }

    pub(crate) fn subscribe(&mut self, name: &str, kinds: &[MediaKind]) -> usize {
        self.subscribe_with(name, kinds, Self::config())
    }

    /// A subscriber; its subscription is called after its number.
    pub(crate) fn subscribe_with(&mut self, name: &str, kinds: &[MediaKind], config: RtcConfig) -> usize {
        let address = self.address(self.peers.len());
        let (mut peer, offer, pending) =
            Peer::offering(self.now, address, config, Direction::RecvOnly, kinds);
        let sid = self.sid_of(self.peers.len());
        let answer = self
            .router
            .subscribe(self.now, &mid(name), &sid, &(self.edit)(&offer), Wanted::default())
            .unwrap();
        peer.accept(pending, &answer);
        self.add(peer)
    }

    pub(crate) fn sid_of(&self, peer: usize) -> SubscriptionId {
        sid(&format!("sub#{peer}"))
    }

    pub(crate) fn add(&mut self, peer: Peer) -> usize {
        self.by_address.insert(peer.address, self.peers.len());
        self.peers.push(peer);
        self.peers.len() - 1
    }

    pub(crate) fn stop_camera(&mut self, peer: usize) {
        self.cameras.iter_mut().filter(|camera| camera.peer == peer).for_each(|camera| camera.stopped = true);
    }

    pub(crate) fn start_camera(&mut self, peer: usize) {
        let now = self.now;
        for camera in self.cameras.iter_mut().filter(|camera| camera.peer == peer) {
            (camera.next_video, camera.next_audio, camera.stopped) = (now, now, false);
            // An encoder that starts again starts with a key frame.
            camera.wants_key = true;
        }
    }

    /// How many frames this publisher's camera has sent.
    pub(crate) fn frames_sent(&self, peer: usize) -> u32 {
        self.cameras.iter().find(|camera| camera.peer == peer).map_or(0, |camera| camera.frames)
    }

    /// The peer's packets come from another address from now on, without its knowing.
    pub(crate) fn rename(&mut self, peer: usize, address: SocketAddr) {
        self.by_address.insert(address, peer);
        self.translated.insert(self.peers[peer].address, address);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until it is so; at most a minute.
    #[track_caller]
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&World) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.step(end), "not within a minute: {what}");
        }
    }

    /// One thing happens, before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let arrives = self.flights.next();
        let wakes = self.peers.iter().map(|peer| peer.wakes).min();
        let camera = self.next_camera();
        let router = self.router.poll_timeout();
        let elsewhere = self.elsewhere.poll_timeout();
        let Some(next) =
            [arrives, wakes, camera, router, elsewhere].into_iter().flatten().min().filter(|&at| at <= end)
        else {
            return false;
        };
        self.now = self.now.max(next);
        if arrives.is_some_and(|at| at <= self.now) {
            self.deliver();
        }
        self.run_cameras();
        let due: Vec<usize> =
            (0..self.peers.len()).filter(|&index| self.peers[index].wakes <= self.now).collect();
        for index in due {
            self.drive(index);
        }
        if router.is_some_and(|at| at <= self.now) {
            let mut out = Outgoing::default();
            self.router.handle_timeout(self.now, self.wall(), &mut out);
            self.dispatch(out);
        }
        if elsewhere.is_some_and(|at| at <= self.now) {
            let mut out = Outgoing::default();
            self.elsewhere.handle_timeout(self.now, self.wall(), &mut out);
            self.dispatch_elsewhere(out);
        }
        self.cross();
        true
    }

    fn deliver(&mut self) {
        let mut to_server = Vec::new();
        while let Some(flight) = self.flights.arrived(self.now) {
            if flight.to == self.server {
                to_server.push((flight.from, flight.data));
            } else if flight.to == ELSEWHERE {
                self.receive_elsewhere(flight.from, flight.data);
            } else if let Some(&index) = self.by_address.get(&flight.to) {
                self.peers[index].receive(self.now, flight.from, &flight.data);
                self.drive(index);
            }
        }
        if !to_server.is_empty() {
            self.receive(to_server);
        }
    }

    /// The router receives this batch.
    pub(crate) fn receive(&mut self, mut datagrams: Vec<(SocketAddr, Vec<u8>)>) {
        let local = self.local;
        let mut batch: Vec<Incoming<'_>> = datagrams
            .iter_mut()
            .map(|(source, data)| Incoming { source: *source, local, protocol: Protocol::Udp, data })
            .collect();
        let mut out = Outgoing::default();
        self.router.receive(self.now, self.wall(), &mut batch, &mut out);
        self.dispatch(out);
    }

    pub(crate) fn unpublish(&mut self, name: &str) -> bool {
        let mut out = Outgoing::default();
        let found = self.router.unpublish(self.now, &mid(name), &mut out);
        self.dispatch(out);
        found
    }

    pub(crate) fn mute(&mut self, name: &str, muted: bool) -> bool {
        let mut out = Outgoing::default();
        let found = self.router.mute(self.now, &mid(name), muted, &mut out);
        self.dispatch(out);
        found
    }

    pub(crate) fn unsubscribe(&mut self, peer: usize) -> bool {
        let mut out = Outgoing::default();
        let found = self.router.unsubscribe(self.now, &self.sid_of(peer), &mut out);
        self.dispatch(out);
        found
    }

    /// Lets a stream go on on the other router.
    pub(crate) fn branch(&mut self, name: &str) -> BranchId {
        let branch = BranchId(self.branches.len() as u64);
        let outline = self.router.branch_out(&mid(name), branch).unwrap();
        self.elsewhere.graft(self.now, &mid(name), branch, &outline).unwrap();
        self.branches.push((branch, mid(name)));
        branch
    }

    /// Somebody subscribes at the other router.
    pub(crate) fn subscribe_elsewhere(&mut self, name: &str, kinds: &[MediaKind]) -> usize {
        let address = self.address(self.peers.len());
        let (mut peer, offer, pending) =
            Peer::offering(self.now, address, Self::config(), Direction::RecvOnly, kinds);
        let sid = self.sid_of(self.peers.len());
        let answer = self.elsewhere.subscribe(self.now, &mid(name), &sid, &offer, Wanted::default()).unwrap();
        peer.accept(pending, &answer);
        self.add(peer)
    }

    pub(crate) fn unsubscribe_elsewhere(&mut self, peer: usize) -> bool {
        let mut out = Outgoing::default();
        let found = self.elsewhere.unsubscribe(self.now, &self.sid_of(peer), &mut out);
        self.dispatch_elsewhere(out);
        found
    }

    pub(crate) fn unpublish_elsewhere(&mut self, name: &str) -> bool {
        let mut out = Outgoing::default();
        let found = self.elsewhere.unpublish(self.now, &mid(name), &mut out);
        self.dispatch_elsewhere(out);
        found
    }

    /// The owner of both routers: carries copies and wishes, and loses some.
    fn cross(&mut self) {
        while let Some((branch, copies)) = self.router.take_copies() {
            let lost = self.copies_lost.contains(&self.copied);
            self.copied += 1;
            let (_, name) = self.branches[branch.0 as usize].clone();
            if !lost {
                let mut out = Outgoing::default();
                self.elsewhere.receive_copies(self.now, self.wall(), &name, &copies, &mut out);
                self.dispatch_elsewhere(out);
            }
            self.router.give_back(copies);
        }
        while let Some((branch, wish)) = self.elsewhere.poll_wish() {
            self.wishes.push(wish);
            let (_, name) = self.branches[branch.0 as usize].clone();
            let mut out = Outgoing::default();
            self.router.grant(self.now, &name, branch, wish, &mut out);
            self.dispatch(out);
        }
    }

    fn receive_elsewhere(&mut self, source: SocketAddr, mut data: Vec<u8>) {
        let mut batch =
            [Incoming { source, local: ELSEWHERE.ip(), protocol: Protocol::Udp, data: &mut data }];
        let mut out = Outgoing::default();
        self.elsewhere.receive(self.now, self.wall(), &mut batch, &mut out);
        self.dispatch_elsewhere(out);
    }

    fn dispatch_elsewhere(&mut self, out: Outgoing) {
        for (_, to, data) in out.0 {
            self.enqueue(self.now, ELSEWHERE, to, &data);
        }
        while let Some(event) = self.elsewhere.poll_event() {
            self.events.push((self.now, event));
        }
    }

    fn dispatch(&mut self, out: Outgoing) {
        let mut previous = None;
        for (from, to, data) in out.0 {
            assert_eq!(from, self.local, "answers leave from where the question arrived");
            self.kept.extend(self.keep.filter(|&kept| kept == to).map(|_| data.clone()));
            match self.runs.last_mut() {
                Some(run) if previous == Some(to) => *run += 1,
                _ => self.runs.push(1),
            }
            previous = Some(to);
            self.enqueue(self.now, self.server, to, &data);
        }
        while let Some(event) = self.router.poll_event() {
            self.events.push((self.now, event));
        }
    }

    pub(crate) fn drive(&mut self, index: usize) {
        let from = self.peers[index].address;
        for (to, data) in self.peers[index].drive(self.now) {
            if let Some((address, kept)) = &mut self.recorded
                && *address == from
            {
                kept.push(data.clone());
            }
            self.enqueue(self.now, from, to, &data);
        }
    }

    fn enqueue(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        let link = match (self.by_address.get(&from), self.by_address.get(&to)) {
            (Some(&index), _) => self.peers[index].up,
            (_, Some(&index)) => self.peers[index].down,
            _ => crate::network::Link::default(),
        };
        let from = self.translated.get(&from).copied().unwrap_or(from);
        for at in link.arrivals(now, &mut self.dice) {
            self.flights.post(at, from, to, data.to_vec());
        }
    }

    fn next_camera(&self) -> Option<Instant> {
        let running = self.cameras.iter().filter(|camera| !camera.stopped);
        running.map(|camera| camera.next_video.min(camera.next_audio)).min()
    }

    fn run_cameras(&mut self) {
        let now = self.now;
        for camera in &mut self.cameras {
            let peer = &mut self.peers[camera.peer];
            let ready = peer.connected.is_some() && peer.rtc.is_alive() && !camera.stopped;
            if peer.key_frame_requests.len() > camera.requests_seen {
                camera.requests_seen = peer.key_frame_requests.len();
                camera.wants_key = true;
            }
            if camera.next_video <= now {
                camera.next_video += Duration::from_micros(33_333);
                if let (true, Some(mid)) = (ready, peer.media.video) {
                    let len = 200 + self.dice.below(self.video_len as u64) as usize;
                    let frame = vp8_frame(camera.frames, camera.wants_key, len);
                    let pt = peer.payload_type(mid, Codec::Vp8);
                    let time = MediaTime::new(u64::from(camera.frames) * 3000, Frequency::NINETY_KHZ);
                    peer.rtc.writer(mid).unwrap().write(pt, now, time, frame).unwrap();
                    camera.frames += 1;
                    camera.wants_key = false;
                    peer.wakes = now;
                }
            }
            if camera.next_audio <= now {
                camera.next_audio += Duration::from_millis(20);
                if let (true, Some(mid)) = (ready, peer.media.audio) {
                    let packet = opus_packet(camera.packets);
                    let pt = peer.payload_type(mid, Codec::Opus);
                    let time = MediaTime::new(u64::from(camera.packets) * 960, Frequency::FORTY_EIGHT_KHZ);
                    let writer = peer.rtc.writer(mid).unwrap().audio_level(-30, true);
                    writer.write(pt, now, time, packet).unwrap();
                    camera.packets += 1;
                    peer.wakes = now;
                }
            }
        }
    }
}
