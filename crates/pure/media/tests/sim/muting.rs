//! A stream that is muted: nothing of it goes to anybody until it is let through again.

use crate::calls::assert_complete;
use crate::world::{BOTH, World};
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
    // A subscriber that comes meanwhile gets nothing either, and the publisher is not asked for what would be kept
    // back.
    let requests = world.peers[publisher].key_frame_requests.len();
    let late = world.subscribe("alice#1", BOTH);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.peers[publisher].key_frame_requests.len(), requests);
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
