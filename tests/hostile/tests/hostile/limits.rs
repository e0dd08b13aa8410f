//! What an operator sets in `[limits]` holds in the running server, in each of its roles, and what is given back counts no
//! more. (Half-open handshakes are in `handshakes`, memory in `resources`.)

use crate::calls::{Call, member};
use crate::guest::{Guest, Wish};
use loadtest::client::Kind;
use peer::server::get;
use peer::{MediaThread, PATIENCE, Peer, Publisher, PublisherConfig, Server, ServerConfig, unique};
use serde_json::{Value, json};
use std::time::Instant;

/// One more section of an offer, of nothing that moves.
const THIRD: &str = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:third\r\na=inactive\r\n";

fn with(limits: &[(&str, u32)]) -> Server {
    let config = ServerConfig::default().workers(1);
    let set = |config: ServerConfig, (key, value): &(&str, u32)| {
        config.set(&format!("limits.{key}"), &value.to_string())
    };
    Server::with(limits.iter().fold(config, set))
}

/// The error's code.
async fn refused(peer: &Peer, method: &str, data: Value) -> Option<i64> {
    peer.request(method, data).await.err().map(|refusal| refusal.code)
}

/// One more subscription: its id, or the error's code.
async fn watch(call: &Call, peer: &Peer) -> Result<String, i64> {
    let guest = Guest::try_new(peer, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video], str::to_owned);
    guest.await.map(|guest| guest.id).map_err(|refusal| refusal.code)
}

async fn unwatch(call: &Call, peer: &Peer, sid: &str) {
    let data = json!({"rid": call.rid, "mid": call.mid, "sid": sid});
    peer.request("unsubscribe", data).await.expect("it can be ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_users_streams_and_subscriptions() {
    let server = with(&[("rooms", 2), ("users", 3), ("streams", 1), ("subscriptions", 2)]);
    let mut call = Call::start(&server, 1).await;

    let ann = member(&server, &call.rid, "ann").await;
    let eve = Peer::connect(server.ws_url(), &format!("eve-{}", unique())).await;
    assert_eq!(refused(&eve, "join", json!({"rid": call.rid})).await, Some(17), "a fourth user");

    ann.join("second").await;
    assert_eq!(refused(&ann, "join", json!({"rid": "third"})).await, Some(17), "a third room");
    ann.request("leave", json!({"rid": "second"})).await.unwrap();
    ann.join("third").await;

    let media = MediaThread::start();
    let mut camera = Publisher::new(&media, &PublisherConfig::default());
    let stream = ann.publish(&call.rid, &mut camera).await.unwrap();
    let mut more = Publisher::new(&media, &PublisherConfig::default());
    let refusal = ann.publish(&call.rid, &mut more).await.unwrap_err();
    assert_eq!(refusal.code, 17, "a second stream: {refusal}");
    ann.request("unpublish", json!({"rid": call.rid, "mid": stream.mid})).await.unwrap();
    let mut more = Publisher::new(&media, &PublisherConfig::default());
    ann.publish(&call.rid, &mut more).await.unwrap();

    let first = watch(&call, &ann).await.unwrap();
    watch(&call, &ann).await.unwrap();
    assert_eq!(watch(&call, &ann).await, Err(17), "a third subscription");
    unwatch(&call, &ann, &first).await;
    watch(&call, &ann).await.unwrap();

    ann.request("leave", json!({"rid": call.rid})).await.unwrap();
    eve.join(&call.rid).await;
    call.goes_on().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peer_connections_of_a_worker_and_what_an_offer_may_be() {
    let server = with(&[("transports", 3), ("sdp", 8000), ("sdp_lines", 2)]);
    let mut call = Call::start(&server, 1).await;
    let first = watch(&call, &call.ben).await.unwrap();
    assert_eq!(watch(&call, &call.ben).await, Err(17), "a fourth peer connection");
    unwatch(&call, &call.ben, &first).await;

    let edited = |edit: fn(&str) -> String| {
        let wish = Wish::Subscribe(&call.mid);
        Guest::try_new(&call.ben, &call.rid, wish, &[Kind::Audio, Kind::Video], edit)
    };
    let padded = edited(|offer| format!("{offer}a=x:{}\r\n", "x".repeat(8000))).await;
    assert_eq!(padded.err().map(|refusal| refusal.code), Some(6), "too many bytes");
    let longer = edited(|offer| format!("{offer}{THIRD}")).await;
    assert_eq!(longer.err().map(|refusal| refusal.code), Some(6), "a third m-line");
    edited(str::to_owned).await.expect("neither is one too many");
    call.goes_on().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_connections() {
    let server = with(&[("request_burst", 20), ("requests", 1), ("connections", 3)]);
    let ann = member(&server, "room", "ann").await;
    let mut done = 0;
    let refusal = loop {
        match ann.request("getusers", json!({"rid": "room"})).await {
            Ok(_) => done += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.code, 18, "{refusal}");
    assert!(done >= 19, "{done} of 20, with the join");

    let bob = member(&server, "room", "bob").await;
    let _cy = member(&server, "room", "cy").await;
    assert!(Peer::try_connect(server.ws_url(), "dan").await.is_err(), "a fourth connection");
    assert_eq!(get(server.ops_address(), "/readyz").unwrap().status, 200);
    bob.close().await;
    let deadline = Instant::now() + PATIENCE;
    while Peer::try_connect(server.ws_url(), "dan").await.is_err() {
        assert!(Instant::now() < deadline, "a place is free, and nobody gets it");
    }
    server.stop();
}
