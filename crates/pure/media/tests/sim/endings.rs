//! How streams and subscriptions end, and when.

use crate::world::{BOTH, World, mid};
use media::{EndReason, Event};
use std::time::Duration;

fn stream_ended(reason: EndReason) -> Event {
    Event::StreamEnded { mid: mid("alice#1"), reason }
}

fn call(seed: u64) -> (World, usize, usize) {
    let mut world = World::new(seed);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    (world, publisher, subscriber)
}

#[track_caller]
fn when(world: &World, event: &Event) -> Duration {
    let (at, _) = world.events.iter().find(|(_, other)| other == event).expect("the event");
    *at - world.start
}

#[test]
fn a_publisher_that_vanishes_ends_its_stream_after_60_s() {
    let (mut world, publisher, subscriber) = call(1);
    world.peers[publisher].up.cut = true;
    let cut = world.now - world.start;
    world.run_for(Duration::from_secs(70));
    let ended = when(&world, &stream_ended(EndReason::ConsentLost));
    let silent = ended - cut;
    // Its latest check was up to three seconds before the cut.
    assert!((Duration::from_secs(56)..=Duration::from_secs(60)).contains(&silent), "{silent:?}");
    let sid = world.sid_of(subscriber);
    when(&world, &Event::SubscriptionEnded { sid, reason: EndReason::StreamGone });
    assert!(world.peers[subscriber].closed.is_some(), "the subscriber hears of it");
    let stats = world.router.stats();
    assert_eq!((stats.streams, stats.subscriptions, stats.connected), (0, 0, 0));
}

#[test]
fn a_subscriber_that_vanishes_hears_nothing_after_15_s_and_is_gone_after_60() {
    let (mut world, _, subscriber) = call(2);
    world.peers[subscriber].up.cut = true;
    world.run_for(Duration::from_secs(16));
    let received = world.peers[subscriber].received;
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.peers[subscriber].received, received, "nothing is sent to whom nobody hears");
    world.run_for(Duration::from_secs(40));
    let sid = world.sid_of(subscriber);
    when(&world, &Event::SubscriptionEnded { sid, reason: EndReason::ConsentLost });
    assert_eq!(world.router.stats().streams, 1, "the stream goes on");
}

/// A subscriber is away for so long, and then there again: by itself, or because it begins ICE anew, as browsers do
/// which have given up their paths.
fn subscriber_away(seed: u64, away: u64, moves: bool, anew: bool) {
    let (mut world, publisher, subscriber) = call(seed);
    // The way up only, so that the client itself does not give up, unless it begins anew.
    (world.peers[subscriber].up.cut, world.peers[subscriber].down.cut) = (true, anew);
    world.run_for(Duration::from_secs(away));
    if moves {
        world.rename(subscriber, "127.0.2.1:30000".parse().unwrap());
    }
    (world.peers[subscriber].up.cut, world.peers[subscriber].down.cut) = (false, false);
    if anew {
        crate::restarts::restart(&mut world, subscriber);
    }
    let before = world.peers[subscriber].frames.len();
    world.run_for(Duration::from_secs(8));
    let after = &world.peers[subscriber].frames[before..];
    assert!(after.len() > 100, "{} frames in 8 s after {away} s", after.len());
    let video = world.peers[subscriber].media.video;
    let first = after.iter().find(|frame| Some(frame.mid) == video).unwrap();
    assert!(first.key, "a picture begins with a key frame");
    let numbers = world.peers[subscriber].video_numbers();
    assert!(numbers.last().unwrap() + 30 >= world.frames_sent(publisher));
    let stats = world.router.stats();
    assert_eq!((stats.streams, stats.subscriptions, stats.handshakes), (1, 1, 2));
}

#[test]
fn a_subscriber_that_was_away_goes_on_with_a_key_frame() {
    subscriber_away(3, 17, false, false);
    subscriber_away(30, 17, true, false);
}

#[test]
fn one_that_was_away_for_30_s_or_45_s_begins_ice_anew_and_goes_on() {
    for (seed, away, moves) in [(31, 30, false), (32, 45, false), (33, 30, true), (34, 45, true)] {
        subscriber_away(seed, away, moves, true);
    }
}

