//! Hostile clients cost only themselves.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use peer::Peer;
use peer::signalling::dial;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::fixture::Place;

/// Two honest users, whose conversation must go on.
struct Honest {
    ada: Peer,
    bob: Peer,
}

impl Honest {
    async fn in_room(place: &Place) -> Self {
        let ada = place.member("ada").await;
        let bob = place.member_known_to("bob", &[&ada]).await;
        Self { ada, bob }
    }

    /// They still hear each other, within a time that people call at once.
    async fn talk(&self, place: &Place) {
        let since = Instant::now();
        self.ada.settle(place.rid(), [&self.bob]).await;
        self.bob.settle(place.rid(), [&self.ada]).await;
        assert!(since.elapsed() < Duration::from_secs(5), "a word took {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn oversize_frames_close_their_sender_alone() {
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    for size in [256 * 1024 + 1, 5_000_000] {
        let mallory = place.member("mallory").await;
        drop(mallory.try_send(Frame::text("x".repeat(size))).await);
        let closing = mallory.closed().await;
        // A sender that is still writing may see a reset before the close frame.
        assert!(matches!(closing.code, Some(1009) | None), "{closing:?}");
        honest.talk(&place).await;
    }
}

#[tokio::test]
async fn a_message_of_many_fragments_is_no_way_around_the_limit() {
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let mallory = place.member("mallory").await;
    for number in 0..10_000 {
        let kind = if number == 0 { Data::Text } else { Data::Continue };
        let fragment = RawFrame::message(vec![b'x'; 1_000], OpCode::Data(kind), false);
        if mallory.try_send(Frame::Frame(fragment)).await.is_err() {
            break;
        }
    }
    let closing = mallory.closed().await;
    assert!(matches!(closing.code, Some(1009) | None), "{closing:?}");
    honest.talk(&place).await;
}

#[tokio::test]
async fn deep_nesting_is_no_message() {
    const DEPTH: usize = 100_000;
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let mallory = place.member_known_to("mallory", &[&honest.bob]).await;
    let rid = json!(place.rid());
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let half = DEPTH / 4;
    let objects = format!("{}1{}", r#"{"a":"#.repeat(half), "}".repeat(half));
    for data in [arrays.as_str(), &"[".repeat(DEPTH), &objects] {
        let text =
            format!(r#"{{"request":true,"id":1,"method":"broadcast","data":{{"rid":{rid},"data":{data}}}}}"#);
        mallory.send_text(&text).await;
        mallory.send_text(data).await;
    }
    assert_eq!(mallory.request("keepalive", json!({"rid": place.rid()})).await, Ok(json!({})));
    honest.talk(&place).await;
    let broadcasts = honest.bob.told().into_iter().filter(|(method, _)| method == "broadcast");
    assert_eq!(broadcasts.count(), 0);
}

#[tokio::test]
async fn text_that_is_no_utf_8_closes_its_sender_alone() {
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let mallory = place.member("mallory").await;
    let frame = RawFrame::message(vec![b'"', 0xff, 0xfe, b'"'], OpCode::Data(Data::Text), true);
    mallory.try_send(Frame::Frame(frame)).await.expect("sent");
    let closing = mallory.closed().await;
    assert!(matches!(closing.code, Some(1002 | 1003 | 1007 | 1008) | None), "{closing:?}");
    honest.talk(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_costs_its_sender() {
    const REQUESTS: u64 = 50_000;
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let mallory = place.member("mallory").await;
    let before = mallory.record().len();
    let flood = async {
        for id in 0..REQUESTS {
            let data = json!({"rid": place.rid()});
            let request = json!({"request": true, "id": id, "method": "getusers", "data": data}).to_string();
            if mallory.try_send(Frame::text(request)).await.is_err() {
                break;
            }
        }
    };
    let talk = async {
        for _ in 0..20 {
            honest.talk(&place).await;
        }
    };
    tokio::join!(flood, talk);
    // Answered all, in order, with or without "too many requests"; or closed.
    let all_answered = async {
        while mallory.is_open() && mallory.record().len() < before + usize::try_from(REQUESTS).expect("fits")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(Duration::from_secs(30), all_answered).await.is_ok(), "neither answered nor closed");
    let answers = mallory.record().messages().split_off(before);
    let answers = answers.iter().filter(|message| message.value()["response"] == true);
    let mut refused = 0;
    for (id, answer) in (0..).zip(answers) {
        assert_eq!(answer.value()["id"], json!(id), "out of order");
        match answer.outcome().map_err(|refusal| refusal.code) {
            Ok(_) => {}
            Err(18) => refused += 1,
            Err(code) => panic!("error {code}: {answer}"),
        }
    }
    assert!(refused > 0 || !mallory.is_open(), "nobody asked it to slow down");
    honest.talk(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_reads_is_closed_and_the_others_hear_everything() {
    // Ten speakers, because one alone would be asked to slow down.
    const SPEAKERS: usize = 10;
    const BROADCASTS: usize = 1_000;
    // In flight at once: 100 in all.
    const BATCH: usize = 10;
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let mut speakers = Vec::new();
    for number in 0..SPEAKERS {
        speakers.push(place.member(&format!("speaker{number}")).await);
    }
    let uid = place.uid("deaf");
    let mut deaf = dial(place.url(), &uid).await.expect("a connection").socket;
    let join = json!({"request": true, "id": 1, "method": "join", "data": {"rid": place.rid()}}).to_string();
    deaf.send(Frame::text(join)).await.expect("sent");
    honest.ada.notification("peer-join", |data| data["uid"] == *uid).await;

    // 20 MB: more than all buffers between here and there.
    let filler = "x".repeat(2_000);
    for first in (0..BROADCASTS).step_by(BATCH) {
        for speaker in &speakers {
            let request = |number: usize| {
                let data = json!({"rid": place.rid(), "data": {"number": number, "filler": filler}});
                json!({"request": true, "id": number, "method": "broadcast", "data": data}).to_string()
            };
            speaker.send_all(&(first..first + BATCH).map(request).collect::<Vec<_>>()).await;
        }
        // An honest reader keeps up: the next batch waits until it has heard this one.
        let last = first + BATCH - 1;
        for speaker in &speakers {
            let wanted = |message: &peer::Message| message.is_answer_to(&json!(last));
            let what = || format!("answer {last} for {}", speaker.uid());
            let answer = speaker.record().wait(0, wanted, &what, peer::PATIENCE).await;
            assert_eq!(answer.outcome(), Ok(json!({})), "{answer}");
        }
        for speaker in &speakers {
            let is_last =
                |data: &serde_json::Value| data["uid"] == *speaker.uid() && data["data"]["number"] == last;
            honest.bob.notification("broadcast", is_last).await;
        }
    }
    for speaker in &speakers {
        let theirs = |notice: &peer::Message| notice.data()["uid"] == *speaker.uid();
        let heard = honest.bob.notifications().into_iter().filter(theirs);
        let numbers: Vec<_> = heard.filter_map(|notice| notice.data()["data"]["number"].as_u64()).collect();
        assert_eq!(numbers, (0..BROADCASTS as u64).collect::<Vec<_>>(), "each once and in order");
    }
    // It never read anything, and is out of the room now.
    for peer in [&honest.ada, &honest.bob] {
        peer.notification("peer-leave", |data| data["uid"] == *uid).await;
    }
    let ended =
        timeout(Duration::from_secs(20), async { while let Some(Ok(_)) = deaf.next().await {} }).await;
    assert!(ended.is_ok(), "its connection is still open");
    honest.talk(&place).await;
}

#[tokio::test]
async fn garbage_instead_of_http_harms_nobody() {
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    let long_path = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000));
    let many_headers = format!("GET /ws?peer=x HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(20_000));
    let garbage: [&[u8]; 4] =
        [b"\x00\x01\x02\xff\xff\n\n\n\n", b"SSH-2.0-x\r\n", long_path.as_bytes(), many_headers.as_bytes()];
    for bytes in garbage {
        let mut stream = TcpStream::connect(place.address()).await.expect("a connection");
        // The server may close before all is written.
        drop(stream.write_all(bytes).await);
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "still open");
        assert!(!answer.starts_with(b"HTTP/1.1 101"), "let in");
    }
    honest.talk(&place).await;
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let place = Place::new();
    let honest = Honest::in_room(&place).await;
    for round in 0..100 {
        let mallory = place.member(&format!("mallory{round}")).await;
        mallory.vanish();
    }
    let last = format!("mallory99-{}", honest.ada.uid().trim_start_matches("ada-"));
    honest.bob.notification("peer-leave", |data| data["uid"] == *last).await;
    honest.talk(&place).await;
    let room = honest.ada.request("getusers", json!({"rid": place.rid()})).await.expect("a list");
    assert_eq!(crate::fixture::uids(&room["users"]), [honest.bob.uid()]);
}
