//! ICE begins anew in mid call: media goes on without a gap, and who knew the old password knows nothing any more.

use crate::calls::assert_complete;
use crate::world::{BOTH, VIDEO, World, mid};
use media::{MediaErrorKind, Restart};
use std::net::SocketAddr;
use std::time::Duration;
use str0m::change::SdpPendingOffer;

fn call(seed: u64) -> (World, usize, usize) {
    let mut world = World::new(seed);
    let publisher = world.publish("alice#1", BOTH);
    let subscriber = world.subscribe("alice#1", BOTH);
    world.run_until("there is a picture", |world| !world.peers[subscriber].video_numbers().is_empty());
    world.run_for(Duration::from_secs(3));
    (world, publisher, subscriber)
}

/// The peer's offer, and the router's answer.
fn asked(world: &mut World, peer: usize) -> (String, SdpPendingOffer) {
    let (offer, pending) = world.peers[peer].offering_restart();
    let sid = world.sid_of(peer);
    let name = mid("alice#1");
    let restart = if peer == 0 { Restart::Publish(&name) } else { Restart::Subscription(&sid) };
    (world.router.restart(world.now, restart, &offer).unwrap(), pending)
}

/// A peer begins ICE anew. Returns the answer.
pub(crate) fn restart(world: &mut World, peer: usize) -> String {
    let (answer, pending) = asked(world, peer);
    world.peers[peer].accept(pending, &answer);
    world.peers[peer].wakes = world.now;
    answer
}

fn elsewhere(number: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 2, 1], number))
}

/// Lines that name media, and not ICE or the session.
fn media_lines(answer: &str) -> Vec<String> {
    let ice = ["a=ice-ufrag", "a=ice-pwd", "o="];
    answer.lines().filter(|line| !ice.iter().any(|ice| line.starts_with(ice))).map(str::to_owned).collect()
}

#[test]
fn media_goes_on_without_a_gap() {
    let (mut world, publisher, subscriber) = call(1);
    let handshakes = world.router.stats().handshakes;
    for _ in 0..3 {
        for peer in [publisher, subscriber] {
            restart(&mut world, peer);
            world.run_for(Duration::from_secs(1));
            assert_eq!(world.router.holdings().names, 2, "the names of before are gone");
        }
    }
    world.run_for(Duration::from_secs(2));
    let numbers = world.peers[subscriber].video_numbers();
    assert_complete(&numbers);
    assert_complete(&world.peers[subscriber].audio_numbers());
    assert!(numbers.last().unwrap() + 5 >= world.frames_sent(publisher));
    assert_eq!(world.router.stats().handshakes, handshakes);
    assert!(world.peers.iter().all(|peer| peer.closed.is_none()));
    // On the checks of the new credentials, the call lasts.
    world.run_for(Duration::from_secs(70));
    assert_complete(&world.peers[subscriber].video_numbers());
}

#[test]
fn the_answer_is_the_first_one_but_for_ice() {
    let (mut world, _, subscriber) = call(2);
    for peer in [0, subscriber] {
        let (first, second) = (restart(&mut world, peer), restart(&mut world, peer));
        assert_eq!(media_lines(&first), media_lines(&second));
        let value = |answer: &str, name: &str| {
            let line = answer.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].to_owned()
        };
        for name in ["a=ice-ufrag:", "a=ice-pwd:"] {
            assert_ne!(value(&first, name), value(&second, name));
        }
        let origin = |answer: &str| value(answer, "o=- ").split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (first, second) = (origin(&first), origin(&second));
        assert_eq!((&first[0], first[1].as_str(), second[1].as_str()), (&second[0], "2", "3"));
    }
}

#[test]
fn whoever_begins_anew_from_another_address_is_followed_there() {
    let (mut world, publisher, subscriber) = call(3);
    for (peer, address) in [(subscriber, elsewhere(1)), (publisher, elsewhere(2))] {
        // Nothing comes or goes, and then everything from elsewhere.
        (world.peers[peer].up.cut, world.peers[peer].down.cut) = (true, true);
        world.run_for(Duration::from_secs(5));
        (world.peers[peer].up.cut, world.peers[peer].down.cut) = (false, false);
        world.rename(peer, address);
        restart(&mut world, peer);
        let before = world.peers[subscriber].frames.len();
        world.run_for(Duration::from_secs(2));
        assert!(
            world.peers[subscriber].frames.len() > before + 80,
            "{}",
            world.peers[subscriber].frames.len() - before
        );
    }
    assert_eq!(world.router.stats().connected, 2);
}

/// What the peer sends of its checks, none of which comes.
fn checks_under_way(world: &mut World, peer: usize) -> Vec<Vec<u8>> {
    world.peers[peer].up.cut = true;
    world.recorded = Some((world.peers[peer].address, Vec::new()));
    world.run_for(Duration::from_secs(8));
    world.peers[peer].up.cut = false;
    let (_, sent) = world.recorded.take().unwrap();
    let checks: Vec<_> = sent.into_iter().filter(|data| data[0] == 0).collect();
    assert!(!checks.is_empty());
    checks
}

