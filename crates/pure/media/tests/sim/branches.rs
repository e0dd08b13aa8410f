//! Streams that go on on another router: its subscribers notice nothing of that.

use crate::calls::assert_complete;
use crate::network::Link;
use crate::sync::assert_in_sync;
use crate::world::{BOTH, World, mid};
use media::{EndReason, Event, Wish};
use std::time::Duration;

/// A call with a subscriber at either router, which both see.
fn call(seed: u64) -> (World, [usize; 3]) {
    let mut world = World::new(seed);
    let publisher = world.publish("alice#1", BOTH);
    let here = world.subscribe("alice#1", BOTH);
    world.branch("alice#1");
    let there = world.subscribe_elsewhere("alice#1", BOTH);
    world.run_until("both have a picture", |world| {
        [here, there].iter().all(|&peer| !world.peers[peer].video_numbers().is_empty())
    });
    (world, [publisher, here, there])
}

#[test]
fn subscribers_of_a_branch_get_all_of_it_and_in_sync() {
    let (mut world, [publisher, here, there]) = call(1);
    world.run_for(Duration::from_secs(12));
    for peer in [here, there] {
        let (video, audio) = (world.peers[peer].video_numbers(), world.peers[peer].audio_numbers());
        assert!(video.len() as u32 + 20 > world.frames_sent(publisher) && audio.len() > 500);
        assert_complete(&video);
        assert_complete(&audio);
    }
    assert_in_sync(&world, there);
    assert!(world.wishes.iter().all(|wish| matches!(wish, Wish::KeyFrame { .. })), "{:?}", world.wishes);
}

#[test]
fn who_joins_late_at_a_branch_has_a_picture_at_once() {
    let (mut world, [publisher, _, _]) = call(2);
    world.run_for(Duration::from_secs(5));
    let requests = world.peers[publisher].key_frame_requests.len();
    let late = world.subscribe_elsewhere("alice#1", BOTH);
    world.run_until("it is connected", |world| world.peers[late].connected.is_some());
    let connected = world.now;
    world.run_until("it has a picture", |world| !world.peers[late].video_numbers().is_empty());
    assert!(world.now - connected < Duration::from_millis(300), "{:?}", world.now - connected);
    assert!(
        world.peers[late]
            .frames
            .iter()
            .find(|frame| Some(frame.mid) == world.peers[late].media.video)
            .unwrap()
            .key
    );
    assert_eq!(world.peers[publisher].key_frame_requests.len(), requests + 1);
}

#[test]
fn what_subscribers_of_a_branch_lose_is_sent_again_from_there() {
    let (mut world, [publisher, _, there]) = call(3);
    world.peers[there].down = Link::losing(10);
    world.run_for(Duration::from_secs(5));
    world.peers[there].down = Link::default();
    world.run_for(Duration::from_secs(1));
    world.stop_camera(publisher);
    world.run_for(Duration::from_secs(2));
    let numbers = world.peers[there].video_numbers();
    let sent = (world.frames_sent(publisher) - numbers[0]) as usize;
    assert!(numbers.len() * 100 >= sent * 99, "{} of {sent}", numbers.len());
    assert!(world.elsewhere.stats().retransmissions > 0);
    assert!(world.wishes.iter().all(|wish| matches!(wish, Wish::KeyFrame { .. })));
}

#[test]
fn what_never_came_over_is_wished_for_once_however_many_miss_it() {
    let (mut world, [publisher, _, there]) = call(4);
    let also = world.subscribe_elsewhere("alice#1", BOTH);
    world.run_for(Duration::from_secs(2));
    world.copies_lost = world.copied + 10..world.copied + 14;
    world.run_for(Duration::from_secs(3));
    world.stop_camera(publisher);
    world.run_for(Duration::from_secs(2));
    for peer in [there, also] {
        let numbers = world.peers[peer].video_numbers();
        assert_eq!(numbers.len() as u32, world.frames_sent(publisher) - numbers[0]);
    }
    let mut packets: Vec<_> = world
        .wishes
        .iter()
        .filter_map(
            |wish| if let Wish::Packet { track, number } = wish { Some((*track, *number)) } else { None },
        )
        .collect();
    let wished = packets.len();
    packets.sort_unstable();
    packets.dedup();
    assert!(wished > 0 && packets.len() == wished, "{:?}", world.wishes);
}

#[test]
fn a_branch_ends_with_its_stream_and_without_subscribers() {
    let (mut world, [_, here, there]) = call(5);
    assert!(world.unsubscribe_elsewhere(there));
    world.run_for(Duration::from_secs(9));
    // Somebody comes just in time.
    let other = world.subscribe_elsewhere("alice#1", BOTH);
    world.run_for(Duration::from_secs(20));
    assert_complete(&world.peers[here].video_numbers());
    assert!(!world.peers[other].video_numbers().is_empty());
    assert!(world.unsubscribe_elsewhere(other));
    world.run_for(Duration::from_secs(11));
    let ended = |world: &World| {
        world.events.iter().filter(|(_, event)| *event == Event::BranchEnded { mid: mid("alice#1") }).count()
    };
    assert_eq!((ended(&world), world.elsewhere.stats().streams), (1, 0));

    world.branch("alice#1");
    let last = world.subscribe_elsewhere("alice#1", BOTH);
    world.run_until("it has a picture", |world| !world.peers[last].video_numbers().is_empty());
    assert!(world.unpublish_elsewhere("alice#1"), "the owner ends it with its stream");
    let gone = Event::SubscriptionEnded { sid: world.sid_of(last), reason: EndReason::StreamGone };
    assert!(world.events.iter().any(|(_, event)| *event == gone));
}
