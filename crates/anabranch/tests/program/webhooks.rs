//! What an operator's own server hears of a room, from the program as it is run.
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is not there")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::standalone::config;
use crate::support::{Client, PATIENCE};
use anabranch::Standalone;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const SECRET: &str = "a-secret-of-webhooks";

/// Takes requests on one connection after the other, and hands over what is genuine.
async fn receive(listener: TcpListener, heard: mpsc::UnboundedSender<Value>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            loop {
                while let Some((head, body)) = split(&bytes) {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                    let secret = webhook::Secret::new(SECRET.as_bytes()).unwrap();
                    let signature = header(&head, "anabranch-signature");
                    assert!(
                        webhook::verify(&secret, &signature, &body, now, Duration::from_secs(60)),
                        "{head}"
                    );
                    let body_value: Value = serde_json::from_slice(&body).unwrap();
                    assert_eq!(header(&head, "anabranch-event"), body_value["event"]);
                    assert!(head.starts_with("POST /hook?key=1 HTTP/1.1"), "{head}");
                    heard.send(body_value).unwrap();
                    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                    bytes.drain(..head.len() + 4 + body.len());
                }
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
            }
        });
    }
}

/// The first whole request: header and body.
fn split(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes.get(..end)?.to_vec()).ok()?;
    let len: usize = header(&head, "content-length").parse().ok()?;
    Some((head, bytes.get(end + 4..end + 4 + len)?.to_vec()))
}

fn header(head: &str, name: &str) -> String {
    let found =
        head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_told_from_its_beginning_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("webhooks.urls=[\"http://{}/hook?key=1\"]", listener.local_addr().unwrap());
    let (sender, mut heard) = mpsc::unbounded_channel();
    tokio::spawn(receive(listener, sender));
    let secret = format!("webhooks.secret={SECRET}");
    let server = Standalone::start(&config(&[&url, &secret, "webhooks.allow_private=true"])).await.unwrap();
    let (mut ann, mut bob) = (
        Client::connect(server.signal_address(), "ann").await,
        Client::connect(server.signal_address(), "bob").await,
    );
    ann.done("join", json!({"rid": "tea"})).await;
    ann.done("join", json!({"rid": "tea"})).await;
    bob.done("join", json!({"rid": "tea"})).await;
    ann.notified("peer-join").await;
    bob.done("broadcast", json!({"rid": "tea", "data": "not told"})).await;
    ann.notified("broadcast").await;
    ann.done("leave", json!({"rid": "tea"})).await;
    bob.notified("peer-leave").await;
    bob.done("leave", json!({"rid": "tea"})).await;
    // Those who are there at the end of the server leave with it, and that is told too.
    ann.done("join", json!({"rid": "late"})).await;
    server.shutdown().await;
    let mut story = Vec::new();
    while story.len() < 10 {
        let said = tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
        story.push(format!("{} {} {}", said["rid"], said["event"], said["uid"]).replace('"', ""));
    }
    let expected = [
        "tea room-started null",
        "tea user-joined ann",
        "tea user-joined bob",
        "tea user-left ann",
        "tea user-left bob",
        "tea room-ended null",
        "late room-started null",
        "late user-joined ann",
        "late user-left ann",
        "late room-ended null",
    ];
    assert_eq!(story, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_to_is_said_at_the_start() {
    let secret = format!("webhooks.secret={SECRET}");
    let private = config(&["webhooks.urls=[\"http://127.0.0.1:9/\"]", &secret]);
    let error = Standalone::start(&private).await.err().unwrap().to_string();
    assert!(error.contains("loopback") && error.contains("(webhooks)"), "{error}");
}
