//! Peer connections that do not stand yet: so many and no more, in all and of one address.

use crate::peer::Peer;
use crate::world::{BOTH, World, mid, sid};
use media::{Limits, Wanted};

#[test]
fn so_many_are_half_open_and_no_more() {
    let limits = Limits { half_open: 2, ..Limits::default() };
    let mut world = World::with_limits(301, limits);
    world.publish("alice#1", BOTH);
    world.subscribe("alice#1", BOTH);
    assert_eq!(world.router.stats().half_open, 2);
    let receive = str0m::media::Direction::RecvOnly;
    let (_, offer, _) = Peer::offering(world.now, world.address(9), World::config(), receive, BOTH);
    let now = world.now;
    let refused =
        world.router.subscribe(now, &mid("alice#1"), &sid("more"), &offer, Wanted::default()).unwrap_err();
    assert_eq!(refused.kind(), media::MediaErrorKind::Limit);
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    assert_eq!(world.router.stats().half_open, 0);
    let now = world.now;
    world.router.subscribe(now, &mid("alice#1"), &sid("more"), &offer, Wanted::default()).unwrap();
}

#[test]
fn those_of_one_address_wait_for_each_other() {
    let limits = Limits { half_open_per_address: 2, ..Limits::default() };
    // All peers have one address, and it is not loopback, which has no limit of its own.
    let server = "[2001:db8::1]:40000".parse().unwrap();
    let mut world = World::at(302, limits, server, server.ip());
    world.publish("alice#1", BOTH);
    for _ in 0..7 {
        world.subscribe("alice#1", BOTH);
    }
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    let stats = world.router.stats();
    assert!(stats.half_open_refused > 0, "nobody had to wait");
    assert_eq!((stats.half_open, stats.connected), (0, 8));

    let mut world = World::at(302, Limits::default(), server, server.ip());
    world.publish("alice#1", BOTH);
    for _ in 0..7 {
        world.subscribe("alice#1", BOTH);
    }
    world.run_until("all are connected", |world| world.peers.iter().all(|peer| peer.connected.is_some()));
    assert_eq!(world.router.stats().half_open_refused, 0);
}
