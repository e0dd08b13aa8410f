//! Streams whose audio is copied for a recording.

use crate::world::{AUDIO, BOTH, VIDEO, World};
use media::{TapId, Tapped, TappedTrack};
use model::ids::StreamId;
use std::time::Duration;

/// Number in the payload, packet number, timestamp.
type Packet = (u32, u64, u32);

fn mid() -> StreamId {
    StreamId::parse("alice#1").unwrap()
}

/// What came onto the tape since the last look.
fn taped(world: &mut World) -> Vec<Packet> {
    let Some(tape) = world.router.take_tape() else { return Vec::new() };
    assert!(
        tape.packets().all(|packet| packet.tap == TapId(7) && packet.track == 0 && packet.at <= world.now)
    );
    let packet = |packet: media::TapedPacket<'_>| {
        (crate::media::opus_number(packet.payload).unwrap(), packet.number, packet.timestamp)
    };
    tape.packets().map(packet).collect()
}

#[test]
fn a_stream_is_on_the_tape_from_the_tap_to_its_end() {
    let mut world = World::new(70);
    world.publish("alice#1", BOTH);
    world.run_for(Duration::from_secs(2));
    assert!(world.router.take_tape().is_none(), "nobody asked for it");

    let tapped = world.router.tap(&mid(), Some(TapId(7)));
    assert_eq!(tapped, Some(Tapped { live: true, tracks: vec![TappedTrack { index: 0, channels: 1 }] }));
    world.run_for(Duration::from_secs(2));
    let packets = taped(&mut world);
    assert!((98..=102).contains(&packets.len()), "{}", packets.len());
    for pair in packets.windows(2) {
        let [(first, number, timestamp), (second, next, later)] = *pair else { unreachable!() };
        assert_eq!((second, next, later.wrapping_sub(timestamp)), (first + 1, number + 1, 960));
    }

    world.router.tap(&mid(), None);
    world.run_for(Duration::from_secs(1));
    assert!(world.router.take_tape().is_none());
}

#[test]
fn an_operator_sees_a_stream_and_who_gets_it() {
    let mut world = World::new(73);
    let publisher = world.publish("alice#1", BOTH);
    world.peers[publisher].up.loss_percent = 10;
    let subscriber = world.subscribe("alice#1", BOTH);
    world.peers[subscriber].down.loss_percent = 10;
    world.run_for(Duration::from_secs(10));
    world.router.tap(&mid(), Some(TapId(7)));

    let detail = world.router.describe(&mid()).unwrap();
    assert!(detail.connected && detail.live && detail.recorded);
    let [audio, video] = &detail.tracks[..] else { panic!("{detail:?}") };
    assert_eq!((audio.kind.as_str(), audio.codec.as_str(), video.codec.as_str()), ("audio", "Opus", "VP8"));
    assert!((350..=500).contains(&audio.packets) && (10..100).contains(&audio.lost), "{audio:?}");
    let [subscription] = &detail.subscriptions[..] else { panic!("{detail:?}") };
    assert!(
        subscription.connected && subscription.packets > 500 && subscription.lost > 10,
        "{subscription:?}"
    );
    let round_trip = subscription.round_trip.unwrap();
    assert!((Duration::from_millis(15)..Duration::from_millis(40)).contains(&round_trip), "{round_trip:?}");
    assert_eq!(world.router.describe(&StreamId::parse("nobody#1").unwrap()), None);

    let stats = world.router.stats();
    assert!(stats.lost_in > 10 && stats.lost_out > 10, "{stats:?}");
    assert!(stats.round_trips.count() > 5 && stats.jitter_in.count() > 10 && stats.jitter_out.count() > 5);
    assert!(stats.key_frame_waits.count() >= 1 && stats.key_frame_waits.sum() > Duration::from_millis(10));
}

#[test]
fn a_packet_that_was_lost_is_missing_and_one_that_came_twice_is_there_once() {
    let mut world = World::new(71);
    let publisher = world.publish("alice#1", AUDIO);
    world.router.tap(&mid(), Some(TapId(7)));
    world.peers[publisher].up.loss_percent = 10;
    world.peers[publisher].up.duplicate_percent = 10;
    world.run_for(Duration::from_secs(5));
    let packets = taped(&mut world);
    let mut numbers: Vec<u64> = packets.iter().map(|(_, number, _)| *number).collect();
    numbers.sort_unstable();
    let distinct = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    let span = numbers.last().unwrap() - numbers[0] + 1;
    assert!(distinct && (numbers.len() as u64) < span, "{} of {span}", numbers.len());
    let (first, number, _) = packets[0];
    assert!(packets.iter().all(|(in_payload, at, _)| u64::from(in_payload - first) == at - number));
}

#[test]
fn a_stream_that_is_not_here_or_has_no_sound_is_not_taped() {
    let mut world = World::new(72);
    assert_eq!(world.router.tap(&mid(), Some(TapId(7))), None);
    world.publish("alice#1", VIDEO);
    let tapped = world.router.tap(&mid(), Some(TapId(7)));
    assert_eq!(tapped, Some(Tapped { live: false, tracks: Vec::new() }));
    world.run_for(Duration::from_secs(1));
    assert!(world.router.take_tape().is_none());
}
