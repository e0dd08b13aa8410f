//! Times: what a subscriber needs to play sound and picture together, and what it sees in header extensions.

use crate::world::{BOTH, World};
use std::time::Duration;
use str0m::media::MediaTime;

/// When a frame was taken, by the sender report that came with it: seconds by the clock of the report.
fn taken_at(frame: &crate::peer::Frame) -> Option<f64> {
    let sender = frame.sender?;
    let seconds = |time: MediaTime| time.numer() as f64 / f64::from(time.frequency().get());
    let ntp = sender.ntp_time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    let rate = f64::from(frame.time.frequency().get());
    // Both are modulo 2^32; the frame's is extended.
    let reported = sender.rtp_time.numer() as u32;
    let ahead = f64::from((frame.time.numer() as u32).wrapping_sub(reported).cast_signed()) / rate;
    let _ = seconds;
    Some(ntp + ahead)
}

#[test]
fn sound_and_picture_stay_in_sync() {
    let mut world = World::new(1);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    // Unequal ways must not matter: the reports say when things were taken, not when they came.
    world.peers[publisher].up.delay = Duration::from_millis(80);
    world.peers[publisher].up.jitter = Duration::from_millis(15);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    world.run_for(Duration::from_secs(12));
    assert_in_sync(&world, subscriber);
}

/// All sounds and pictures of a subscriber were taken when the camera and the microphone say.
pub(crate) fn assert_in_sync(world: &World, subscriber: usize) {
    let peer = &world.peers[subscriber];
    let (mut sounds, mut pictures) = (Vec::new(), Vec::new());
    for frame in &peer.frames {
        let Some(at) = taken_at(frame) else { continue };
        if Some(frame.mid) == peer.media.video {
            let number = crate::media::number_of(&frame.data).unwrap();
            pictures.push(at - f64::from(number) / 30.0);
        } else {
            let number = crate::media::opus_number(&frame.data).unwrap();
            sounds.push(at - f64::from(number) / 50.0);
        }
    }
    // Camera and microphone began at the same moment: every frame and every packet says which.
    assert!(sounds.len() > 200 && pictures.len() > 100, "{} {}", sounds.len(), pictures.len());
    let (low, high) = sounds
        .iter()
        .chain(&pictures)
        .fold((f64::MAX, f64::MIN), |(low, high), &at| (low.min(at), high.max(at)));
    assert!(high - low < 0.025, "apart by {} s", high - low);
    // By the router's own clock, which is not the publisher's.
    let start = world.wall().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((low - start).abs() < 20.0, "{low} is not near {start}");
}

#[test]
fn extensions_arrive_under_the_subscribers_ids() {
    let mut world = World::plain(2);
    world.publish("alice#1", BOTH);
    let subscriber = world.subscribe_with("alice#1", BOTH, World::config().set_rtp_mode(true));
    world.run_for(Duration::from_secs(3));
    let peer = &world.peers[subscriber];
    let mids = [peer.media.audio, peer.media.video];
    let mut sequence = None;
    for packet in &peer.packets {
        let values = &packet.header.ext_vals;
        assert!(mids.contains(&values.mid));
        let is_audio = values.mid == peer.media.audio;
        assert_eq!(values.audio_level, is_audio.then_some(-30));
        assert!(values.abs_send_time.is_some());
        let now = values.transport_cc.expect("a transport-wide number");
        assert!(sequence.is_none_or(|before: u16| now == before.wrapping_add(1)));
        sequence = Some(now);
    }
    assert!(peer.packets.len() > 300);
}
