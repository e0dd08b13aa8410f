//! Who comes when: late, after many packets, while nobody sends, and how often a key frame is asked for.

use crate::calls::assert_complete;
use crate::world::{AUDIO, BOTH, VIDEO, World};
use media::Wanted;
use std::time::Duration;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind};
use str0m::rtp::RtpWrite;

#[test]
fn a_late_joiner_gets_a_picture_at_once() {
    let mut world = World::new(1);
    let publisher = world.publish("alice#1", BOTH);
    world.run_for(Duration::from_secs(10));
    let requests = world.peers[publisher].key_frame_requests.len();
    let late = world.subscribe("alice#1", BOTH);
    world.run_until("it is connected", |world| world.peers[late].connected.is_some());
    let connected = world.now;
    world.run_until("there is a picture", |world| !world.peers[late].video_numbers().is_empty());
    // A request up, the next frame down: a round trip of 40 ms and a frame.
    assert!(world.now - connected < Duration::from_millis(120), "{:?}", world.now - connected);
    assert_eq!(world.peers[publisher].key_frame_requests.len(), requests + 1);
    world.run_for(Duration::from_secs(2));
    assert_complete(&world.peers[late].video_numbers());
    assert_complete(&world.peers[late].audio_numbers());
}

#[test]
fn who_comes_before_the_publisher_is_connected_is_served_too() {
    let mut world = World::new(2);
    let publisher = world.publish("alice#1", BOTH);
    world.peers[publisher].up.cut = true;
    let early = world.subscribe("alice#1", BOTH);
    world.run_for(Duration::from_secs(3));
    assert!(world.peers[early].connected.is_some() && world.peers[early].frames.is_empty());
    world.peers[publisher].up.cut = false;
    world.run_until("there is a picture", |world| !world.peers[early].video_numbers().is_empty());
    world.run_for(Duration::from_secs(2));
    assert_complete(&world.peers[early].video_numbers());
}

#[test]
fn a_crowd_is_served_with_few_key_frames() {
    let mut world = World::new(3);
    let publisher = world.publish("alice#1", VIDEO);
    world.run_for(Duration::from_secs(2));
    let before = world.peers[publisher].key_frame_requests.len();
    let crowd: Vec<usize> = (0..20).map(|_| world.subscribe("alice#1", VIDEO)).collect();
    world.run_until("all have a picture", |world| {
        crowd.iter().all(|&index| !world.peers[index].video_numbers().is_empty())
    });
    let asked = world.peers[publisher].key_frame_requests[before..].to_vec();
    assert!((1..=3).contains(&asked.len()), "{}", asked.len());
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(200)));
}

#[test]
fn a_subscriber_that_asks_all_the_time_does_not_wear_out_the_publisher() {
    let mut world = World::new(4);
    let publisher = world.publish("alice#1", VIDEO);
    let subscriber = world.subscribe("alice#1", VIDEO);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    let before = world.router.stats().key_frame_requests_sent;
    let video = world.peers[subscriber].media.video.unwrap();
    for _ in 0..100 {
        let kind = str0m::media::KeyframeRequestKind::Pli;
        let _ = world.peers[subscriber].rtc.writer(video).unwrap().request_keyframe(None, kind);
        world.peers[subscriber].wakes = world.now;
        world.run_for(Duration::from_millis(20));
    }
    let stats = world.router.stats();
    assert!(stats.key_frame_requests_received >= 10, "{stats:?}");
    let sent = stats.key_frame_requests_sent - before;
    assert!((1..=11).contains(&sent), "{sent} in 2 s");
    assert!(world.peers[publisher].closed.is_none());
}

/// A publisher that writes packets itself, with the sequence numbers that the test wants.
struct Scripted {
    world: World,
    publisher: usize,
    next: u64,
    /// Packets have no payload, as probes have not.
    silent: bool,
}

impl Scripted {
    fn new(seed: u64, first: u64) -> Self {
        let mut world = World::new(seed);
        let config = World::config().set_rtp_mode(true);
        let publisher = world.publish_with("alice#1", AUDIO, config);
        world.run_until("it is connected", |world| world.peers[publisher].connected.is_some());
        Self { world, publisher, next: first, silent: false }
    }

