//! A machine that runs out, of file descriptors or of memory. (A full disk is in the tests of the recorder.) The server
//! goes on with what it has, says so, and is whole again when there is room again.

use crate::honest::{Honest, member};
use peer::server::get;
use peer::{Server, ServerConfig};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const FILES: u32 = 120;

fn counted(server: &Server, metric: &str) -> f64 {
    let text = get(server.ops_address(), "/metrics").expect("metrics").body;
    let values = text.lines().filter(|line| line.starts_with(metric));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_those_inside_go_on_and_later_all_is_well() {
    let config = ServerConfig::default().files(FILES).workers(1).expect_log("nobody new can be accepted");
    let server = Server::with(config);
    let honest = Honest::on(&server).await;
    let mut crowd = Vec::new();
    for _ in 0..2 * FILES {
        crowd.push(TcpStream::connect(server.signal_address()).await.unwrap());
    }
    for _ in 0..5 {
        honest.talk().await;
    }
    drop(crowd);
    assert!(server.log().text().contains("nobody new can be accepted"), "it says so");
    // Everybody is let in again.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let mut stream = TcpStream::connect(server.signal_address()).await.unwrap();
        let asked = async {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .ok()?;
            stream.read_u8().await.ok()
        };
        if matches!(tokio::time::timeout(Duration::from_secs(2), asked).await, Ok(Some(_))) {
            break;
        }
        assert!(Instant::now() < until, "nobody is let in any more");
    }
    drop(member(&server, "late", "room").await);
    honest.talk().await;
    assert!(counted(&server, "anabranch_signal_accepts_failed_total") > 0.0, "and counts it");
    server.stop();
}

/// The status of `/readyz`.
fn readiness(server: &Server) -> u16 {
    get(server.ops_address(), "/readyz").map_or(0, |reply| reply.status)
}

fn resident_mib(server: &Server) -> u64 {
    (counted(server, "process_resident_memory_bytes") / 1024.0 / 1024.0) as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_of_memory_it_takes_nobody_new_until_there_is_some_again() {
    let quiet = Server::with(ServerConfig::default().workers(1));
    let limit = resident_mib(&quiet) + 25;
    quiet.stop();
    let config = ServerConfig::default().workers(1).set("limits.memory", &limit.to_string());
    let server = Server::with(config.set("limits.queue", "1000000000").expect_log("memory is short"));
    let honest = Honest::on(&server).await;
    // Those who never read: what the others say waits for them.
    let mut deaf = Vec::new();
    for number in 0..4 {
        let mut socket =
            peer::signalling::dial(server.ws_url(), &format!("deaf{number}")).await.unwrap().socket;
        let join = r#"{"request":true,"id":1,"method":"join","data":{"rid":"loud"}}"#;
        futures_util::SinkExt::send(&mut socket, tokio_tungstenite::tungstenite::Message::text(join))
            .await
            .unwrap();
        deaf.push(socket);
    }
    let words = "x".repeat(200_000);
    let until = Instant::now() + Duration::from_secs(180);
    while readiness(&server) == 200 {
        // It may be short of memory since the question.
        let name = format!("loud-{}", peer::unique());
        let Ok(loud) = peer::Peer::try_connect(server.ws_url(), &name).await else { continue };
        loud.join("loud").await;
        for _ in 0..10 {
            let said = loud.request("broadcast", serde_json::json!({"rid": "loud", "data": words})).await;
            assert!(said.is_ok(), "{said:?}");
        }
        assert!(Instant::now() < until, "{} of {limit} MiB", resident_mib(&server));
    }
    let refused = peer::Peer::try_connect(server.ws_url(), "new").await;
    assert!(refused.is_err(), "nobody new is let in");
    honest.talk().await;
    drop(deaf);
    while readiness(&server) != 200 {
        assert!(Instant::now() < until, "{} of {limit} MiB", resident_mib(&server));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(member(&server, "late", "room").await);
    honest.talk().await;
    server.stop();
}
