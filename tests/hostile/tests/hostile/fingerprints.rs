//! A certificate that is not the one which the offer announced: somebody stands between the peers.

use crate::calls::{Call, member, server};
use crate::guest::{Guest, Wish};
use crate::watch::{eventually, metric};
use loadtest::client::Kind;
use peer::Server;
use serde_json::json;

/// How the log says why.
const REASON: &str = "the certificate does not match the fingerprint in the SDP";

/// Changes the first digit of each fingerprint.
fn with_another_fingerprint(offer: &str) -> String {
    let changed = offer.lines().map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
        Some(digest) => {
            let digit = if digest.starts_with('0') { '1' } else { '0' };
            format!("a=fingerprint:sha-256 {digit}{}\r\n", &digest[1..])
        }
        None => format!("{line}\r\n"),
    });
    changed.collect()
}

/// The log says of this stream or subscription how it ended.
async fn says_why(server: &Server, id: &str) {
    let told = || server.log().lines().iter().any(|line| line.contains(id) && line.contains(REASON));
    eventually("the log says why", told).await;
}

#[tokio::test]
async fn a_publisher_with_another_certificate_is_not_forwarded_and_its_stream_ends() {
    let server = server();
    let rid = format!("room {}", peer::unique());
    let (eve, ben) = (member(&server, &rid, "eve").await, member(&server, &rid, "ben").await);
    let both = [Kind::Audio, Kind::Video];
    let mut publisher =
        Guest::try_new(&eve, &rid, Wish::Publish, &both, with_another_fingerprint).await.expect("a stream");
    let mut listener = Guest::new(&ben, &rid, Wish::Subscribe(&publisher.id), &both).await;
    listener.connected().await;
    publisher.until("the end", |guest| guest.closed.is_some() || guest.client.is_connected()).await;
    // Should it have got as far as keys, then what it says with them goes nowhere.
    for number in 0..50 {
        if publisher.client.is_connected() {
            publisher.speak(0, number * 960, b"\x78unheard");
        }
    }
    let removed = ben.notification("stream-remove", |_| true).await;
    assert_eq!(*removed.data(), json!({"rid": rid, "uid": eve.uid(), "mid": publisher.id}));
    listener.until("the end", |guest| guest.closed.is_some()).await;
    assert!(listener.heard.is_empty(), "{} packets", listener.heard.len());
    assert_eq!(metric(&server, "anabranch_sfu_media_packets_total"), 0.0);
    says_why(&server, &publisher.id).await;
}

#[tokio::test]
async fn a_subscriber_with_another_certificate_gets_nothing() {
    let server = server();
    let mut call = Call::start(&server, 1).await;
    let both = [Kind::Audio, Kind::Video];
    let wish = Wish::Subscribe(&call.mid);
    let mut subscriber =
        Guest::try_new(&call.ben, &call.rid, wish, &both, with_another_fingerprint).await.expect("an answer");
    let before = metric(&server, "anabranch_sfu_subscriptions");
    subscriber.until("the end", |guest| guest.closed.is_some() || guest.client.is_connected()).await;
    eventually("its end", || metric(&server, "anabranch_sfu_subscriptions") == before - 1.0).await;
    call.goes_on().await;
    for _ in 0..5 {
        subscriber.step().await;
    }
    assert!(subscriber.heard.is_empty(), "{} packets", subscriber.heard.len());
    says_why(&server, &subscriber.id).await;
}
