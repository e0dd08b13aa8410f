//! Networks that carry little: a camera with three layers, viewers behind bottlenecks in virtual time, and what each of
//! them gets.
//!
//! A viewer checks what a browser's decoder would stumble over: every number has one packet, timestamps and picture ids
//! run on over changes of layer, a layer begins with a key frame.

mod bottleneck;
mod camera;
mod scene;
mod viewer;
mod wishes;
mod words;

use bottleneck::Bottleneck;
use media::{Estimation, Event, NetworkId, Preference, Wanted};
use scene::Scene;
pub(crate) use scene::connect;
use std::time::Duration;
use viewer::Words;

const SECOND: Duration = Duration::from_secs(1);

/// Kilobits per second of the layers.
const LAYERS: [u64; 3] = [150, 500, 1500];
const HEIGHTS: [u16; 3] = [180, 360, 720];

fn carrying(kbps: u64) -> Bottleneck {
    let (queue, delay) = (Duration::from_millis(500), Duration::from_millis(25));
    Bottleneck { kbps, queue, delay, loss_percent: 0, cut: false }
}

#[test]
fn who_has_room_for_all_gets_the_best_within_seconds() {
    let mut scene = Scene::new(1);
    let viewer = scene.view(carrying(8_000), None, Preference::default());
    scene.run(5 * SECOND);
    let viewer = &scene.viewers[viewer];
    assert_eq!(viewer.height(), 720, "{viewer:?}");
    assert_eq!(viewer.freezes(), 0, "{viewer:?}");
    assert!(viewer.switches() <= 2, "{viewer:?}");
}

#[test]
fn each_of_thirty_gets_what_its_own_network_carries() {
    let mut scene = Scene::new(2);
    let kbps = |at: usize| 300 + (at * at * 8) as u64;
    (0..30).for_each(|at| _ = scene.view(carrying(kbps(at)), None, Preference::default()));
    scene.run(12 * SECOND);
    let switches: u32 = scene.viewers.iter().map(viewer::Viewer::switches).sum();
    // The publisher is spared: a key frame for each change of layer at the most, and one of each layer at first.
    assert!(scene.camera.key_frames() <= switches + 3, "{} for {switches}", scene.camera.key_frames());
    scene.viewers.iter_mut().for_each(viewer::Viewer::begin_measuring);
    let mut good = [0; 30];
    for _ in 0..10 {
        scene.run(SECOND);
        for (at, viewer) in scene.viewers.iter().enumerate() {
            // Headers and audio, and the margin for what is new.
            let fits = |layer: &u64| (layer * 11 / 10 + 62) * 14 / 10 < kbps(at);
            let best = LAYERS.iter().rposition(fits).map_or(0, |layer| HEIGHTS[layer]);
            good[at] += u32::from(viewer.height() >= best);
        }
    }
    for (viewer, good) in scene.viewers.iter().zip(good) {
        assert!(good >= 8, "{good} of 10 seconds: {viewer:?}");
        assert_eq!(viewer.audio_lost(), 0, "{viewer:?}");
        assert_eq!(viewer.freezes(), 0, "{viewer:?}");
    }
}

#[test]
fn the_layer_follows_the_network_down_and_up_without_a_freeze() {
    let mut scene = Scene::new(3);
    let viewer = scene.view(carrying(3_000), None, Preference::default());
    scene.run(8 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 720);
    for (kbps, height) in [(1_000, 360), (300, 180), (3_000, 720)] {
        scene.viewers[viewer].network.kbps = kbps;
        scene.run(4 * SECOND);
        scene.viewers[viewer].begin_measuring();
        scene.run(8 * SECOND);
        assert_eq!(scene.viewers[viewer].height(), height, "{kbps} kbit/s: {:?}", scene.viewers[viewer]);
        assert_eq!(scene.viewers[viewer].audio_lost(), 0, "{kbps} kbit/s");
    }
}

#[test]
fn less_than_the_smallest_layer_pauses_video_and_says_so_and_audio_goes_on() {
    let mut scene = Scene::new(4);
    let viewer = scene.view(carrying(2_000), None, Preference::default());
    scene.run(5 * SECOND);
    scene.viewers[viewer].network.kbps = 90;
    scene.run(10 * SECOND);
    let sid = scene.viewers[viewer].sid.clone();
    assert!(scene.events.contains(&Event::SubscriptionPaused { sid: sid.clone() }), "{:?}", scene.events);
    scene.viewers[viewer].begin_measuring();
    scene.run(5 * SECOND);
    assert!(scene.viewers[viewer].frames() < 10, "{:?}", scene.viewers[viewer]);
    assert!(scene.viewers[viewer].audio() > 240, "{:?}", scene.viewers[viewer]);
    scene.viewers[viewer].network.kbps = 2_500;
    scene.run(8 * SECOND);
    assert!(scene.events.contains(&Event::SubscriptionResumed { sid }), "{:?}", scene.events);
    scene.run(20 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 720);
}

#[test]
fn a_preference_is_heeded_at_once_and_at_a_key_frame() {
    let mut scene = Scene::new(5);
    let small = Preference { max_height: Some(200), ..Preference::default() };
    let viewer = scene.view(carrying(8_000), None, small);
    scene.run(4 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 180);
    assert_eq!(scene.viewers[viewer].switches(), 0);
    let named = Preference { rid: Some("h".to_owned()), ..Preference::default() };
    for (preference, height) in [(Preference::default(), 720), (named, 360)] {
        scene.prefer(viewer, preference);
        scene.run(4 * SECOND);
        assert_eq!(scene.viewers[viewer].height(), height);
    }
    assert_eq!(scene.viewers[viewer].freezes(), 0);
    assert_eq!(scene.viewers[viewer].switches(), 2, "{:?}", scene.viewers[viewer]);
}

