//! The client against the real media plane, in virtual time.

use crate::world::{World, frame};
use loadtest::client::{Arrival, CloseReason, Event, Profile};
use std::time::Duration;

/// Lets the publisher send so many frames of three packets, 33 ms apart.
fn send_frames(world: &mut World, publisher: usize, count: u32) {
    for number in 0..count {
        for part in 0..3 {
            world.send(publisher, 1, 3000 * number, part == 2, &frame(number == 0, part == 0));
        }
        world.run_for(Duration::from_millis(33));
    }
}

#[test]
fn a_publisher_and_its_subscribers_connect_and_media_flows() {
    for profile in Profile::ALL {
        let mut world = World::new(profile);
        let publisher = world.publish("ada");
        let subscribers = [world.subscribe("ada"), world.subscribe("ada")];
        world.run_until("all connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
        assert!(world.clients.iter().all(|one| one.client.profile() == Some(profile)), "{profile:?}");
        world.send(publisher, 0, 960, false, b"opus");
        send_frames(&mut world, publisher, 30);
        for subscriber in subscribers {
            let got = &world.clients[subscriber].received;
            assert_eq!(got.iter().filter(|one| one.track == 0).count(), 1, "audio");
            let video: Vec<_> = got.iter().filter(|one| one.track == 1).collect();
            assert_eq!(video.len(), 90);
            assert!(video.windows(2).all(|two| two[0].sequence + 1 == two[1].sequence), "in order");
            assert_eq!(world.clients[subscriber].client.unauthentic(), 0);
        }
    }
}

#[test]
fn a_new_subscriber_makes_the_server_ask_for_a_key_frame() {
    let mut world = World::new(Profile::AeadAes128Gcm);
    let publisher = world.publish("ada");
    world.run_until("connected", |world| world.clients[publisher].client.is_connected());
    send_frames(&mut world, publisher, 3);
    world.subscribe("ada");
    let wanted = Event::KeyFrameWanted { track: 1 };
    world.run_until("a request", |world| world.clients[publisher].events.contains(&wanted));
    let (mut before, subscriber) = (world.clients[publisher].events.len(), 1);
    send_frames(&mut world, publisher, 20);
    world.ask_for_key_frame(subscriber, 1);
    world.run_until("another request", |world| world.clients[publisher].events[before..].contains(&wanted));
    before = world.clients[publisher].events.len();
    assert!(before >= 2);
}

#[test]
fn what_is_lost_on_the_way_down_is_asked_for_and_comes_again() {
    let mut world = World::new(Profile::AeadAes128Gcm);
    let publisher = world.publish("ada");
    let subscriber = world.subscribe("ada");
    world.run_until("connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
    world.clients[subscriber].lose_every = 10;
    send_frames(&mut world, publisher, 60);
    world.clients[subscriber].lose_every = 0;
    send_frames(&mut world, publisher, 10);
    let got = &world.clients[subscriber].received;
    let repaired = got.iter().filter(|one| one.arrival == Arrival::Repair).count();
    assert!(repaired >= 15, "{repaired}");
    let numbers = world.clients[subscriber].numbers();
    assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]), "nothing is missing in the end");
}

#[test]
fn what_is_lost_on_the_way_up_is_sent_again() {
    let mut world = World::new(Profile::Aes128CmSha1_80);
    let publisher = world.publish("ada");
    let subscriber = world.subscribe("ada");
    world.run_until("connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
    for number in 0..60 {
        for part in 0..3 {
            let packet = frame(number == 0, part == 0);
            if number % 10 == 5 && part == 1 {
                world.send_into_the_void(publisher, 1, 3000 * number, &packet);
            } else {
                world.send(publisher, 1, 3000 * number, part == 2, &packet);
            }
        }
        world.run_for(Duration::from_millis(33));
    }
    // The subscriber missed them as well, and may get one from the server's cache too.
    assert_eq!(world.clients[subscriber].numbers().len(), 180);
}

#[test]
fn the_server_hears_what_arrives_and_what_does_not() {
    let mut world = World::estimating(Profile::AeadAes128Gcm);
    let publisher = world.publish("ada");
    let subscribers = [world.subscribe("ada"), world.subscribe("ada")];
    world.clients[subscribers[1]].lose_every = 2;
    world.run_until("connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
    assert_eq!(world.estimates("ada"), [None, None], "before any feedback");
    for number in 0..300 {
        // 1 Mbit/s, and a round trip of 10 ms.
        for part in 0..4 {
            let payload = [&frame(number == 0, part == 0)[..], &[7; 1000]].concat();
            world.send(publisher, 1, 3000 * number, part == 3, &payload);
        }
        world.run_for(Duration::from_millis(33));
    }
    let estimates = world.estimates("ada");
    let [Some(good), Some(bad)] = estimates[..] else { panic!("{estimates:?}") };
    assert!(good > 1_200_000, "probes that arrive show more than what the call begins with: {good}");
    assert!(bad < good / 2, "half of it is lost: {bad} of {good}");
}

#[test]
fn whoever_closes_is_gone_and_the_others_hear_of_it() {
    let mut world = World::new(Profile::AeadAes128Gcm);
    let publisher = world.publish("ada");
    let subscriber = world.subscribe("ada");
    world.run_until("connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
    world.close(publisher);
    let closed = Event::Closed(CloseReason::ByPeer);
    world.run_until("the end of the stream", |world| world.clients[subscriber].events.contains(&closed));
    assert_eq!(world.clients[subscriber].client.poll_timeout(), None);
}

#[test]
fn consent_keeps_a_connection_and_its_absence_ends_it() {
    let mut world = World::new(Profile::AeadAes128Gcm);
    world.publish("ada");
    let subscriber = world.subscribe("ada");
    world.run_until("connected", |world| world.clients.iter().all(|one| one.client.is_connected()));
    world.run_for(Duration::from_secs(90));
    assert!(world.clients.iter().all(|one| one.client.is_connected()), "checks go on");
    world.clients[subscriber].cut_off = true;
    let lost = Event::Closed(CloseReason::ConsentLost);
    world.run_until("no consent", |world| world.clients[subscriber].events.contains(&lost));
}

#[test]
fn nobody_there_is_noticed() {
    let mut world = World::new(Profile::AeadAes128Gcm);
    let publisher = world.publish("ada");
    world.clients[publisher].cut_off = true;
    let never = Event::Closed(CloseReason::NeverConnected);
    world.run_until("the end of patience", |world| world.clients[publisher].events.contains(&never));
}
