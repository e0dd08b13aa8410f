//! Wishes that are taken back: a key frame that nobody waits for any more, a layer that nobody prefers, a branch that
//! was cut.

use super::scene::Scene;
use super::{SECOND, carrying};
use media::{BranchId, Preference, Wish};

/// Which track of the stream the camera's highest layer is: the sound is the first.
const HIGHEST: usize = 3;

fn named(rid: &str) -> Preference {
    Preference { rid: Some(rid.to_owned()), ..Preference::default() }
}

/// A camera whose highest layer has fallen silent, and viewers of the lowest one.
fn silent(seed: u64, viewers: usize) -> Scene {
    let mut scene = Scene::new(seed);
    scene.run(SECOND);
    (0..viewers).for_each(|_| _ = scene.view(carrying(8_000), None, named("q")));
    scene.run(3 * SECOND);
    scene.camera.activate([true, true, false], scene.now);
    scene.run(3 * SECOND);
    scene
}

#[test]
fn nobody_is_asked_for_a_key_frame_that_nobody_waits_for_any_more() {
    let mut scene = silent(20, 2);
    let before = scene.camera.asked();
    (0..2).for_each(|viewer| scene.prefer(viewer, named("f")));
    scene.run(SECOND);
    let asked = scene.camera.asked();
    assert!(asked >= before + 2, "{before} {asked}");
    scene.prefer(0, named("q"));
    scene.run(4 * SECOND);
    assert!(scene.camera.asked() > asked, "the other one waits");
    scene.prefer(1, named("q"));
    scene.run(SECOND / 4);
    let asked = scene.camera.asked();
    scene.run(8 * SECOND);
    assert_eq!(scene.camera.asked(), asked);
    // The next wish is as good as the first.
    scene.prefer(0, named("f"));
    scene.run(SECOND / 4);
    assert!(scene.camera.asked() > asked);
}

#[test]
fn a_branch_that_waits_is_not_forgotten_for_a_viewer_that_does_not() {
    let mut scene = silent(21, 1);
    let branch = BranchId(1);
    scene.branch_out(branch);
    scene.grant(branch, Wish::Layers { tracks: 1 << HIGHEST });
    scene.grant(branch, Wish::KeyFrame { track: HIGHEST });
    scene.prefer(0, named("f"));
    scene.run(SECOND);
    scene.prefer(0, named("q"));
    scene.run(SECOND / 4);
    let asked = scene.camera.asked();
    scene.run(5 * SECOND);
    assert!(scene.camera.asked() > asked, "the branch waits");
    scene.grant(branch, Wish::Layers { tracks: 0 });
    let asked = scene.camera.asked();
    scene.run(5 * SECOND);
    assert_eq!(scene.camera.asked(), asked);
}

#[test]
fn what_a_branch_wishes_after_it_was_cut_is_not_granted() {
    let mut scene = Scene::new(22);
    scene.view(carrying(8_000), None, named("q"));
    let branch = BranchId(1);
    scene.branch_out(branch);
    scene.grant(branch, Wish::Layers { tracks: 1 << HIGHEST });
    scene.run(6 * SECOND);
    assert_eq!(scene.wanted(), [("q", true), ("h", false), ("f", true)]);
    scene.cut_branch(branch);
    scene.grant(branch, Wish::Layers { tracks: 1 << HIGHEST });
    let asked = scene.camera.asked();
    scene.grant(branch, Wish::KeyFrame { track: HIGHEST });
    scene.run(6 * SECOND);
    assert_eq!(scene.wanted(), [("q", true), ("h", false), ("f", false)]);
    assert_eq!(scene.camera.asked(), asked);
}

#[test]
fn who_preferred_less_gets_all_again_where_nothing_is_estimated() {
    let mut scene = Scene::plain(23);
    let viewer = scene.view(carrying(8_000), None, Preference::default());
    scene.run(3 * SECOND);
    // Half of its frames are of the lower temporal layer.
    let slow = Preference { max_bitrate: Some(1_000_000), ..Preference::default() };
    for (preference, frames) in [(slow, 25..=35), (Preference::default(), 55..=65)] {
        scene.prefer(viewer, preference);
        scene.run(2 * SECOND);
        scene.viewers[viewer].begin_measuring();
        scene.run(2 * SECOND);
        assert!(frames.contains(&scene.viewers[viewer].frames()), "{:?}", scene.viewers[viewer]);
    }
    assert_eq!(scene.viewers[viewer].freezes(), 0);
}
