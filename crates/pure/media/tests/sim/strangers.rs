//! What nobody asked for: dropped, unanswered, and never a panic.

use crate::world::{BOTH, Outgoing, VIDEO, World, mid};
use media::{EndReason, Event, Incoming, Protocol};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::time::Duration;

fn stranger() -> SocketAddr {
    "192.0.2.66:6666".parse().unwrap()
}

/// What the router says to this datagram from there.
fn answer(world: &mut World, from: SocketAddr, mut data: Vec<u8>) -> usize {
    let mut out = Outgoing::default();
    let local = world.local;
    let mut batch = [Incoming { source: from, local, protocol: Protocol::Udp, data: &mut data }];
    world.router.receive(world.now, world.wall(), &mut batch, &mut out);
    out.0.len()
}

/// Everything that a publisher sent while it connected and a while after.
fn recorded() -> (World, usize, Vec<Vec<u8>>) {
    let mut world = World::new(1);
    let publisher = world.publish("alice#1", BOTH);
    let address = world.peers[publisher].address;
    world.recorded = Some((address, Vec::new()));
    world.run_for(Duration::from_secs(2));
    let (_, packets) = world.recorded.take().unwrap();
    assert!(packets.len() > 100);
    world.run_for(Duration::from_millis(100)); // what was on the way has arrived
    (world, publisher, packets)
}

#[test]
fn a_check_is_answered_only_with_the_right_password() {
    let mut world = World::new(2);
    let publisher = world.publish("alice#1", VIDEO);
    let check = world.peers[publisher]
        .drive(world.now)
        .into_iter()
        .map(|(_, data)| data)
        .find(|data| data[0] == 0)
        .expect("a connectivity check");
    // Any bit that MESSAGE-INTEGRITY covers: the attributes, the transaction.
    for at in 8..check.len() - 32 {
        let mut forged = check.clone();
        forged[at] ^= 1;
        assert_eq!(answer(&mut world, stranger(), forged), 0, "byte {at}");
    }
    assert_eq!(answer(&mut world, stranger(), check), 1);
}

#[test]
fn nothing_but_checks_is_taken_from_an_address_that_is_not_the_peers() {
    let (mut world, publisher, packets) = recorded();
    let drops = world.router.stats().drops;
    let media = world.router.stats().media_in;
    let others: Vec<Vec<u8>> = packets.into_iter().filter(|data| data[0] >= 20).collect();
    let count = others.len() as u64;
    for data in others {
        assert_eq!(answer(&mut world, stranger(), data.clone()), 0);
    }
    assert_eq!(world.router.stats().drops - drops, count);
    assert_eq!(world.router.stats().media_in, media);
    assert!(world.peers[publisher].closed.is_none());
}

#[test]
fn what_was_recorded_and_is_played_again_is_dropped() {
    let (mut world, publisher, packets) = recorded();
    let address = world.peers[publisher].address;
    let media = world.router.stats().media_in;
    for data in packets.into_iter().filter(|data| data[0] >= 128) {
        answer(&mut world, address, data);
    }
    assert_eq!(world.router.stats().media_in, media);
    world.run_for(Duration::from_secs(1));
    assert!(world.router.stats().media_in > media, "the call goes on");
}

#[test]
fn a_wrong_certificate_ends_it_and_no_media_flows() {
    let mut world = World::new(3);
    let address = world.address(0);
    let (mut peer, offer, pending) = crate::peer::Peer::offering(
        world.now,
        address,
        World::config(),
        str0m::media::Direction::SendOnly,
        VIDEO,
    );
    let at = offer.find("sha-256 ").unwrap() + 8;
    let mut forged = offer.clone();
    let digit = if &offer[at..=at] == "A" { "B" } else { "A" };
    // Each m-line repeats it.
    forged = forged.replace(&offer[at..at + 20], &format!("{digit}{}", &offer[at + 1..at + 20]));
    let answer = world.router.publish(world.now, &mid("alice#1"), &forged).unwrap();
    peer.accept(pending, &answer);
    world.add(peer);
    world.run_for(Duration::from_secs(3));
    let ended = Event::StreamEnded { mid: mid("alice#1"), reason: EndReason::WrongFingerprint };
    assert!(world.events.iter().any(|(_, event)| *event == ended), "{:?}", world.events);
    assert_eq!((world.router.stats().media_in, world.router.stats().streams), (0, 0));
}

#[test]
fn a_publisher_that_moves_is_followed() {
    let mut world = World::new(4);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    // A NAT gives it another port: the same packets, from elsewhere.
    let elsewhere = "127.0.9.9:4444".parse().unwrap();
    world.rename(publisher, elsewhere);
    world.run_for(Duration::from_secs(8));
    let last = world.peers[subscriber].video_numbers().last().copied().unwrap();
    assert!(last + 10 >= world.frames_sent(publisher), "{last} of {}", world.frames_sent(publisher));
}

#[test]
fn an_address_in_use_cannot_be_taken_with_a_forged_source() {
    let mut world = World::new(5);
    let victim = world.publish("alice#1", VIDEO);
    world.run_for(Duration::from_secs(1));
    let attacker = world.publish("mallory#1", VIDEO);
    let check = world.peers[attacker]
        .drive(world.now)
        .into_iter()
        .map(|(_, data)| data)
        .find(|data| data[0] == 0)
        .expect("a connectivity check");
    let address = world.peers[victim].address;
    assert_eq!(answer(&mut world, address, check), 0);
    let media = world.router.stats().media_in;
    world.run_for(Duration::from_secs(1));
    assert!(world.router.stats().media_in > media + 20);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_from_anywhere_do_no_harm(
        datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 1..40),
        firsts in prop::collection::vec(prop::sample::select(vec![0u8, 1, 20, 22, 23, 63, 128, 144, 176, 191, 255]), 40),
    ) {
        let mut world = World::new(6);
        let publisher = world.publish("alice#1", BOTH);
        let subscriber = world.subscribe("alice#1", BOTH);
        world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
        let known = world.peers[publisher].address;
        for ((from_peer, mut data), first) in datagrams.into_iter().zip(firsts) {
            if let Some(byte) = data.first_mut() {
                *byte = first;
            }
            answer(&mut world, if from_peer { known } else { stranger() }, data);
        }
        let frames = world.peers[subscriber].frames.len();
        world.run_for(Duration::from_millis(500));
        prop_assert!(world.peers[subscriber].frames.len() > frames + 20, "the call goes on");
    }

    #[test]
    fn mutated_packets_of_a_handshake_do_no_harm(at in any::<prop::sample::Index>(), bit in 0u8..8, which in any::<prop::sample::Index>()) {
        let mut world = World::new(7);
        let publisher = world.publish("alice#1", VIDEO);
        let address = world.peers[publisher].address;
        world.recorded = Some((address, Vec::new()));
        world.run_for(Duration::from_millis(15));
        let (_, mut packets) = world.recorded.take().unwrap();
        for _ in 0..3 {
            world.recorded = Some((address, Vec::new()));
            world.run_for(Duration::from_millis(10));
            packets.extend(world.recorded.take().unwrap().1);
            let mut data = packets[which.index(packets.len())].clone();
            let index = at.index(data.len());
            data[index] ^= 1 << bit;
            answer(&mut world, address, data);
        }
        // What is forged before there are keys may spoil this handshake, as any on-path attacker can; no other.
        let other = world.publish("bob#1", VIDEO);
        world.run_until("another connects", |world| world.peers[other].connected.is_some());
    }
}
