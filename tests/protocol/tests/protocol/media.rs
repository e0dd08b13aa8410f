//! Media through the server: what is sent arrives, whole and in order, with a key frame at once.

use std::time::Duration;

use peer::media::{Pacing, TrackKind, VideoRate};
use peer::{Peer, PublisherConfig, Subscriber, SubscriberConfig};
use serde_json::json;

use crate::fixture::{Place, publisher, publisher_of, subscriber, subscriber_of};

/// From "connected" to the first whole key frame: a frame's time for the publisher to make one,
/// and time for a busy machine.
const KEY_FRAME_WITHIN: Duration = Duration::from_secs(1);

async fn subscribed(peer: &Peer, rid: &str, mid: &str) -> Subscriber {
    let mut subscriber = subscriber();
    peer.subscribe(rid, mid, &mut subscriber).await.expect("a subscription");
    subscriber
}

#[tokio::test]
async fn a_stream_reaches_its_subscribers_as_it_was_sent() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screens = Vec::new();
    for _ in 0..3 {
        screens.push(subscribed(&bob, place.rid(), &stream.mid).await);
    }
    for screen in &mut screens {
        let reception = screen.frames(100, 60).await;
        let (audio, video) = (reception.audio().expect("audio"), reception.video().expect("video"));
        assert!(video.key_frames >= 1);
        assert_eq!((audio.missing(), video.missing()), (0, 0), "loopback loses nothing");
    }
}

#[tokio::test]
async fn a_late_joiner_gets_a_key_frame_at_once() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut first = subscribed(&bob, place.rid(), &stream.mid).await;
    first.frames(10, 60).await;
    let asked_before = camera.emission().key_frame_requests;

    // By now the key frame of the start is long over: the server has to ask for another.
    let mut late = subscribed(&bob, place.rid(), &stream.mid).await;
    let reception = late
        .until("a key frame", |reception| reception.video().is_some_and(|video| video.key_frames > 0))
        .await;
    assert!(camera.emission().key_frame_requests > asked_before);
    let (connected, video) = (reception.connected_at.expect("connected"), reception.video().expect("video"));
    let waited = video.first_frame_at.expect("a frame") - connected;
    assert!(waited < KEY_FRAME_WITHIN, "{waited:?}");
    assert!(video.first_key_frame.is_some_and(|frame| frame > 30), "{:?}", video.first_key_frame);
    late.frames(20, 20).await;
    // And the first one did not suffer.
    let reception = first.frames(30, 90).await;
    assert_eq!(reception.video().expect("video").missing(), 0);
}

#[tokio::test]
async fn a_subscriber_may_come_before_the_media() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let data = json!({
        "rid": place.rid(),
        "jsep": {"type": "offer", "sdp": camera.offer()},
        "minfo": crate::fixture::minfo(),
    });
    let answer = ada.request("publish", data).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), answer["mid"].as_str().expect("a mid")).await;
    screen.until("connected", peer::media::Reception::connected).await;
    camera.accept(answer["jsep"]["sdp"].as_str().expect("an SDP"));
    screen.frames(20, 20).await;
}

#[tokio::test]
async fn a_subscriber_that_asks_for_a_key_frame_gets_one() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
    let before = screen.frames(10, 30).await.video().expect("video").key_frames;
    screen.request_key_frame();
    screen
        .until("one more key frame", |reception| {
            reception.video().is_some_and(|video| video.key_frames > before)
        })
        .await;
}

#[tokio::test]
async fn many_requests_for_key_frames_are_one_to_the_publisher() {
    const SCREENS: usize = 8;
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screens = Vec::new();
    for _ in 0..SCREENS {
        screens.push(subscribed(&bob, place.rid(), &stream.mid).await);
    }
    for screen in &mut screens {
        screen.frames(30, 40).await;
    }
    let before = camera.emission();
    let started = std::time::Instant::now();
    for _ in 0..5 {
        for screen in &screens {
            screen.request_key_frame();
        }
        let sent = camera.emission().packets;
        camera.until("ten more packets", |emission| emission.packets >= sent + 10).await;
    }
    let asked = camera.emission().key_frame_requests - before.key_frame_requests;
    // One per 200 ms at the most.
    let allowed = started.elapsed().as_millis() / 200 + 2;
    assert!(asked >= 1 && u128::from(asked) <= allowed, "{asked} requests, {allowed} allowed");
}

#[tokio::test]
async fn what_is_lost_on_the_way_to_a_subscriber_is_sent_again() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut lossy = subscriber_of(&SubscriberConfig { lose_every: 20, ..SubscriberConfig::default() });
    bob.subscribe(place.rid(), &stream.mid, &mut lossy).await.expect("a subscription");
    // Whole frames in spite of 5 % loss: nearly all of what was sent between the first and the last.
    let reception = lossy.until("150 frames", |reception| reception.has_frames(0, 150)).await;
    let video = reception.video().expect("video");
    assert!(
        video.missing() * 100 <= video.packets * 2,
        "{} of {} packets are missing",
        video.missing(),
        video.packets
    );
}

