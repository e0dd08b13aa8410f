//! Storms of requests from somebody with every right to ask: they cost their sender, and the others hear each other.

use crate::honest::{Honest, member};
use peer::{Peer, Server};
use serde_json::{Value, json};

/// More than one may ask at once, and then the hundred that may be refused, and more.
const STORM: u64 = 2_400;

/// Sends all of it, and reads what comes until the server has closed: how many were done, and how many refused with 18.
async fn storm(peer: &Peer, method: &str, data: impl Fn(u64) -> Value) -> (u64, u64) {
    let request =
        |id: u64| json!({"request": true, "id": id, "method": method, "data": data(id)}).to_string();
    let texts: Vec<String> = (10_000..10_000 + STORM).map(request).collect();
    for some in texts.chunks(100) {
        for text in some {
            if peer.try_send(tokio_tungstenite::tungstenite::Message::text(text.clone())).await.is_err() {
                break;
            }
        }
    }
    let closing = peer.closed().await;
    assert!(matches!(closing.code, Some(1008) | None), "{closing:?}");
    let messages = peer.record().messages();
    let answers = messages.iter().filter(|message| message.value()["response"] == true);
    let (mut done, mut refused) = (0, 0);
    for answer in answers {
        match answer.value()["errorCode"].as_u64() {
            Some(18) => refused += 1,
            _ => done += 1,
        }
    }
    (done, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_of_every_request_end_with_their_sender() {
    let server = Server::start();
    let honest = Honest::on(&server).await;
    let no_offer = json!({"type": "offer", "sdp": "v=0"});
    let storms: [(&str, &(dyn Fn(u64) -> Value + Sync)); 8] = [
        ("broadcast", &|id| json!({"rid": "storm", "data": id})),
        ("join", &|id| json!({"rid": format!("room {id}")})),
        ("subscribe", &|_| json!({"rid": "storm", "mid": "none#1", "jsep": no_offer})),
        ("unsubscribe", &|_| json!({"rid": "storm", "mid": "none#1", "sid": "none"})),
        ("prefer", &|_| json!({"rid": "storm", "mid": "none#1", "sid": "none", "prefer": {}})),
        ("restart", &|_| json!({"rid": "storm", "mid": "none#1", "jsep": no_offer})),
        ("publish", &|_| json!({"rid": "storm", "jsep": no_offer, "minfo": {}})),
        ("nonsense", &|_| json!({})),
    ];
    for (method, data) in storms {
        let mallory = member(&server, "mallory", "storm").await;
        let watching = async {
            for _ in 0..3 {
                honest.talk().await;
            }
        };
        let ((done, refused), ()) = tokio::join!(storm(&mallory, method, data), watching);
        assert!(done <= 2_400 && refused <= 101, "{method}: {done} done, {refused} refused");
        println!("{method}: {done} done, {refused} refused before the end");
    }
    honest.talk().await;
    // Whoever comes again begins anew, and nothing is left of the rooms.
    let again = member(&server, "again", "storm").await;
    let users = again.request("getusers", json!({"rid": "storm"})).await.unwrap();
    assert_eq!(users["users"], json!([]));
    server.stop();
}
