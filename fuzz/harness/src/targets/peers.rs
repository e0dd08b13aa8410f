//! A router with a publisher and subscribers that are connected: they hold the keys and send what they like, media and
//! control, whole and broken, true and false. Whatever comes, all that leaves can be opened once, is what the answers
//! announced, and goes to who may have it; and what the router keeps of it stays within its bounds.

mod asking;
mod bounds;
mod media;
mod rearranging;
mod seeds;

use crate::offer::{Form, Offered, id};
use crate::peer::{Peer, SERVER, Sent, address, offer, router};
use crate::script::Script;
use crate::time::{Timed, epoch, wall};
use ::media::{BranchId, Estimation, Event, Incoming, NetworkId, Protocol, Router, TapId, Wanted};
use model::{StreamId, SubscriptionId};
use rtp::packet::is_rtcp;
use rtp::rtcp;
use rtp::srtp::SrtpError;
use rtp::twcc::ArrivalLog;
use rtp::{Header, RtpPacket};
pub(crate) use seeds::seeds;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;
/// Only in some worlds.
const SECOND: usize = 2;

/// Each has so many addresses.
const ADDRESSES: usize = 8;

/// What a subscriber got lately, and may ask for again.
const REMEMBERED: usize = 64;

/// The longest script: each step is cheap, and a long one says no more than a short one.
const MAX_STEPS: usize = 400;

/// From here on a step is one of those that layers and bandwidth are about.
const STEERING: u8 = 192;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::new(Scene::read(script.byte()));
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        world.step(&mut script);
    }
    world.close();
}

/// Who is there, and what was agreed on.
#[derive(Clone, Copy, Debug)]
struct Scene {
    /// Subscribers take retransmissions as a stream of their own; else they are the same packets again.
    rtx: bool,
    estimation: Option<Estimation>,
    form: Form,
    /// A second subscriber.
    two: bool,
    /// Both are on one network.
    shared: bool,
}

impl Scene {
    /// The first byte of an input.
    fn read(bits: u8) -> Self {
        let slow = Estimation { start: 100_000, min: 30_000, max: 1_000_000 };
        let estimation = if bits & 0x40 == 0 { Estimation::default() } else { slow };
        Self {
            rtx: bits & 1 != 0,
            estimation: (bits & 2 == 0).then_some(estimation),
            form: [Form::Plain, Form::Simulcast, Form::Vp9, Form::Av1][usize::from(bits >> 2 & 3)],
            two: bits & 0x10 != 0,
            shared: bits & 0x20 == 0,
        }
    }

    fn publishing(self) -> Offered {
        Offered { form: self.form, ..Offered::PUBLISHER }
    }

    fn subscribing(self) -> Offered {
        Offered { form: self.form, rtx: self.rtx, ..Offered::SUBSCRIBER }
    }

    fn network(self) -> Option<NetworkId> {
        self.shared.then_some(NetworkId(1))
    }
}

struct World {
    scene: Scene,
    now: Instant,
    router: Router,
    /// Has a branch of the stream.
    elsewhere: Router,
    branch: Option<BranchId>,
    mid: StreamId,
    sids: Vec<SubscriptionId>,
    peers: Vec<Peer>,
    /// The latest index of each SSRC of the publisher.
    indices: HashMap<u32, u64>,
    timestamp: u32,
    transport_sequence: u16,
    got: VecDeque<(u32, u16)>,
    /// What each subscriber got, still sealed, by SSRC and number.
    sealed: HashMap<(usize, u32, u16), Vec<u8>>,
    /// What each has to say of transport-wide numbers, what it said last, and how late it lets all seem.
    arrivals: Vec<ArrivalLog>,
    said: Vec<u8>,
    late: Duration,
    /// Who has left: nothing is for it any more.
    gone: Vec<bool>,
}

impl Timed for World {
    fn now(&mut self) -> &mut Instant {
        &mut self.now
    }

    fn due(&self) -> Option<Instant> {
        self.router.poll_timeout()
    }

    fn timeout(&mut self) {
        let mut out = Sent::default();
        self.router.handle_timeout(self.now, wall(self.now), &mut out);
        self.sent(out);
        let mut out = Sent::default();
        self.elsewhere.handle_timeout(self.now, wall(self.now), &mut out);
        assert!(out.0.is_empty());
        while let Some(event) = self.elsewhere.poll_event() {
            assert_eq!(event, Event::BranchEnded { mid: self.mid.clone() });
            self.branch.take().into_iter().for_each(|branch| self.router.cut_branch(&self.mid, branch));
        }
    }
}

