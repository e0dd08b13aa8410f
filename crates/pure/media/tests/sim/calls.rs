//! Calls over a good network.

use crate::world::{AUDIO, BOTH, VIDEO, World, mid};
use media::{Event, MediaErrorKind, Wanted};
use std::time::Duration;
use str0m::config::DtlsVersion;

/// Every number from the first to the last, in order.
#[track_caller]
pub(crate) fn assert_complete(numbers: &[u32]) {
    let expected: Vec<u32> = (numbers[0]..numbers[0] + numbers.len() as u32).collect();
    assert_eq!(numbers, expected);
}

fn call(version: DtlsVersion) {
    let mut world = World::new(1);
    let publisher = world.publish("alice#1", BOTH);
    let config = World::config().set_dtls_version(version);
    let subscriber = world.subscribe_with("alice#1", BOTH, config);
    world.run_until("both are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    world.run_for(Duration::from_secs(5));
    let (video, audio) = (world.peers[subscriber].video_numbers(), world.peers[subscriber].audio_numbers());
    assert!(video.len() > 130, "{}", video.len());
    assert!(audio.len() > 220, "{}", audio.len());
    assert_complete(&video);
    assert_complete(&audio);
    let first = world.peers[subscriber]
        .frames
        .iter()
        .find(|frame| Some(frame.mid) == world.peers[subscriber].media.video);
    assert!(first.unwrap().key, "video begins with a key frame");
    assert!(world.events.iter().any(|(_, event)| *event == Event::StreamLive { mid: mid("alice#1") }));
    let sid = world.sid_of(subscriber);
    assert!(world.events.iter().any(|(_, event)| *event == Event::SubscriptionLive { sid: sid.clone() }));
    let stats = world.router.stats();
    assert_eq!((stats.streams, stats.subscriptions, stats.connected, stats.handshakes), (1, 1, 2, 2));
    assert_eq!(stats.drops, 0);
    assert!(world.frames_sent(publisher) > 130);
}

#[test]
fn a_call_over_dtls_1_2() {
    call(DtlsVersion::Dtls12);
}

#[test]
fn a_call_over_dtls_1_3() {
    call(DtlsVersion::Dtls13);
}

#[test]
fn a_call_with_a_client_that_leaves_the_version_open() {
    call(DtlsVersion::Auto);
}

#[test]
fn ten_subscribers_get_the_same_frames() {
    let mut world = World::new(2);
    world.publish("alice#1", BOTH);
    let subscribers: Vec<usize> = (0..10).map(|_| world.subscribe("alice#1", BOTH)).collect();
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    world.run_for(Duration::from_secs(3));
    let last = world.peers[subscribers[0]].video_numbers().last().copied().unwrap();
    for subscriber in subscribers {
        let video = world.peers[subscriber].video_numbers();
        assert_complete(&video);
        assert_eq!(video.last(), Some(&last));
        assert_complete(&world.peers[subscriber].audio_numbers());
    }
}

#[test]
fn packets_of_a_frame_lie_side_by_side() {
    let mut world = World::plain(3);
    world.video_len = 20_000;
    world.publish("alice#1", VIDEO);
    for _ in 0..5 {
        world.subscribe("alice#1", VIDEO);
    }
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    world.run_for(Duration::from_secs(1));
    world.runs.clear();
    world.run_for(Duration::from_secs(2));
    let (datagrams, runs): (usize, usize) = (world.runs.iter().sum(), world.runs.len());
    assert!(datagrams > runs * 4, "{datagrams} datagrams in {runs} runs");
}

#[test]
fn a_subscriber_of_sound_alone_gets_no_video() {
    let mut world = World::new(4);
    world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", AUDIO);
    world.run_for(Duration::from_secs(3));
    assert!(world.peers[subscriber].audio_numbers().len() > 100);
    assert_eq!(world.peers[subscriber].frames.len(), world.peers[subscriber].audio_numbers().len());
}

#[test]
fn what_cannot_be_done_is_refused_with_its_kind() {
    let limits = media::Limits {
        transports: 3,
        subscribers_per_stream: 1,
        tracks_per_stream: 1,
        ..media::Limits::default()
    };
    let mut world = World::with_limits(5, limits);
    let address = world.address(900);
    let offer = |direction, kinds: &[_]| {
        crate::peer::Peer::offering(world.now, address, World::config(), direction, kinds).1
    };
    let send = str0m::media::Direction::SendOnly;
    let receive = str0m::media::Direction::RecvOnly;
    let (video, both, sub) = (offer(send, VIDEO), offer(send, BOTH), offer(receive, VIDEO));
    let sound = offer(receive, AUDIO);
    let now = world.now;
    let router = &mut world.router;
    let kind = |result: Result<String, media::MediaError>| result.map_err(|error| error.kind()).err();
    assert_eq!(kind(router.publish(now, &mid("a"), "nonsense")), Some(MediaErrorKind::UnusableSdp));
    assert_eq!(kind(router.publish(now, &mid("a"), &both)), Some(MediaErrorKind::Limit));
    assert_eq!(kind(router.publish(now, &mid("a"), &video)), None);
    assert_eq!(kind(router.publish(now, &mid("a"), &video)), Some(MediaErrorKind::Internal));
    let subscribe = |router: &mut media::Router, stream: &str, sid: &str, offer: &str| {
        kind(router.subscribe(now, &mid(stream), &crate::world::sid(sid), offer, Wanted::default()))
    };
    assert_eq!(subscribe(router, "b", "s", &sub), Some(MediaErrorKind::NoSuchStream));
    assert_eq!(subscribe(router, "a", "s", &sound), Some(MediaErrorKind::UnusableSdp));
    assert_eq!(subscribe(router, "a", "s", &sub), None);
    assert_eq!(subscribe(router, "a", "s", &sub), Some(MediaErrorKind::Internal));
    assert_eq!(subscribe(router, "a", "t", &sub), Some(MediaErrorKind::Limit));
    assert_eq!(kind(router.publish(now, &mid("b"), &video)), None);
    assert_eq!(kind(router.publish(now, &mid("c"), &video)), Some(MediaErrorKind::Limit));
}
