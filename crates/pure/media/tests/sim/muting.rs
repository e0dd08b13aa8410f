//! A stream that is muted: nothing of it goes to anybody until it is let through again.

use crate::calls::assert_complete;
use crate::peer::Peer;
use crate::world::{BOTH, World, mid, sid};
use std::time::Duration;

#[test]
fn nothing_of_a_muted_stream_is_heard_or_seen_then_or_later() {
    let mut world = World::new(300);
    let publisher = world.publish("alice#1", BOTH);
    let subscribers = [world.subscribe("alice#1", BOTH), world.subscribe("alice#1", BOTH)];
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    world.run_for(Duration::from_secs(2));
    assert!(world.mute("alice#1", true));
    // What was on its way.
    world.run_for(Duration::from_millis(200));
    let before: Vec<_> = subscribers
        .iter()
        .map(|&one| (world.peers[one].video_numbers(), world.peers[one].audio_numbers()))
        .collect();
    let first_muted = world.frames_sent(publisher);
    world.run_for(Duration::from_secs(3));
    let last_muted = world.frames_sent(publisher);
    for (&one, (video, audio)) in subscribers.iter().zip(&before) {
        assert_eq!(world.peers[one].video_numbers(), *video);
        assert_eq!(world.peers[one].audio_numbers(), *audio);
    }
    // A subscriber that comes meanwhile gets nothing either.
    let late = world.subscribe("alice#1", BOTH);
    world.run_for(Duration::from_secs(2));
    assert!(world.peers[late].connected.is_some() && world.peers[late].frames.is_empty());
    assert!(world.mute("alice#1", false));
    world.run_for(Duration::from_secs(3));
    for one in [subscribers[0], subscribers[1], late] {
        let later: Vec<_> =
            world.peers[one].video_numbers().into_iter().filter(|&number| number >= first_muted).collect();
        assert!(later.iter().all(|&number| number >= last_muted), "{later:?} {last_muted}");
        assert!(later.len() > 50, "{}", later.len());
        assert_complete(&later);
        assert!(world.peers[one].audio_numbers().len() > 100);
    }
    assert!(!world.mute("bob#1", true), "there is no such stream");
}

#[test]
fn so_many_are_half_open_and_no_more() {
    let limits = media::Limits { half_open: 2, ..media::Limits::default() };
    let mut world = World::with_limits(301, limits);
    world.publish("alice#1", BOTH);
    world.subscribe("alice#1", BOTH);
    assert_eq!(world.router.stats().half_open, 2);
    let receive = str0m::media::Direction::RecvOnly;
    let (_, offer, _) = Peer::offering(world.now, world.address(9), World::config(), receive, BOTH);
    let now = world.now;
    let refused = world.router.subscribe(now, &mid("alice#1"), &sid("more"), &offer).unwrap_err();
    assert_eq!(refused.kind(), media::MediaErrorKind::Limit);
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    assert_eq!(world.router.stats().half_open, 0);
    let now = world.now;
    world.router.subscribe(now, &mid("alice#1"), &sid("more"), &offer).unwrap();
}