    fn send(&mut self, count: u64) {
        for _ in 0..count {
            let peer = &mut self.world.peers[self.publisher];
            let mid = peer.media.audio.unwrap();
            let params = peer.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus).unwrap();
            let pt = params.pt();
            let (now, time) = (self.world.now, (self.next as u32).wrapping_mul(960));
            let payload = if self.silent { Vec::new() } else { crate::media::opus_packet(self.next as u32) };
            let mut direct = peer.rtc.direct_api();
            let stream = direct.stream_tx_by_mid(mid, None).unwrap();
            stream.write_rtp(RtpWrite::new(pt, self.next.into(), time, now, payload));
            self.next += 1;
            self.world.drive(self.publisher);
            self.world.run_for(Duration::from_millis(1));
        }
    }

    /// The numbers in the packets that this subscriber got, and the sequence numbers that they had, extended.
    fn got(&self, subscriber: usize) -> (Vec<u32>, Vec<u64>) {
        let packets = &self.world.peers[subscriber].packets;
        let payloads = packets.iter().map(|packet| crate::media::opus_number(&packet.payload).unwrap());
        (payloads.collect(), packets.iter().map(|packet| *packet.seq_no).collect())
    }
}

#[test]
fn sequence_numbers_and_rollover_run_on_for_everybody() {
    let mut script = Scripted::new(5, 65_000);
    let config = || World::config().set_rtp_mode(true);
    let first = script.world.subscribe_with("alice#1", AUDIO, config());
    script.world.run_until("it is connected", |world| world.peers[first].connected.is_some());
    script.send(70_000); // over two wraps
    let late = script.world.subscribe_with("alice#1", AUDIO, config());
    script.world.run_until("it is connected", |world| world.peers[late].connected.is_some());
    script.send(70_000);
    script.world.run_for(Duration::from_millis(100));
    for (subscriber, expected) in [(first, 140_000), (late, 70_000)] {
        let (numbers, sequences) = script.got(subscriber);
        assert_eq!(numbers.len(), expected);
        assert_complete(&numbers);
        assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "without a gap");
        assert!(sequences[0] < 0x8000, "the rollover counter begins at zero");
    }
}

#[test]
fn a_jump_of_the_publisher_is_no_jump_for_the_subscriber() {
    let mut script = Scripted::new(6, 1000);
    let subscriber = script.world.subscribe_with("alice#1", AUDIO, World::config().set_rtp_mode(true));
    script.world.run_until("it is connected", |world| world.peers[subscriber].connected.is_some());
    script.send(50);
    script.next += 20_000;
    script.send(50);
    script.world.run_for(Duration::from_millis(100));
    let (numbers, sequences) = script.got(subscriber);
    assert_eq!(numbers.len(), 100);
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn probes_without_payload_leave_no_gap() {
    let mut script = Scripted::new(8, 1000);
    let subscriber = script.world.subscribe_with("alice#1", AUDIO, World::config().set_rtp_mode(true));
    script.world.run_until("it is connected", |world| world.peers[subscriber].connected.is_some());
    for silent in [false, true, false, true, false] {
        script.silent = silent;
        script.send(20);
    }
    script.world.run_for(Duration::from_millis(100));
    let (numbers, sequences) = script.got(subscriber);
    assert_eq!(numbers.len(), 60);
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(script.world.router.stats().media_in, 100);
}

#[test]
fn a_subscriber_may_offer_more_than_there_is() {
    let mut world = World::new(7);
    world.publish("alice#1", AUDIO);
    let kinds = [MediaKind::Video, MediaKind::Audio, MediaKind::Audio];
    let address = world.address(50);
    let (mut peer, offer, pending) =
        crate::peer::Peer::offering(world.now, address, World::config(), Direction::RecvOnly, &kinds);
    let sid = crate::world::sid("s");
    let answer = world
        .router
        .subscribe(world.now, &crate::world::mid("alice#1"), &sid, &offer, Wanted::default())
        .unwrap();
    peer.accept(pending, &answer);
    let subscriber = world.add(peer);
    world.run_for(Duration::from_secs(2));
    assert!(world.peers[subscriber].frames.len() > 50);
}
