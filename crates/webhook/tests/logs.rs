//! What an operator reads. Alone in its process: what is logged by tests at the same time can be missed.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::future::ready;
use std::time::Duration;

use model::{Notice, RoomEvent, RoomId, UserId};
use servers::Logs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use webhook::{Config, Timings, Webhooks};

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers one request on each connection.
async fn answer(listener: TcpListener, statuses: [&'static str; 3]) {
    for status in statuses {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn an_operator_reads_of_trouble_once_and_nothing_that_is_secret() {
    let logs = Logs::listen();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/k-e-y?key=k-e-y", listener.local_addr().unwrap());
    let server = tokio::spawn(answer(listener, ["500 no", "503 no", "200 yes"]));

    let mut config = Config::new(&[url], b"a-secret-of-tests").unwrap();
    config.allow_private = true;
    config.timings = Timings { first_delay: Duration::from_millis(1), ..Timings::default() };
    let (webhooks, deliveries) = Webhooks::start(config).unwrap();
    let left = Notice::PeerLeave { uid: UserId::parse("ann").unwrap() };
    let event =
        RoomEvent { rid: RoomId::parse("tea").unwrap(), version: 7, notices: [left].into(), emptied: false };
    webhooks.tell(&event, None);
    deliveries.run(ready(()), PATIENCE).await;
    server.await.unwrap();

    let (text, warnings, infos) = (logs.text(), logs.warnings(), logs.infos());
    assert!(warnings.len() == 1 && warnings[0].contains("answered 500"), "{text}");
    assert!(infos.last().is_some_and(|line| line.contains("works again")), "{text}");
    assert!(!text.contains("k-e-y") && !text.contains("a-secret"), "{text}");
}
