//! What takes up to a minute: silence, missing keepalives, media that dies, half-open handshakes.
//! One test, so that everything in it waits at the same time; a failure names the scenario. (Tests
//! run in the order of their names: this module's comes first, and the others run beside it.)

use std::any::Any;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use peer::Peer;
use peer::signalling::dial;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::fixture::{Place, announce, code_of, publisher, subscriber};

/// Longer than any scenario; one that reaches it hangs.
const LONGEST: Duration = Duration::from_secs(110);

type Scenario = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_has_to_be_waited_for() {
    let scenarios: Vec<Scenario> = vec![
        ("a_user_without_requests_for_60_s_leaves", Box::pin(a_user_without_requests_for_60_s_leaves())),
        (
            "any_request_counts_as_keepalive_for_all_rooms",
            Box::pin(any_request_counts_as_keepalive_for_all_rooms()),
        ),
        ("the_server_pings_every_15_s", Box::pin(the_server_pings_every_15_s())),
        ("a_peer_silent_for_45_s_is_closed", Box::pin(a_peer_silent_for_45_s_is_closed())),
        ("a_stream_ends_when_its_publisher_dies", Box::pin(a_stream_ends_when_its_publisher_dies())),
        ("a_stream_that_never_connects_ends", Box::pin(a_stream_that_never_connects_ends())),
        ("a_dead_subscriber_costs_only_itself", Box::pin(a_dead_subscriber_costs_only_itself())),
        ("half_open_handshakes_are_closed", Box::pin(half_open_handshakes_are_closed())),
    ];
    let running: Vec<_> =
        scenarios.into_iter().map(|(name, run)| (name, tokio::spawn(timeout(LONGEST, run)))).collect();
    let mut failed = Vec::new();
    for (name, handle) in running {
        match handle.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => failed.push(format!("{name}: not over after {LONGEST:?}")),
            Err(error) => failed.push(format!("{name}: {}", story(error.into_panic().as_ref()))),
        }
    }
    assert!(failed.is_empty(), "{} scenarios failed:\n{}", failed.len(), failed.join("\n"));
}

fn story(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Keeps a user in its rooms while something else is waited for.
async fn stay(peer: &Peer, rid: &str, until: impl Future<Output = ()>) {
    let requests = async {
        loop {
            sleep(Duration::from_secs(10)).await;
            peer.request("keepalive", json!({"rid": rid})).await.expect("alive");
        }
    };
    tokio::select! {
        () = until => {}
        () = requests => {}
    }
}

fn assert_between(what: &str, since: Instant, at: Instant, seconds: std::ops::RangeInclusive<u64>) {
    let passed = at.saturating_duration_since(since);
    let range = Duration::from_secs(*seconds.start())..=Duration::from_secs(*seconds.end());
    assert!(range.contains(&passed), "{what} after {passed:?}, not within {seconds:?} s");
}

async fn a_user_without_requests_for_60_s_leaves() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let bob = place.member_known_to("bob", &[&ada]).await;
    let mid = announce(&bob, place.rid()).await;
    let since = Instant::now();
    stay(&ada, place.rid(), async {
        let patience = Duration::from_secs(80);
        let left = ada.notification_within("peer-leave", |data| data["uid"] == *bob.uid(), patience).await;
        assert_between("left", since, left.at(), 55..=72);
    })
    .await;
    assert!(ada.told().iter().any(|(method, data)| method == "stream-remove" && data["mid"] == *mid));
    // The connection stands, the membership does not; and it may come back.
    assert!(bob.is_open());
    assert_eq!(code_of(&bob, "keepalive", json!({"rid": place.rid()})).await, 15);
    bob.join(place.rid()).await;
    ada.settle(place.rid(), [&bob]).await;
    let joins =
        ada.told().into_iter().filter(|(method, data)| method == "peer-join" && data["uid"] == *bob.uid());
    assert_eq!(joins.count(), 2);
}

async fn any_request_counts_as_keepalive_for_all_rooms() {
    let place = Place::new();
    let second = place.other_rid("second");
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    ada.join(&second).await;
    bob.join(&second).await;
    let until = Instant::now() + Duration::from_secs(80);
    while Instant::now() < until {
        sleep(Duration::from_secs(15)).await;
        // Only about the first room, and for one of them only requests that fail.
        ada.request("getusers", json!({"rid": place.rid()})).await.expect("a list");
        drop(bob.request("nonsense", json!({"rid": place.rid()})).await);
    }
    for rid in [place.rid(), &second] {
        ada.settle(rid, [&bob]).await;
    }
    for peer in [&ada, &bob] {
        assert!(!peer.told().iter().any(|(method, _)| method == "peer-leave"), "{:?}", peer.told());
    }
}