impl World {
    fn new(scene: Scene) -> Self {
        let now = epoch();
        let mut router = router(scene.estimation);
        let mid = StreamId::parse("anna#1").expect("an id");
        let answer = router.publish(now, &mid, &offer(scene.publishing())).expect("an answer");
        let mut peers = vec![Peer::new(now, home(PUBLISHER), &answer)];
        let mut sids = Vec::new();
        for who in SUBSCRIBER..=if scene.two { SECOND } else { SUBSCRIBER } {
            let sid = SubscriptionId::parse(&format!("bob#{who}")).expect("an id");
            let wanted = Wanted { network: scene.network(), ..Wanted::default() };
            let offer = offer(scene.subscribing());
            let answer = router.subscribe(now, &mid, &sid, &offer, wanted).expect("an answer");
            peers.push(Peer::new(now, home(who), &answer));
            sids.push(sid);
        }
        let all = peers.len();
        let mut world = Self {
            scene,
            now,
            router,
            elsewhere: crate::peer::router(scene.estimation),
            branch: None,
            mid,
            sids,
            peers,
            indices: HashMap::new(),
            timestamp: 0,
            transport_sequence: 0,
            got: VecDeque::new(),
            sealed: HashMap::new(),
            arrivals: (0..all).map(|_| ArrivalLog::new()).collect(),
            said: Vec::new(),
            late: Duration::ZERO,
            gone: vec![false; all],
        };
        (0..all).for_each(|who| world.connect(who));
        assert_eq!(world.router.stats().connected, all as u64);
        world
    }

    /// Without losses it takes one round trip and a half.
    fn connect(&mut self, who: usize) {
        let (now, address) = (self.now, self.peers[who].address);
        let mut up = vec![self.peers[who].check(true, true)];
        up.extend(self.peers[who].drive(now));
        while !up.is_empty() {
            let mut down = Vec::new();
            for mut data in std::mem::take(&mut up) {
                let mut out = Sent::default();
                let mut batch =
                    [Incoming { source: address, local: SERVER, protocol: Protocol::Udp, data: &mut data }];
                self.router.receive(now, wall(now), &mut batch, &mut out);
                down.extend(out.0);
            }
            for (to, data) in down.into_iter().filter(|(_, data)| Peer::is_dtls(data)) {
                assert_eq!(to, address);
                up.extend(self.peers[who].receive(now, &data));
            }
        }
        assert!(self.peers[who].keys.is_some(), "connected");
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let step = script.byte();
        if step >= STEERING {
            self.steer(step, script);
        } else {
            self.act(step, script);
        }
        self.carry();
        self.check_bounds();
    }

    fn act(&mut self, step: u8, script: &mut Script<'_>) {
        let all = self.peers.len();
        match step % 16 {
            0..=3 => self.media(script),
            4 => {
                let sealed = self.sealed_rtp(script.chunk().to_vec());
                self.receive(home(PUBLISHER), sealed);
            }
            5 => {
                let sealed = self.sealed_rtcp(PUBLISHER, script.chunk());
                self.receive(home(PUBLISHER), sealed);
            }
            6 => {
                let sealed = self.sealed_rtcp(SUBSCRIBER, script.chunk());
                self.receive(home(SUBSCRIBER), sealed);
            }
            7 => self.ask(script),
            8 => self.report(script),
            9 => {
                let source = self.anywhere(script);
                self.receive(source, script.chunk().to_vec());
            }
            10 | 11 => self.pass(Duration::from_micros(u64::from(script.u16()) << script.below(10))),
            12 => {
                let (who, place, bits) = (script.below(all), script.below(ADDRESSES), script.byte());
                let peer = &self.peers[who];
                let nominates = bits & 1 != 0;
                let check =
                    if bits & 2 == 0 { peer.check(true, nominates) } else { peer.old_check(nominates) };
                self.receive(address((who * ADDRESSES + place) as u8), check);
            }
            13 => self.rearrange(script),
            14 => {
                // From the selected address or not, whole or not.
                let datagram = self.peers[script.below(all)].drive(self.now).pop();
                let source = self.anywhere(script);
                self.receive(source, datagram.unwrap_or_default());
            }
            _ => {
                self.pass(Duration::from_millis(20));
                self.media(script);
            }
        }
    }

    fn steer(&mut self, step: u8, script: &mut Script<'_>) {
        match step % 8 {
            0 | 1 => self.give_feedback(script),
            2 => self.allow(script),
            3 => self.prefer(script),
            4 => self.restart(script),
            5 => self.burst(script),
            6 => self.join(script),
            _ => self.a_while(script),
        }
    }

    /// An address of somebody, or of nobody.
    fn anywhere(&self, script: &mut Script<'_>) -> SocketAddr {
        address((script.below(256) % ((self.peers.len() + 1) * ADDRESSES)) as u8)
    }

