//! Clients that offer less than a browser does, and networks that are not plain.

use crate::calls::assert_complete;
use crate::network::Link;
use crate::world::{BOTH, VIDEO, World};
use media::Limits;
use std::time::Duration;

fn without_ssrcs(offer: &str) -> String {
    let lines = offer.lines().filter(|line| !line.starts_with("a=ssrc"));
    lines.map(|line| format!("{line}\r\n")).collect()
}

/// Without RTX: its payload types are no longer in the m-line, and nothing describes them.
fn without_rtx(offer: &str) -> String {
    let rtx: Vec<&str> = offer
        .lines()
        .filter(|line| line.contains(" rtx/"))
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split(' ').next())
        .collect();
    let keep = |line: &&str| {
        let described = line.strip_prefix("a=").and_then(|line| line.split_once(':')).map(|(_, rest)| rest);
        !described.is_some_and(|rest| rtx.contains(&rest.split(' ').next().unwrap_or_default()))
    };
    let of_media = |line: &str| match line.strip_prefix("m=video") {
        Some(_) => line.split(' ').filter(|word| !rtx.contains(word)).collect::<Vec<_>>().join(" "),
        None => line.to_owned(),
    };
    offer.lines().filter(keep).map(|line| format!("{}\r\n", of_media(line))).collect()
}

fn call_in(mut world: World) -> World {
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    world.run_for(Duration::from_secs(3));
    assert_complete(&world.peers[subscriber].video_numbers());
    assert_complete(&world.peers[subscriber].audio_numbers());
    assert!(world.frames_sent(publisher) > 80);
    world
}

#[test]
fn packets_find_their_track_by_the_name_of_the_m_line() {
    let mut world = World::new(1);
    world.edit = without_ssrcs;
    let mut world = call_in(world);
    // Retransmissions find theirs, too.
    world.peers[0].up = Link::losing(10);
    world.run_for(Duration::from_secs(3));
    world.peers[0].up = Link::default();
    world.run_for(Duration::from_secs(2));
    assert_complete(&world.peers[1].video_numbers());
}

#[test]
fn a_call_without_rtx() {
    let mut world = World::new(2);
    world.edit = without_rtx;
    call_in(world);
}

#[test]
fn with_rtx_no_index_is_used_twice() {
    let mut world = World::new(3);
    world.publish("alice#1", VIDEO);
    let subscriber = world.subscribe("alice#1", VIDEO);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    world.keep = Some(world.peers[subscriber].address);
    world.peers[subscriber].down = Link::losing(20);
    world.run_for(Duration::from_secs(8));
    let mut seen = std::collections::HashSet::new();
    for packet in world.kept.iter().filter(|packet| packet[0] >= 128 && !(192..224).contains(&packet[1])) {
        assert!(seen.insert((packet[2..4].to_vec(), packet[8..12].to_vec())));
    }
    assert!(seen.len() > 300 && world.router.stats().retransmissions > 20);
}

#[test]
fn a_server_behind_address_translation_is_reached() {
    let (announced, local) = ("203.0.113.5:40000".parse().unwrap(), "10.0.0.9".parse().unwrap());
    call_in(World::at(4, Limits::default(), announced, local));
}

#[test]
fn a_call_over_ipv6() {
    let address = "[fd00::2]:40000".parse().unwrap();
    call_in(World::at(5, Limits::default(), address, "fd00::2".parse().unwrap()));
}

#[test]
fn a_publisher_that_changes_its_ssrc_goes_on() {
    let mut world = call_in(World::new(6));
    let (publisher, subscriber) = (0, 1);
    world.stop_camera(publisher);
    world.run_for(Duration::from_millis(500));
    let video = world.peers[publisher].media.video.unwrap();
    let mut direct = world.peers[publisher].rtc.direct_api();
    direct.reset_stream_tx(video, None, 12_345.into(), Some(12_346.into())).unwrap();
    let before = world.peers[subscriber].frames.len();
    world.start_camera(publisher);
    world.run_for(Duration::from_secs(3));
    let peer = &world.peers[subscriber];
    assert!(peer.frames.len() > before + 200);
    let last = peer.video_numbers().last().copied().unwrap();
    assert!(last + 10 > world.frames_sent(publisher), "{last} of {}", world.frames_sent(publisher));
    // Timestamps run on: by the half second of silence, not by what the new source happens to begin with.
    let times: Vec<u64> = peer
        .frames
        .iter()
        .filter(|frame| Some(frame.mid) == peer.media.video)
        .map(|frame| frame.time.numer())
        .collect();
    let widest = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap();
    assert!(widest < 90_000, "{widest} ticks");
}
