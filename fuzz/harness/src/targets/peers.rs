//! A router with a publisher and a subscriber that are connected: they hold the keys and send what they like, media and
//! control, whole and broken. Whatever comes, all that leaves can be opened once, is what the answers announced, and
//! goes to who may have it.

use super::named;
use crate::peer::{Peer, SERVER, Sent, address, offer, router};
use crate::script::Script;
use crate::time::{Timed, epoch, wall};
use media::{BranchId, Event, Incoming, Protocol, Router, TapId, Wanted};
use model::{StreamId, SubscriptionId};
use rtp::packet::is_rtcp;
use rtp::rtcp::{self, FirEntry, ReportBlock, SenderInfo, Writer};
use rtp::sequence::extend_near;
use rtp::srtp::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, SrtpError};
use rtp::write::{Written, pad, write_packet};
use rtp::{ExtensionValue, Fields, Header, NtpTime, RtpPacket};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;

/// Each has so many addresses.
const ADDRESSES: usize = 8;

/// What the subscriber got lately, and may ask for again.
const REMEMBERED: usize = 64;

/// The longest script: each step is cheap, and a long one says no more than a short one.
const MAX_STEPS: usize = 400;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::new(script.bit());
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        world.step(&mut script);
    }
    world.close();
}

struct World {
    now: Instant,
    router: Router,
    /// Has a branch of the stream.
    elsewhere: Router,
    branch: Option<BranchId>,
    mid: StreamId,
    sid: SubscriptionId,
    peers: [Peer; 2],
    /// The latest index of each SSRC of the publisher.
    indices: HashMap<u32, u64>,
    timestamp: u32,
    transport_sequence: u16,
    got: VecDeque<(u32, u16)>,
    rtx: bool,
    /// What the subscriber got, still sealed, by SSRC and number.
    sealed: HashMap<(u32, u16), Vec<u8>>,
    /// Who has left: nothing is for it any more.
    gone: [bool; 2],
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
    /// `rtx`: the subscriber takes retransmissions as a stream of their own; else they are the same packets again.
    fn new(rtx: bool) -> Self {
        let now = epoch();
        let mut router = router();
        let mid = StreamId::parse("anna#1").expect("an id");
        let sid = SubscriptionId::parse("bob#1").expect("an id");
        let answer = router.publish(now, &mid, &offer("sendonly", true)).expect("an answer");
        let publisher = Peer::new(now, home(PUBLISHER), &answer);
        let answer =
            router.subscribe(now, &mid, &sid, &offer("recvonly", rtx), Wanted::default()).expect("an answer");
        let subscriber = Peer::new(now, home(SUBSCRIBER), &answer);
        let mut world = Self {
            now,
            router,
            elsewhere: crate::peer::router(),
            branch: None,
            mid,
            sid,
            peers: [publisher, subscriber],
            indices: HashMap::new(),
            timestamp: 0,
            transport_sequence: 0,
            got: VecDeque::new(),
            rtx,
            sealed: HashMap::new(),
            gone: [false; 2],
        };
        world.connect(PUBLISHER);
        world.connect(SUBSCRIBER);
        assert_eq!(world.router.stats().connected, 2);
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
        match script.below(16) {
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
                let source = address(script.byte() % 24);
                self.receive(source, script.chunk().to_vec());
            }
            10 | 11 => self.pass(Duration::from_micros(u64::from(script.u16()) << script.below(10))),
            12 => {
                let (who, place) = (script.below(2), script.below(ADDRESSES));
                let check = self.peers[who].check(true, script.bit());
                self.receive(address((who * ADDRESSES + place) as u8), check);
            }
            13 => self.rearrange(script),
            14 => {
                // From the selected address or not, whole or not.
                let datagram = self.peers[script.below(2)].drive(self.now).pop();
                self.receive(address(script.byte() % 24), datagram.unwrap_or_default());
            }
            _ => {
                self.pass(Duration::from_millis(20));
                self.media(script);
            }
        }
        self.carry();
    }

    /// A packet as a publisher sends it, or nearly so.
    fn media(&mut self, script: &mut Script<'_>) {
        let (kind, shape) = (script.below(4), script.byte());
        let (payload_type, ssrc) =
            [(111, 1000), (96, 2000), (97, 3000), (96, 4000 + u32::from(shape >> 6))][kind];
        let last = self.indices.get(&ssrc).copied().unwrap_or(100);
        let step = [1, 1, 1, 2, 5, -1, -3, i64::from(script.u16().cast_signed())][usize::from(shape & 7)];
        let index = last.checked_add_signed(step).unwrap_or(0);
        self.timestamp = self.timestamp.wrapping_add(u32::from(shape >> 3 & 1) * 3000);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let fields = Fields {
            marker: shape & 0x10 != 0,
            payload_type,
            sequence: (index & 0xffff) as u16,
            timestamp: self.timestamp,
            ssrc,
        };
        let name = [b"0", b"1", b"1", b"1"][kind];
        let (time, number) = (script.array::<3>(), self.transport_sequence.to_be_bytes());
        let with_name = if shape & 0x20 == 0 { 1 } else { 0 };
        let extensions = [
            ExtensionValue { id: with_name, value: name },
            ExtensionValue { id: 2, value: &time },
            ExtensionValue { id: 3, value: &number },
        ];
        let mut payload = script.chunk().to_vec();
        if shape & 0x40 != 0 {
            payload.resize(payload.len() + 900, shape);
        }
        let mut packet = vec![0; 1400];
        let written = write_packet(&fields, &extensions, &payload, &mut packet).expect("there is room");
        let written = pad(written, shape & 3, &mut packet).expect("there is room");
        packet.truncate(written.len);
        let sealed = self.sealed_rtp(packet);
        self.receive(home(PUBLISHER), sealed);
    }

    /// What the publisher seals, if it has a header.
    fn sealed_rtp(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        let Ok(header) = Header::parse(&packet) else { return packet };
        let known = self.indices.get(&header.ssrc).copied();
        let first = u64::from(header.sequence);
        let index = known.and_then(|last| extend_near(last, header.sequence)).unwrap_or(first);
        self.indices.insert(header.ssrc, known.map_or(index, |last| last.max(index)));
        let written = Written { header_len: header.header_len(), len: packet.len() };
        packet.resize(written.len + MAX_RTP_OVERHEAD, 0);
        let (sender, _) = self.peers[PUBLISHER].keys.as_ref().expect("it is connected");
        let len = sender.seal_rtp(&mut packet, written, (index >> 16) as u32).expect("there is room");
        packet.truncate(len);
        packet
    }

    fn sealed_rtcp(&mut self, who: usize, compound: &[u8]) -> Vec<u8> {
        let mut bytes = compound.to_vec();
        // Header and SSRC are in every SRTCP packet.
        bytes.resize(compound.len().max(8) + MAX_RTCP_OVERHEAD, 0);
        if !is_rtcp(&bytes) {
            bytes[0] = 0x80 | (bytes[0] & 0x3f);
            bytes[1] = 200 + bytes[1] % 8;
        }
        let (sender, _) = self.peers[who].keys.as_mut().expect("it is connected");
        let len = sender.seal_rtcp(&mut bytes, compound.len().max(8)).expect("there is room");
        bytes.truncate(len);
        bytes
    }

    /// The subscriber wants something that is there.
    fn ask(&mut self, script: &mut Script<'_>) {
        let mut buffer = [0; 1000];
        let mut writer = Writer::new(&mut buffer);
        let tracks = &self.peers[SUBSCRIBER].tracks;
        let track = tracks[script.below(tracks.len())];
        let ssrc = if script.byte() & 7 == 7 { track.rtx_ssrc.unwrap_or(5) } else { track.ssrc };
        let written = match script.below(4) {
            0 => writer.pli(1, ssrc),
            1 => writer.fir(1, &[FirEntry { ssrc, sequence: script.byte() }]),
            2 => {
                let block = ReportBlock {
                    ssrc,
                    fraction_lost: script.byte(),
                    total_lost: script.u32().cast_signed() >> 8,
                    highest_sequence: script.u32(),
                    jitter: script.u32(),
                    last_sr: script.u32(),
                    delay_since_last_sr: script.u32(),
                };
                writer.receiver_report(1, &[block])
            }
            _ => {
                let (last, around) = (self.got.len().max(1), script.u16());
                let known: Vec<(u32, u16)> = script
                    .list(20, |script| self.got.get(script.below(last)).copied().unwrap_or((ssrc, around)));
                let ssrc = known.first().map_or(ssrc, |(ssrc, _)| *ssrc);
                let lost: Vec<u16> = known.into_iter().filter(|one| one.0 == ssrc).map(|one| one.1).collect();
                writer.nack(1, ssrc, &lost)
            }
        };
        written.expect("there is room");
        let len = writer.len();
        let sealed = self.sealed_rtcp(SUBSCRIBER, &buffer[..len]);
        self.receive(home(SUBSCRIBER), sealed);
    }

    /// A sender report of the publisher's.
    fn report(&mut self, script: &mut Script<'_>) {
        let mut buffer = [0; 200];
        let mut writer = Writer::new(&mut buffer);
        let ntp = NtpTime::from_bits(script.u64());
        let info = SenderInfo { ntp, rtp: script.u32(), packets: script.u32(), bytes: script.u32() };
        let ssrc = [1000, 2000, 4000, 9][script.below(4)];
        writer.sender_report(ssrc, &info, &[]).expect("there is room");
        if script.bit() {
            writer.goodbye(&[ssrc], "").expect("there is room");
        }
        let len = writer.len();
        let sealed = self.sealed_rtcp(PUBLISHER, &buffer[..len]);
        self.receive(home(PUBLISHER), sealed);
    }

    /// What the owner of the router, and its users, change.
    fn rearrange(&mut self, script: &mut Script<'_>) {
        match script.below(8) {
            0 => drop(self.router.tap(&self.mid, script.bit().then_some(TapId(1)))),
            1 if self.branch.is_none() => {
                let branch = BranchId(7);
                let Some(outline) = self.router.branch_out(&self.mid, branch) else { return };
                self.elsewhere.graft(self.now, &self.mid, branch, &outline).expect("it is not there yet");
                self.branch = Some(branch);
            }
            2 => {
                let sid = SubscriptionId::parse(&format!("eve#{}", script.byte())).expect("an id");
                let _ = self.router.subscribe(
                    self.now,
                    &self.mid,
                    &sid,
                    &offer("recvonly", true),
                    Wanted::default(),
                );
            }
            3 => {
                let sid = SubscriptionId::parse(&format!("eve#{}", script.byte())).expect("an id");
                let mut out = Sent::default();
                self.router.unsubscribe(self.now, &sid, &mut out);
                self.sent(out);
            }
            4 if script.byte() == 4 => {
                let mut out = Sent::default();
                self.router.unsubscribe(self.now, &self.sid, &mut out);
                self.sent(out);
                self.gone[SUBSCRIBER] = true;
            }
            6 => {
                let mut out = Sent::default();
                self.router.mute(self.now, &self.mid, script.bit(), &mut out);
                self.sent(out);
            }
            5 if script.byte() == 5 => {
                let who = script.below(2);
                for datagram in self.peers[who].close(self.now) {
                    self.receive(home(who), datagram);
                }
            }
            _ => {
                if let Some(detail) = self.router.describe(&self.mid) {
                    assert!(detail.subscriptions.len() <= 4 && detail.tracks.len() == 2);
                }
            }
        }
    }

    /// Copies and wishes go between the routers.
    fn carry(&mut self) {
        while let Some((branch, copies)) = self.router.take_copies() {
            assert_eq!(Some(branch), self.branch);
            let mut out = Sent::default();
            self.elsewhere.receive_copies(self.now, wall(self.now), &self.mid, &copies, &mut out);
            assert!(out.0.is_empty(), "nobody has subscribed there");
            self.router.give_back(copies);
        }
        while let Some((branch, wish)) = self.elsewhere.poll_wish() {
            let mut out = Sent::default();
            self.router.grant(self.now, &self.mid, branch, wish, &mut out);
            self.sent(out);
        }
    }

    fn receive(&mut self, source: SocketAddr, mut data: Vec<u8>) {
        let mut out = Sent::default();
        let mut batch = [Incoming { source, local: SERVER, protocol: Protocol::Udp, data: &mut data }];
        self.router.receive(self.now, wall(self.now), &mut batch, &mut out);
        self.sent(out);
    }

    /// All that leaves is for one of the two, at one of its addresses, and right.
    fn sent(&mut self, out: Sent) {
        for (to, data) in out.0 {
            let number = usize::from(to.port()) - 20_000;
            let who = number / ADDRESSES;
            assert!(who < 2, "{to} is a stranger's");
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
                Event::StreamEnded { .. } => self.gone = [true; 2],
                Event::SubscriptionEnded { sid, .. } if sid == self.sid => self.gone[SUBSCRIBER] = true,
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
        assert_eq!(who, SUBSCRIBER, "a publisher gets no media");
        let peer = &mut self.peers[who];
        let (_, receiver) = peer.keys.as_mut().expect("it is connected");
        let header = Header::parse(&data).expect("a header");
        let (place, whole) = ((header.ssrc, header.sequence), data.clone());
        let opened = match receiver.open_rtp(&header, &mut data) {
            Err(SrtpError::Replay) if !self.rtx => {
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
        assert!(packet.extensions().find(1).is_none_or(|mid| mid == name));
        assert_eq!(packet.csrcs().count(), 0);
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
    }
}

fn home(who: usize) -> SocketAddr {
    address((who * ADDRESSES) as u8)
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    // Kind, shape, leap, send time, payload.
    let packet = |kind: u8, shape: u8, payload: &[u8]| {
        [&[15, kind, shape, 0, 0, 1, 2, 3, payload.len() as u8][..], payload].concat()
    };
    let audio = |n: usize| packet(0, 0x08, &[252, 1, 2, 3]).repeat(n);
    let key = packet(1, 0x18, &[0x10, 0, 0x9d, 1, 0x2a, 1, 1, 1, 1]);
    let delta = packet(1, 0x18, &[0x10, 1, 2, 3]);
    let large = packet(1, 0x40, &[0, 2, 3, 4]);
    let repair = packet(2, 0, &[0, 102, 0x10, 1, 2, 3]);
    let call = [audio(3), key.clone(), delta.clone(), large.clone(), delta.clone()].concat();
    let nack = vec![7, 1, 0, 3, 0, 100, 4, 0, 1, 2, 3];
    let rtp = [4, 14, 0x90, 96, 0, 9, 0, 0, 0, 1, 0, 0, 7, 0xd0, 0xbe, 0xde];
    let two_byte =
        [4, 24, 0x90, 96, 0, 10, 0, 0, 0, 1, 0, 0, 7, 0xd0, 0x10, 0, 0, 1, 1, 1, b'1', 0, 0x10, 1, 2, 3];
    let seeds = named([
        ("call", call.clone()),
        ("key-frames", [call.clone(), vec![7, 1, 0, 0, 7, 1, 0, 1, 9], key.clone()].concat()),
        ("repairs", [call.clone(), nack.clone(), nack.clone(), delta.clone()].concat()),
        ("losses", [key.clone(), packet(1, 0x1c, &[0x10, 1]), vec![10, 0xff, 0xff, 3], repair].concat()),
        (
            "reports",
            [
                call.clone(),
                vec![8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 9, 0, 0, 9, 0, 1, 1],
                vec![10, 0xff, 0xff, 9],
            ]
            .concat(),
        ),
        (
            "receiver-report",
            [call.clone(), vec![7, 1, 0, 2, 5, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 5, 1, 2, 3, 4, 0, 0, 0, 1]]
                .concat(),
        ),
        ("branch-and-tap", [vec![13, 1, 13, 0, 1], call.clone(), vec![10, 0xff, 0xff, 8]].concat()),
        ("moves", [call.clone(), vec![12, 0, 3, 1, 12, 1, 4, 1], call.clone()].concat()),
        (
            "other-sources",
            [call.clone(), packet(3, 0x58, &[0x10, 0, 1]), packet(3, 0x98, &[0x10, 0, 1])].concat(),
        ),
        ("raw-rtp", [call.clone(), rtp.to_vec(), two_byte.to_vec()].concat()),
        (
            "raw-rtcp",
            [
                call.clone(),
                vec![5, 8, 0x80, 201, 0, 1, 0, 0, 0, 1, 6, 12, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
            ]
            .concat(),
        ),
        ("goes", [call.clone(), vec![13, 5, 5, 0], call.clone()].concat()),
        ("leaves", [call.clone(), vec![13, 4, 4], call.clone()].concat()),
        (
            "consent-lost",
            [call.clone(), vec![10, 0xff, 0xff, 9], vec![11, 0xff, 0xff, 9], call.clone()].concat(),
        ),
        ("strangers", vec![9, 20, 4, 0x80, 96, 0, 1, 9, 0, 3, 0x80, 200, 0]),
        (
            "repairs-without-rtx",
            [call, vec![10, 0xff, 0xff, 0], nack.clone(), vec![10, 0xff, 0xff, 1], nack].concat(),
        ),
    ]);
    // The first byte: retransmissions as a stream of their own.
    let begun = |(name, seed): (String, Vec<u8>)| {
        let rtx = u8::from(name != "repairs-without-rtx");
        (name, [vec![rtx], seed].concat())
    };
    seeds.into_iter().map(begun).collect()
}

#[cfg(test)]
mod tests {
    use super::{SUBSCRIBER, Script, World, seeds};

    fn played(name: &str) -> World {
        let (_, input) = seeds().into_iter().find(|(seed, _)| seed == name).unwrap();
        let (mut script, mut world) = (Script::new(&input[1..]), World::new(input[0] & 1 == 1));
        while !script.is_empty() {
            world.step(&mut script);
        }
        world
    }

    /// Seeds are bytes, and what they mean changes with the target.
    #[test]
    fn the_seeds_do_what_their_names_say() {
        let world = played("call");
        let stats = world.router.stats();
        assert!(stats.media_out >= 6 && stats.drops == 0, "{stats:?}");
        assert!(played("repairs").router.stats().retransmissions > 0);
        assert!(played("repairs-without-rtx").router.stats().retransmissions > 0);
        assert!(played("key-frames").router.stats().key_frame_requests_received == 2);
        assert!(played("losses").router.stats().nacks_sent > 0);
        assert!(played("branch-and-tap").router.stats().copies_out > 0);
        assert!(played("other-sources").router.stats().media_in >= 8);
        assert!(played("leaves").gone[SUBSCRIBER]);
        assert_eq!(played("goes").gone, [true; 2]);
        assert_eq!(played("consent-lost").gone, [true; 2]);
    }
}