    /// One of the subscribers.
    fn somebody(&self, script: &mut Script<'_>) -> usize {
        SUBSCRIBER + script.below(self.peers.len() - 1)
    }

    fn sid(&self, who: usize) -> SubscriptionId {
        self.sids[who - SUBSCRIBER].clone()
    }

    fn receive(&mut self, source: SocketAddr, mut data: Vec<u8>) {
        let mut out = Sent::default();
        let mut batch = [Incoming { source, local: SERVER, protocol: Protocol::Udp, data: &mut data }];
        self.router.receive(self.now, wall(self.now), &mut batch, &mut out);
        self.sent(out);
    }

    /// All that leaves is for one of them, at one of its addresses, and right.
    fn sent(&mut self, out: Sent) {
        for (to, data) in out.0 {
            let number = usize::from(to.port()) - 20_000;
            let who = number / ADDRESSES;
            assert!(who < self.peers.len(), "{to} is a stranger's");
            assert!(!self.gone[who], "who has left is left alone");
            match data.first() {
                Some(128..=191) if is_rtcp(&data) => self.control_for(who, data),
                Some(128..=191) => self.media_for(who, data),
                Some(1 | 20..=63) => {}
                other => panic!("a datagram that begins with {other:?}"),
            }
        }
        while let Some(event) = self.router.poll_event() {
            match event {
                Event::StreamEnded { .. } => self.gone.fill(true),
                Event::SubscriptionEnded { sid, .. } => {
                    let who = self.sids.iter().position(|one| *one == sid);
                    who.into_iter().for_each(|who| self.gone[SUBSCRIBER + who] = true);
                }
                _ => {}
            }
        }
        if let Some(tape) = self.router.take_tape() {
            for packet in tape.packets() {
                assert!(packet.tap == TapId(1) && packet.track == 0 && packet.payload.len() <= 1500);
            }
        }
    }

    fn control_for(&mut self, who: usize, mut data: Vec<u8>) {
        let (_, receiver) = self.peers[who].keys.as_mut().expect("it is connected");
        let opened = receiver.open_rtcp(&mut data).expect("it is sealed with the right keys, once");
        let mut packets = 0;
        for packet in rtcp::packets(&data[..opened.len]) {
            packet.expect("as we write it");
            packets += 1;
        }
        assert!(packets > 0, "an empty compound");
    }

    fn media_for(&mut self, who: usize, mut data: Vec<u8>) {
        assert!(who >= SUBSCRIBER, "a publisher gets no media");
        let peer = &mut self.peers[who];
        let (_, receiver) = peer.keys.as_mut().expect("it is connected");
        let header = Header::parse(&data).expect("a header");
        let (place, whole) = ((who, header.ssrc, header.sequence), data.clone());
        let opened = match receiver.open_rtp(&header, &mut data) {
            Err(SrtpError::Replay) if !self.scene.rtx => {
                // With other bytes it would give away both, and with GCM the key of the hash.
                assert_eq!(
                    self.sealed.get(&place),
                    Some(&whole),
                    "an index is sealed twice with different bytes"
                );
                return;
            }
            opened => opened.expect("it is sealed with the right keys, once"),
        };
        self.sealed.insert(place, whole);
        let packet = RtpPacket::parse(&data[..opened.len]).expect("a packet");
        let (ssrc, payload_type) = (header.ssrc, header.payload_type);
        let announced = |track: &crate::peer::Announced| {
            (track.ssrc, track.payload_type) == (ssrc, payload_type)
                || (track.video && track.rtx_ssrc == Some(ssrc) && payload_type == 97)
        };
        let track = peer.tracks.iter().find(|track| announced(track)).expect("what the answer announces");
        let name: &[u8] = if track.video { b"1" } else { b"0" };
        assert!(packet.extensions().find(id::MID).is_none_or(|mid| mid == name));
        assert_eq!(packet.csrcs().count(), 0);
        if let Some(number) = packet.extensions().find(id::TRANSPORT_CC) {
            let number = u16::from_be_bytes(number.try_into().expect("two bytes"));
            self.arrivals[who].received(self.now + self.late, number);
        }
        self.got.push_front((ssrc, header.sequence));
        self.got.truncate(REMEMBERED);
    }

    fn close(mut self) {
        let mut out = Sent::default();
        self.router.unpublish(self.now, &self.mid, &mut out);
        self.sent(out);
        let stats = self.router.stats();
        assert_eq!((stats.streams, stats.subscriptions, stats.connected), (0, 0, 0));
        assert_eq!(self.router.take_tape().map(drop), None);
        self.check_nothing_is_left();
    }
}

fn home(who: usize) -> SocketAddr {
    address((who * ADDRESSES) as u8)
}