#[test]
fn the_old_credentials_count_until_the_new_ones_are_used_and_then_no_more() {
    let (mut world, _, subscriber) = call(4);
    let old = checks_under_way(&mut world, subscriber);
    let (answer, pending) = asked(&mut world, subscriber);
    // One that was under way comes before any new one: it still counts.
    let address = world.peers[subscriber].address;
    let drops = world.router.stats().drops;
    world.receive(vec![(address, old[0].clone())]);
    assert_eq!(world.router.stats().drops, drops);
    world.peers[subscriber].accept(pending, &answer);
    world.peers[subscriber].wakes = world.now;
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.router.holdings().names, 2);
    let (drops, sent) = (world.router.stats().drops, world.router.stats().datagrams_out);
    for from in [address, elsewhere(3)] {
        world.receive(old[1..].iter().map(|check| (from, check.clone())).collect());
    }
    let stats = world.router.stats();
    assert_eq!(stats.drops, drops + 2 * (old.len() as u64 - 1));
    assert_eq!(stats.datagrams_out, sent, "no answer");
    let before = world.peers[subscriber].frames.len();
    world.run_for(Duration::from_secs(1));
    assert!(world.peers[subscriber].frames.len() > before + 60);
}

#[test]
fn a_restart_that_nobody_takes_up_is_forgotten_after_30_s() {
    let (mut world, publisher, subscriber) = call(5);
    let (_, _never) = asked(&mut world, subscriber);
    let (answer, pending) = asked(&mut world, publisher);
    assert_eq!(world.router.holdings().names, 4);
    world.run_for(Duration::from_secs(29));
    assert_eq!(world.router.holdings().names, 4);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.router.holdings().names, 2);
    assert_complete(&world.peers[subscriber].video_numbers());
    assert_eq!(world.router.stats().connected, 2);
    // Too late: nobody is called that any more.
    world.peers[publisher].accept(pending, &answer);
    let before = world.peers[subscriber].frames.len();
    world.run_for(Duration::from_secs(20));
    let (_, next) = (world.router.holdings().names, restart_again(&mut world, publisher));
    world.run_for(Duration::from_secs(3));
    assert!(next && world.peers[subscriber].frames.len() > before + 100);
}

/// Once more, after one that came to nothing.
fn restart_again(world: &mut World, peer: usize) -> bool {
    !restart(world, peer).is_empty()
}

#[test]
fn one_restart_replaces_another_and_names_do_not_pile_up() {
    let (mut world, _, subscriber) = call(6);
    for _ in 0..50 {
        let (_, _pending) = asked(&mut world, subscriber);
    }
    assert_eq!(world.router.holdings().names, 3);
    restart(&mut world, subscriber);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.router.holdings().names, 2);
    assert!(world.unsubscribe(subscriber) && world.unpublish("alice#1"));
    assert_eq!(world.router.holdings().names, 0);
    assert_eq!(world.router.holdings().timers, 0);
}

#[test]
fn it_may_begin_anew_before_it_is_connected() {
    let (mut world, _, _) = call(7);
    let late = world.subscribe("alice#1", VIDEO);
    world.peers[late].up.cut = true;
    world.run_for(Duration::from_secs(2));
    restart(&mut world, late);
    world.peers[late].up.cut = false;
    world.run_until("there is a picture", |world| !world.peers[late].video_numbers().is_empty());
    assert_eq!(world.router.holdings().names, 3);
}

#[test]
fn what_changes_more_than_ice_is_refused() {
    let (mut world, publisher, subscriber) = call(8);
    let (offer, _) = world.peers[publisher].offering_restart();
    let now = world.now;
    let (name, nobody) = (mid("alice#1"), mid("nobody#1"));
    let mut refused = |restart: Restart<'_>, offer: &str| {
        let error = world.router.restart(now, restart, offer).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, _) = refused(Restart::Publish(&nobody), &offer);
    assert_eq!(kind, MediaErrorKind::NoSuchStream);
    let sid = crate::world::sid("nobody");
    assert_eq!(refused(Restart::Subscription(&sid), &offer).0, MediaErrorKind::NoSuchSubscription);

    let line = offer.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let other = format!("a=fingerprint:sha-256 {}", ["AB"; 32].join(":"));
    let cut = offer.rfind("m=").unwrap();
    let last = offer[..cut].rfind("a=group:BUNDLE").map(|_| offer[..cut].to_owned()).unwrap();
    for (what, offer) in [
        ("fingerprint", offer.replace(line, &other)),
        ("m-lines", last),
        ("direction", offer.replacen("a=sendonly", "a=inactive", 1)),
        ("use at all", offer.replace("m=video 9", "m=video 0")),
    ] {
        let (kind, message) = refused(Restart::Publish(&name), &offer);
        assert_eq!(kind, MediaErrorKind::UnusableSdp, "{what}");
        assert!(message.contains(what), "{message}");
    }
    assert_eq!(refused(Restart::Publish(&name), "v=0").0, MediaErrorKind::UnusableSdp);
    world.router.restart(now, Restart::Publish(&name), &offer).unwrap();
    let error = world.router.restart(now, Restart::Publish(&name), &offer).unwrap_err();
    assert!(error.to_string().contains("a=ice-ufrag"), "{error}");
    world.run_for(Duration::from_secs(1));
    assert_complete(&world.peers[subscriber].video_numbers());
}