#[test]
fn subscriptions_of_one_network_share_it_and_priority_is_first() {
    let mut scene = Scene::new(6);
    let network = Some(NetworkId(7));
    let first = Preference { priority: 200, ..Preference::default() };
    let one = scene.view(carrying(2_400), network, Preference::default());
    let two = scene.view_over(one, network, first);
    scene.run(12 * SECOND);
    assert_eq!(scene.viewers[two].height(), 720, "{:?}", scene.viewers[two]);
    assert!(scene.viewers[one].height() < 720, "{:?}", scene.viewers[one]);
    scene.viewers.iter_mut().for_each(viewer::Viewer::begin_measuring);
    scene.run(8 * SECOND);
    for viewer in [one, two] {
        assert_eq!(scene.viewers[viewer].freezes(), 0, "{:?}", scene.viewers[viewer]);
        assert_eq!(scene.viewers[viewer].audio_lost(), 0);
    }
}

#[test]
fn layers_that_nobody_takes_are_told_to_the_publisher_and_those_that_somebody_wants() {
    let mut scene = Scene::new(7);
    scene.obeys();
    let small = Preference { max_height: Some(200), ..Preference::default() };
    let viewer = scene.view(carrying(8_000), None, small);
    scene.run(6 * SECOND);
    assert_eq!(scene.wanted(), [("q", true), ("h", false), ("f", false)]);
    scene.prefer(viewer, Preference::default());
    scene.run(6 * SECOND);
    assert_eq!(scene.wanted(), [("q", false), ("h", false), ("f", true)]);
    assert_eq!(scene.viewers[viewer].height(), 720);
    assert_eq!(scene.viewers[viewer].freezes(), 0, "{:?}", scene.viewers[viewer]);
}

#[test]
fn a_layer_that_was_never_seen_is_taken_for_twice_as_large_as_the_one_below() {
    for (tallest, height) in [(800, 720), (500, 360), (200, 180)] {
        let mut scene = Scene::new(12);
        scene.obeys();
        scene.camera.activate([true, false, false], scene.now);
        let small = Preference { max_height: Some(200), ..Preference::default() };
        let viewer = scene.view(carrying(8_000), None, small);
        scene.run(6 * SECOND);
        assert_eq!(scene.viewers[viewer].height(), 180);
        let larger = Preference { max_height: Some(tallest), ..Preference::default() };
        scene.prefer(viewer, larger);
        scene.run(8 * SECOND);
        assert_eq!(scene.viewers[viewer].height(), height, "{:?}", scene.viewers[viewer]);
    }
}

#[test]
fn a_layer_that_takes_its_time_is_not_given_up() {
    let mut scene = Scene::new(11);
    scene.obeys_after(10 * SECOND);
    let small = Preference { max_height: Some(200), ..Preference::default() };
    let viewer = scene.view(carrying(8_000), None, small);
    scene.run(6 * SECOND);
    assert_eq!(scene.wanted(), [("q", true), ("h", false), ("f", false)]);
    scene.prefer(viewer, Preference::default());
    // Longer than anybody waits for what may never come.
    scene.run(8 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 180);
    scene.run(8 * SECOND);
    assert_eq!(scene.viewers[viewer].height(), 720, "{:?}", scene.viewers[viewer]);
    assert_eq!(scene.viewers[viewer].freezes(), 0, "{:?}", scene.viewers[viewer]);
}

#[test]
fn after_an_outage_the_picture_comes_back_and_grows() {
    for (words, away) in
        [5, 20, 40].into_iter().flat_map(|away| [(Words::Arrivals, away), (Words::OfPictures, away)])
    {
        let mut scene = Scene::new(9);
        scene.obeys();
        let viewer = scene.view_as(words, carrying(4_000), Wanted::default());
        scene.run(8 * SECOND);
        assert_eq!(scene.viewers[viewer].height(), 720);
        scene.viewers[viewer].network.cut = true;
        scene.run(away * SECOND);
        scene.viewers[viewer].network.cut = false;
        scene.run(6 * SECOND);
        scene.viewers[viewer].begin_measuring();
        scene.run(2 * SECOND);
        let frames = scene.viewers[viewer].frames();
        assert!(frames > 20, "{words:?} after {away} s: {:?}", scene.viewers[viewer]);
        scene.run(20 * SECOND);
        let height = scene.viewers[viewer].height();
        assert_eq!(height, 720, "{words:?} after {away} s: {:?}", scene.viewers[viewer]);
    }
}

#[test]
fn nothing_is_looked_for_where_nothing_is_sent() {
    let mut scene = Scene::with_one_layer(10, Some(Estimation::default()));
    scene.view(carrying(1_000), None, Preference::default());
    scene.run(10 * SECOND);
    assert!(scene.padding() > 0, "more was wanted than there was");
    scene.camera.stop();
    scene.run(5 * SECOND);
    let before = scene.padding();
    scene.run(20 * SECOND);
    assert_eq!(scene.padding(), before);
}

#[test]
fn losses_on_the_way_are_no_freeze() {
    let mut scene = Scene::new(8);
    let viewer = scene.view(Bottleneck { loss_percent: 3, ..carrying(4_000) }, None, Preference::default());
    scene.run(20 * SECOND);
    assert!(scene.viewers[viewer].height() >= 360, "{:?}", scene.viewers[viewer]);
    assert_eq!(scene.viewers[viewer].freezes(), 0, "{:?}", scene.viewers[viewer]);
}