async fn the_server_pings_every_15_s() {
    let place = Place::new();
    let ada = place.peer("ada").await;
    let since = Instant::now();
    for count in 1..=3u64 {
        let pinged =
            timeout(Duration::from_secs(20), ada.record().pinged(usize::try_from(count).expect("small")))
                .await;
        assert!(pinged.is_ok(), "ping {count} did not come");
        assert_between("ping", since, Instant::now(), 15 * count - 3..=15 * count + 4);
    }
    sleep(Duration::from_secs(10)).await;
    assert!(ada.is_open(), "a client that answers pings stays");
}

async fn a_peer_silent_for_45_s_is_closed() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let uid = place.uid("mute");
    let mut mute = dial(place.url(), &uid).await.expect("a connection").socket;
    let join = json!({"request": true, "id": 1, "method": "join", "data": {"rid": place.rid()}}).to_string();
    futures_util::SinkExt::send(&mut mute, Frame::text(join)).await.expect("sent");
    ada.notification("peer-join", |data| data["uid"] == *uid).await;
    // From here on nothing is read, so no ping is answered.
    let since = Instant::now();
    stay(&ada, place.rid(), async {
        let patience = Duration::from_secs(70);
        let left = ada.notification_within("peer-leave", |data| data["uid"] == *uid, patience).await;
        assert_between("closed", since, left.at(), 42..=54);
    })
    .await;
    let ended = timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = mute.next().await {} }).await;
    assert!(ended.is_ok(), "the connection is still open");
}

async fn a_stream_ends_when_its_publisher_dies() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let mut screen = subscriber();
    bob.subscribe(place.rid(), &stream.mid, &mut screen).await.expect("a subscription");
    screen.frames(10, 10).await;
    camera.vanish();
    let since = Instant::now();
    let removal = async {
        for peer in [&bob, &ada] {
            let patience = Duration::from_secs(75);
            let removed = peer.notification_within("stream-remove", |_| true, patience).await;
            // Whoever is not heard for a minute is gone; half a minute without network is none.
            assert_between("removed", since, removed.at(), 45..=66);
            assert_eq!(*removed.data(), json!({"rid": place.rid(), "uid": ada.uid(), "mid": stream.mid}));
        }
    };
    stay(&ada, place.rid(), stay(&bob, place.rid(), removal)).await;
    screen.until("the end", |reception| reception.ended).await;
    assert_eq!(bob.request("getpubs", json!({"rid": place.rid()})).await, Ok(json!({"pubs": []})));
    assert!(ada.is_open(), "the user stays");
}

async fn a_stream_that_never_connects_ends() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let since = Instant::now();
    let mid = announce(&ada, place.rid()).await;
    for peer in [&bob, &ada] {
        let removed = peer.notification_within("stream-remove", |_| true, Duration::from_secs(45)).await;
        assert_between("removed", since, removed.at(), 28..=36);
        assert_eq!(*removed.data(), json!({"rid": place.rid(), "uid": ada.uid(), "mid": mid}));
    }
    assert_eq!(code_of(&ada, "unpublish", json!({"rid": place.rid(), "mid": mid})).await, 8);
}

async fn a_dead_subscriber_costs_only_itself() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mut camera = publisher();
    let stream = ada.publish(place.rid(), &mut camera).await.expect("a stream");
    let (mut dies, mut lives) = (subscriber(), subscriber());
    let sid = bob.subscribe(place.rid(), &stream.mid, &mut dies).await.expect("a subscription");
    bob.subscribe(place.rid(), &stream.mid, &mut lives).await.expect("a subscription");
    dies.frames(10, 10).await;
    dies.vanish();
    let frames = 45 * 30;
    let reception = lives
        .until_within("45 s of video", Duration::from_secs(70), |reception| reception.has_frames(0, frames))
        .await;
    assert_eq!(reception.video().expect("video").missing(), 0);
    // Ended by the server or not: its owner may end it.
    let unsubscribe = json!({"rid": place.rid(), "mid": stream.mid, "sid": sid});
    assert_eq!(bob.request("unsubscribe", unsubscribe).await, Ok(json!({})));
}

async fn half_open_handshakes_are_closed() {
    const CONNECTIONS: usize = 200;
    let place = Place::new();
    let beginnings: [&[u8]; 4] =
        [b"", b"GET /ws?peer=slow HTTP/1.1\r\nHost: x\r\n", b"G", b"\x16\x03\x01\x02\x00\x01\x00\x01"];
    let since = Instant::now();
    let mut connections = Vec::new();
    for beginning in beginnings.iter().cycle().take(CONNECTIONS) {
        let mut stream = TcpStream::connect(place.address()).await.expect("a connection");
        stream.write_all(beginning).await.expect("sent");
        connections.push(stream);
    }
    // Meanwhile others come in at once.
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    ada.settle(place.rid(), [&bob]).await;
    assert!(since.elapsed() < Duration::from_secs(8), "the honest ones had to wait");
    for mut stream in connections {
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(15), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a handshake is open after {:?}", since.elapsed());
    }
    assert_between("the last one closed", since, Instant::now(), 0..=15);
}