#[tokio::test]
async fn what_is_lost_on_the_way_to_the_server_is_asked_for_again() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher_of(&PublisherConfig { lose_every: 20, ..PublisherConfig::default() });
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
    let reception = screen.until("150 frames", |reception| reception.has_frames(0, 150)).await;
    let video = reception.video().expect("video");
    assert!(
        video.missing() * 100 <= video.packets * 2,
        "{} of {} packets are missing",
        video.missing(),
        video.packets
    );
}

#[tokio::test]
async fn spaced_packets_and_other_sizes_arrive_too() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let video = VideoRate { bitrate: 3_000_000, packet: 300, pacing: Pacing::Spaced, ..VideoRate::default() };
    let mut camera = publisher_of(&PublisherConfig { video, ..PublisherConfig::default() });
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
    let reception = screen.frames(50, 50).await;
    assert_eq!(reception.video().expect("video").missing(), 0);
}

#[tokio::test]
async fn audio_alone_and_video_alone_are_forwarded() {
    use TrackKind::{Audio, Video};
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    for (tracks, audio, video) in [(vec![Audio], 50, 0), (vec![Video], 0, 50)] {
        let mut camera = publisher_of(&PublisherConfig { tracks, ..PublisherConfig::default() });
        let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
        let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
        let reception = screen.frames(audio, video).await;
        assert_eq!(reception.tracks.len(), 1);
    }
}

#[tokio::test]
async fn several_tracks_of_a_kind_are_kept_apart() {
    use TrackKind::{Audio, Video};
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let tracks = vec![Audio, Video, Video, Audio];
    let mut camera = publisher_of(&PublisherConfig { tracks: tracks.clone(), ..PublisherConfig::default() });
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscriber_of(&SubscriberConfig { tracks, ..SubscriberConfig::default() });
    bob.subscribe(place.rid(), &stream.mid, &mut screen).await.expect("a subscription");
    let all = |reception: &peer::media::Reception| {
        reception.tracks.len() == 4 && reception.tracks.values().all(|track| track.frames >= 20)
    };
    screen.until("20 frames of each of four tracks", all).await;
}

#[tokio::test]
async fn two_people_see_and_hear_each_other() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let (mut camera_a, mut camera_b) = (publisher(), publisher());
    let stream_a = ada.publish(place.rid(), &mut camera_a).await.expect("a stream");
    let stream_b = bob.publish(place.rid(), &mut camera_b).await.expect("a stream");
    let mut screen_a = subscribed(&ada, place.rid(), &stream_b.mid).await;
    let mut screen_b = subscribed(&bob, place.rid(), &stream_a.mid).await;
    tokio::join!(screen_a.frames(50, 30), screen_b.frames(50, 30));
}

#[tokio::test]
async fn unpublish_ends_the_media_and_publish_again_works() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    for _ in 0..3 {
        let mut camera = publisher();
        let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
        let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
        screen.frames(10, 10).await;
        ada.request("unpublish", json!({"rid": place.rid(), "mid": stream.mid})).await.expect("unpublished");
        screen.until("the end", |reception| reception.ended).await;
        camera.until("the end", |emission| emission.ended).await;
    }
}

#[tokio::test]
async fn unsubscribe_ends_the_media_of_this_subscription_alone() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut stays = subscribed(&bob, place.rid(), &stream.mid).await;
    let mut goes = subscriber();
    let sid = bob.subscribe(place.rid(), &stream.mid, &mut goes).await.expect("a subscription");
    goes.frames(10, 10).await;
    bob.request("unsubscribe", json!({"rid": place.rid(), "mid": stream.mid, "sid": sid}))
        .await
        .expect("ended");
    goes.until("the end", |reception| reception.ended).await;
    let so_far = stays.reception().video().map_or(0, |video| video.frames);
    let reception = stays.frames(20, so_far + 30).await;
    assert_eq!(reception.video().expect("video").missing(), 0);
}

#[tokio::test]
async fn who_leaves_takes_the_media_along() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
    screen.frames(10, 10).await;
    ada.vanish();
    screen.until("the end", |reception| reception.ended).await;
    bob.notification("peer-leave", |_| true).await;
}

#[tokio::test]
async fn a_publisher_that_closes_its_connection_is_unpublished_and_hears_of_it() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    camera.connected().await;
    camera.close();
    for peer in [&bob, &ada] {
        let heard = peer.notification("stream-remove", |_| true).await;
        assert_eq!(*heard.data(), json!({"rid": place.rid(), "uid": ada.uid(), "mid": stream.mid}));
    }
    assert_eq!(bob.request("getpubs", json!({"rid": place.rid()})).await, Ok(json!({"pubs": []})));
    bob.settle(place.rid(), [&ada]).await;
    let removed = ada.told().into_iter().filter(|(method, _)| method == "stream-remove");
    assert_eq!(removed.count(), 1);
}

#[tokio::test]
async fn media_flows_on_while_the_room_is_busy() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscribed(&bob, place.rid(), &stream.mid).await;
    screen.frames(5, 5).await;
    for round in 0..200 {
        ada.request("broadcast", json!({"rid": place.rid(), "data": round})).await.expect("a broadcast");
    }
    let frames = screen.reception().video().map_or(0, |video| video.frames);
    let reception = screen.frames(5, frames + 30).await;
    assert_eq!(reception.video().expect("video").missing(), 0);
}
