//! Whoever sends nonsense, too much, or nothing at all costs only themselves.

use crate::{
    client::Client,
    world::{World, eventually},
};
use futures_util::{SinkExt, StreamExt};
use protoo::MAX_MESSAGE_BYTES;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

#[tokio::test]
async fn the_twentieth_nonsense_in_a_minute_closes() {
    let world = World::new().await;
    let mut mallory = world.member("mallory", "r").await;
    let nonsense = [
        "",
        "hello",
        "[]",
        "{}",
        "{\"request\":true}",
        "{\"request\":true,\"id\":\"1\",\"method\":\"join\"}",
    ];
    for round in 0..19 {
        mallory.text(nonsense[round % nonsense.len()]).await;
    }
    mallory.ok("keepalive", json!({"rid": "r"})).await;
    mallory.text("{").await;
    assert_eq!(mallory.closed().await.0, 1008);
    eventually("mallory is out", || async { world.truth("r").await.users.is_empty() }).await;
}

#[tokio::test]
async fn nonsense_with_a_usable_id_is_answered() {
    let world = World::new().await;
    let mut mallory = world.client("mallory").await;
    let deep = format!(
        r#"{{"request":true,"id":3,"method":"join","data":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (text, id, code) in [
        (r#"{"request":true,"id":1}"#, 1, 14),
        (r#"{"request":true,"id":2,"method":"join","data":{"rid":"a","rid":"b"}}"#, 2, 19),
        (deep.as_str(), 3, 19),
        (r#"{"id":4,"method":"join"}"#, 4, 19),
    ] {
        mallory.text(text).await;
        let response = mallory.response().await;
        assert_eq!((&response["id"], &response["errorCode"]), (&json!(id), &json!(code)), "{response}");
    }
    mallory.text(r#"{"response":true,"id":1,"ok":true,"data":{}}"#).await;
    mallory.join("r").await;
}

#[tokio::test]
async fn a_binary_frame_closes() {
    let world = World::new().await;
    let mut mallory = world.client("mallory").await;
    mallory.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(mallory.closed().await.0, 1003);
}

#[tokio::test]
async fn text_that_is_no_utf8_closes() {
    let world = World::new().await;
    let mut mallory = world.client("mallory").await;
    mallory.raw_text(vec![b'"', 0xff, b'"']).await;
    assert_eq!(mallory.closed().await.0, 1007);
}

#[tokio::test]
async fn the_largest_frame_is_taken_and_a_larger_one_closes() {
    let world = World::new().await;
    let (mut alice, mut mallory) = (world.member("alice", "r").await, world.member("mallory", "r").await);
    let frame = |bytes: usize| {
        let empty = r#"{"request":true,"id":1,"method":"broadcast","data":{"rid":"r","data":""}}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
    };
    mallory.text(frame(MAX_MESSAGE_BYTES)).await;
    assert_eq!(mallory.response().await["ok"], true);
    assert_eq!(alice.heard_methods(2).await, ["peer-join", "broadcast"]);
    mallory.text(frame(MAX_MESSAGE_BYTES + 1)).await;
    assert_eq!(mallory.closed().await.0, 1009);
    assert_eq!(alice.heard().await.0, "peer-leave");
}

#[tokio::test]
async fn a_message_in_pieces_is_taken_and_has_the_same_limit() {
    let world = World::new().await;
    let mut mallory = world.client("mallory").await;
    let text = r#"{"request":true,"id":1,"method":"join","data":{"rid":"r"}}"#;
    let (first, rest) = text.split_at(20);
    for (part, code, last) in [(first, Data::Text, false), (rest, Data::Continue, true)] {
        let frame = Frame::message(part.as_bytes().to_vec(), OpCode::Data(code), last);
        mallory.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(mallory.response().await["ok"], true);
    let piece = Bytes::from(vec![b' '; 64 * 1024]);
    for number in 0..5 {
        let code = if number == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(piece.clone(), OpCode::Data(code), false);
        // The server may have closed already.
        let _ = mallory.socket.send(Message::Frame(frame)).await;
    }
    assert_eq!(mallory.closed().await.0, 1009);
}

#[tokio::test]
async fn a_flood_is_answered_in_order_refused_beyond_a_measure_and_then_closed() {
    let world = World::new().await;
    let (mallory, mut bob) = (world.member("mallory", "r").await, world.member("bob", "r").await);
    let requests = 3000;
    let text = |id: u32| format!(r#"{{"request":true,"id":{id},"method":"getusers","data":{{"rid":"r"}}}}"#);
    let Client { socket, .. } = mallory;
    let (mut sink, mut stream) = socket.split();
    let flooding = tokio::spawn(async move {
        // Until the server has closed.
        for id in 0..requests {
            if sink.feed(Message::text(text(id))).await.is_err() {
                return;
            }
        }
        drop(sink.flush().await);
    });
    let answers = tokio::spawn(async move {
        let (mut next, mut refused) = (0, 0);
        loop {
            match stream.next().await.unwrap().unwrap() {
                Message::Text(answer) => {
                    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
                    if answer["response"] == true {
                        assert_eq!(answer["id"], next);
                        next += 1;
                        refused += u32::from(answer["errorCode"] == 18);
                    }
                }
                Message::Close(frame) => return (u16::from(frame.unwrap().code), next, refused),
                _ => {}
            }
        }
    });
    while !answers.is_finished() {
        let began = Instant::now();
        bob.ok("keepalive", json!({"rid": "r"})).await;
        assert!(began.elapsed() < Duration::from_secs(1), "bob waited for {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (code, answered, refused) = answers.await.unwrap();
    assert_eq!((code, refused), (1008, 101));
    assert!(answered < requests, "{answered}");
    flooding.await.unwrap();
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_nobody_else_waits() {
    const SPEAKERS: usize = 6;
    const WORDS: usize = 15;
    let world = World::new().await;
    let mut bob = world.member("bob", "r").await;
    // Connected, in the room, and never reading again.
    let _mallory = world.member("mallory", "r").await;
    // Together more than the system's socket buffers and the queue take; each
    // alone as much as one may say in one go.
    let large = "x".repeat(250_000);
    let speaking = (0..SPEAKERS).map(|number| {
        let (address, large) = (world.address(), large.clone());
        tokio::spawn(async move {
            let mut speaker = Client::connect(address, &format!("speaker {number}")).await;
            speaker.join("r").await;
            for _ in 0..WORDS {
                speaker.ok("broadcast", json!({"rid": "r", "data": large})).await;
            }
            speaker
        })
    });
    let speaking: Vec<_> = speaking.collect();
    let (mut words, mut left) = (0, false);
    while words < SPEAKERS * WORDS || !left {
        let (method, data) = bob.heard().await;
        words += usize::from(method == "broadcast");
        left |= method == "peer-leave" && data["uid"] == "mallory";
    }
    for speaker in speaking {
        drop(speaker.await.unwrap());
    }
    eventually("only bob is left", || async { world.signal.sessions() == 1 }).await;
}

#[tokio::test]
async fn who_asks_and_does_not_read_the_answers_waits() {
    let world = World::with_timing(|timing| timing.silence = Duration::from_secs(2)).await;
    let mut mallory = world.client("mallory").await;
    let text = format!(r#"{{"request":true,"id":1,"method":"{}"}}"#, "x".repeat(1000));
    // Until the server reads no more, and the socket takes no more.
    let flood = async {
        loop {
            if mallory.socket.send(Message::text(text.clone())).await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), flood).await.expect("mallory was never closed");
    world.member("alice", "r").await;
}

#[tokio::test]
async fn who_is_silent_is_closed_and_who_answers_pings_stays() {
    let world = World::with_timing(|timing| {
        timing.ping = Duration::from_millis(100);
        timing.silence = Duration::from_millis(1000);
    })
    .await;
    let mut alice = world.member("alice", "r").await;
    // Reads nothing, so answers no ping.
    let mut mallory = world.member("mallory", "r").await;
    assert_eq!(alice.heard_methods(2).await, ["peer-join", "peer-leave"]);
    assert_eq!(mallory.closed().await.0, 1001);
    alice.ok("keepalive", json!({"rid": "r"})).await;
}
