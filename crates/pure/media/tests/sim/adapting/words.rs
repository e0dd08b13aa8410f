//! What viewers say of their networks: of each packet, of some packets, or in one number.

use super::scene::Scene;
use super::viewer::Words;
use super::{SECOND, carrying};
use media::{Event, NetworkId, Wanted};

#[test]
fn what_becomes_of_the_sound_says_nothing_of_what_the_network_carries() {
    let mut scene = Scene::new(30);
    let viewer = scene.view_as(Words::OfSound, carrying(8_000), Wanted::default());
    scene.run(5 * SECOND);
    let viewer = &scene.viewers[viewer];
    assert_eq!((viewer.height(), viewer.freezes()), (720, 0), "{viewer:?}");
}

#[test]
fn who_says_nothing_of_its_video_is_not_slowed_down_by_what_others_say() {
    let mut scene = Scene::new(31);
    let wanted = || Wanted { network: Some(NetworkId(7)), ..Wanted::default() };
    scene.view_as(Words::Arrivals, carrying(400), wanted());
    let silent = scene.view_as(Words::OfSound, carrying(8_000), wanted());
    scene.run(8 * SECOND);
    let viewer = &scene.viewers[silent];
    assert_eq!((viewer.height(), viewer.freezes()), (720, 0), "{viewer:?}");
}

#[test]
fn who_cannot_be_asked_whether_there_is_more_again_keeps_some_video() {
    let mut scene = Scene::new(33);
    let viewer = scene.view_as(Words::Bitrate, carrying(8_000), Wanted::default());
    scene.viewers[viewer].bitrate = Some(60_000);
    scene.run(8 * SECOND);
    scene.viewers[viewer].begin_measuring();
    scene.run(2 * SECOND);
    assert!(scene.viewers[viewer].frames() > 20, "{:?}", scene.viewers[viewer]);
    assert_eq!(scene.viewers[viewer].height(), 180);
    let paused = |event: &Event| matches!(event, Event::SubscriptionPaused { .. });
    assert!(!scene.events.iter().any(paused), "{:?}", scene.events);
}

#[test]
fn a_viewer_that_says_a_bitrate_is_sent_no_more() {
    let mut scene = Scene::new(32);
    let viewer = scene.view_as(Words::Bitrate, carrying(8_000), Wanted::default());
    scene.run(3 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 720, "it has said nothing yet");
    for (bitrate, height) in [(400_000, 180), (4_000_000, 720), (1_000_000, 360)] {
        scene.viewers[viewer].bitrate = Some(bitrate);
        scene.run(8 * SECOND);
        let viewer = &scene.viewers[viewer];
        assert_eq!((viewer.height(), viewer.audio_lost()), (height, 0), "{bitrate} bit/s: {viewer:?}");
    }
}
