//! Bad networks: what is lost comes again, what is out of order or twice does no harm.

use crate::calls::assert_complete;
use crate::network::Link;
use crate::world::{BOTH, World};
use std::time::Duration;

/// A call of ten seconds over such links, then two seconds without new frames. Returns how many of the frames sent
/// since the first key frame arrived, and how many were sent.
fn frames_over(seed: u64, publisher_up: Link, subscriber_down: Link) -> (usize, usize) {
    let mut world = World::new(seed);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("both are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    // The handshakes are over; from here on the network is bad.
    world.peers[publisher].up = publisher_up;
    world.peers[subscriber].down = subscriber_down;
    world.run_for(Duration::from_secs(10));
    world.peers[publisher].up = Link::default();
    world.peers[subscriber].down = Link::default();
    world.run_for(Duration::from_secs(1));
    world.stop_camera(publisher);
    world.run_for(Duration::from_secs(2));
    let numbers = world.peers[subscriber].video_numbers();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "frames are in order, each once");
    (numbers.len(), (world.frames_sent(publisher) - numbers[0]) as usize)
}

#[test]
fn lost_packets_are_sent_again_on_both_ways() {
    for (percent, needed_permille) in [(1, 1000), (5, 995), (10, 990), (20, 950)] {
        for (name, up, down) in [
            ("publisher", Link::losing(percent), Link::default()),
            ("subscriber", Link::default(), Link::losing(percent)),
            ("both", Link::losing(percent), Link::losing(percent)),
        ] {
            let (came, sent) = frames_over(100 + percent, up, down);
            assert!(came * 1000 >= sent * needed_permille, "{percent} % lost by {name}: {came} of {sent}");
        }
    }
}

#[test]
fn a_handshake_survives_a_fifth_of_its_packets_lost() {
    // The client's own patience is five flights, and its jitter is not seeded: 1 in 300 calls fails by it.
    let seen = (0..10)
        .filter(|seed| {
            let mut world = World::new(200 + seed);
            world.publish("alice#1", BOTH);
            let subscriber = world.subscribe("alice#1", BOTH);
            for peer in &mut world.peers {
                (peer.up, peer.down) = (Link::losing(20), Link::losing(20));
            }
            world.run_for(Duration::from_secs(15));
            !world.peers[subscriber].video_numbers().is_empty()
        })
        .count();
    assert!(seen >= 7, "{seen} of 10 calls");
}

#[test]
fn reordering_and_duplicates_do_no_harm() {
    let wild = Link { jitter: Duration::from_millis(30), duplicate_percent: 20, ..Link::default() };
    let (came, sent) = frames_over(300, wild, wild);
    assert!(came * 1000 >= sent * 995, "{came} of {sent}");
}

#[test]
fn everything_at_once() {
    let wild =
        Link { jitter: Duration::from_millis(20), duplicate_percent: 5, loss_percent: 5, ..Link::default() };
    let (came, sent) = frames_over(301, wild, wild);
    assert!(came * 1000 >= sent * 990, "{came} of {sent}");
}

#[test]
fn losses_of_one_subscriber_are_not_those_of_another() {
    let mut world = World::plain(302);
    world.publish("alice#1", BOTH);
    let lossy = world.subscribe("alice#1", BOTH);
    let clean = world.subscribe("alice#1", BOTH);
    world.peers[lossy].down = Link::losing(20);
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    let before = world.peers[clean].received;
    world.run_for(Duration::from_secs(5));
    assert_complete(&world.peers[clean].video_numbers());
    assert!(world.router.stats().retransmissions > 50);
    // Nothing is sent twice to the one that lost nothing.
    let sent = world.router.stats().media_out as usize;
    assert!(world.peers[clean].received - before < sent / 2 + 200);
}

#[test]
fn where_much_is_lost_repairs_are_sent_twice() {
    for (percent, twice) in [(2, false), (15, true)] {
        let mut world = World::new(400 + percent);
        world.publish("alice#1", BOTH);
        let lossy = world.subscribe("alice#1", BOTH);
        world
            .run_until("both are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
        world.peers[lossy].down = Link::losing(percent);
        world.run_for(Duration::from_secs(30));
        let stats = world.router.stats();
        assert!(stats.nacks_received > 20, "{percent} %: {}", stats.nacks_received);
        let repairs = stats.retransmissions as f64 / stats.nacks_received as f64;
        assert_eq!(repairs > 1.3, twice, "{percent} %: {repairs} for each loss");
    }
}

#[test]
fn a_cut_of_three_seconds_ends_with_a_picture() {
    let mut world = World::new(303);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_for(Duration::from_secs(3));
    world.peers[publisher].up.cut = true;
    world.run_for(Duration::from_secs(3));
    world.peers[publisher].up.cut = false;
    world.run_for(Duration::from_secs(4));
    let last = world.peers[subscriber].video_numbers().last().copied().unwrap();
    assert!(last + 30 >= world.frames_sent(publisher), "{last} of {}", world.frames_sent(publisher));
}