#[test]
fn a_publisher_that_was_away_for_30_s_or_45_s_is_asked_for_a_key_frame() {
    for (seed, away, moves) in [(35, 30, false), (36, 45, false), (37, 45, true)] {
        let (mut world, publisher, subscriber) = call(seed);
        (world.peers[publisher].up.cut, world.peers[publisher].down.cut) = (true, true);
        world.run_for(Duration::from_secs(away));
        if moves {
            world.rename(publisher, "127.0.2.1:30000".parse().unwrap());
        }
        (world.peers[publisher].up.cut, world.peers[publisher].down.cut) = (false, false);
        let frames = world.peers[subscriber].frames.len();
        let asked = world.peers[publisher].key_frame_requests.len();
        crate::restarts::restart(&mut world, publisher);
        world.run_for(Duration::from_secs(3));
        let video = world.peers[subscriber].media.video;
        let mut after = world.peers[subscriber].frames[frames..].iter().filter(|one| Some(one.mid) == video);
        assert!(after.any(|frame| frame.key), "a picture that needs none of before");
        assert!(after.count() > 30, "and it goes on");
        assert!(world.peers[publisher].key_frame_requests.len() > asked);
        assert_eq!((world.router.stats().streams, world.router.stats().handshakes), (1, 2));
    }
}

#[test]
fn whoever_never_comes_is_gone_30_s_after_the_answer() {
    let mut world = World::new(4);
    let publisher = world.publish("alice#1", BOTH);
    world.peers[publisher].up.cut = true;
    world.run_for(Duration::from_secs(31));
    assert_eq!(when(&world, &stream_ended(EndReason::NeverConnected)), Duration::from_secs(30));
    let (mut world, _, _) = call(5);
    let late = world.subscribe("alice#1", BOTH);
    world.peers[late].up.cut = true;
    world.run_for(Duration::from_secs(31));
    let sid = world.sid_of(late);
    when(&world, &Event::SubscriptionEnded { sid, reason: EndReason::NeverConnected });
    assert_eq!((world.router.stats().streams, world.router.stats().subscriptions), (1, 1));
}

#[test]
fn a_publisher_that_says_goodbye_ends_its_stream_at_once() {
    let (mut world, publisher, subscriber) = call(6);
    world.peers[publisher].rtc.close().unwrap();
    world.drive(publisher);
    world.run_for(Duration::from_millis(100));
    when(&world, &stream_ended(EndReason::Closed));
    assert!(world.peers[subscriber].closed.is_some());
}

#[test]
fn unpublishing_says_goodbye_to_the_subscribers() {
    let (mut world, publisher, subscriber) = call(7);
    assert!(world.unpublish("alice#1"));
    assert!(!world.unpublish("alice#1"));
    world.run_for(Duration::from_millis(100));
    assert!(world.peers[subscriber].closed.is_some() && world.peers[publisher].closed.is_some());
    let sid = world.sid_of(subscriber);
    when(&world, &Event::SubscriptionEnded { sid, reason: EndReason::StreamGone });
    assert!(!world.events.iter().any(|(_, event)| matches!(event, Event::StreamEnded { .. })));
    // The name is free again.
    let again = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    assert!(world.peers[again].connected.is_some());
}

#[test]
fn unsubscribing_ends_one_subscription_and_no_other() {
    let (mut world, _, first) = call(8);
    let second = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[second].video_numbers().is_empty());
    assert!(world.unsubscribe(first) && !world.unsubscribe(first));
    world.run_for(Duration::from_secs(1));
    assert!(world.peers[first].closed.is_some() && world.peers[second].closed.is_none());
    let frames = world.peers[second].frames.len();
    world.run_for(Duration::from_secs(1));
    assert!(world.peers[second].frames.len() > frames + 60);
}

#[test]
fn shutting_down_says_goodbye_to_everybody() {
    let (mut world, publisher, subscriber) = call(9);
    let mut out = crate::world::Outgoing::default();
    world.router.shut_down(world.now, &mut out);
    let told = |index: usize| out.0.iter().any(|(_, to, _)| *to == world.peers[index].address);
    assert!(told(publisher) && told(subscriber));
    assert_eq!((world.router.stats().streams, world.router.poll_event()), (0, None));
}
