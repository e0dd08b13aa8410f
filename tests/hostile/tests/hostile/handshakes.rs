//! Handshakes that are not meant to end: pieces that never make a whole, and thousands that begin and go no further.

use crate::calls::{Call, member, server};
use crate::flood::received;
use crate::guest::{Guest, Wish};
use crate::watch::{eventually, eventually_within, metric, resident};
use crate::wire::fragment;
use loadtest::client::Kind;
use peer::{Server, ServerConfig};
use std::time::{Duration, Instant};

/// What a server may hold in the end beyond what it held after the first wave, in MiB: what the allocator keeps apart.
const GROWTH: f64 = 24.0;
const WAVES: usize = 4;
/// Longer than `CONNECT_TIMEOUT`, 30 s, by as much as a busy machine needs.
const GONE_WITHIN: Duration = Duration::from_secs(50);

/// Pieces of every kind of wrong. `turn` makes those of one handshake unlike those of the next.
fn pieces(hello: &[u8], turn: u64) -> Vec<Vec<u8>> {
    const HUGE: u32 = 0xff_ffff;
    let body = &hello[25..];
    let whole = body.len() as u32;
    let mut all = Vec::new();
    for n in 0..400u32 {
        let record = 1 + turn * 10_000 + u64::from(n);
        let kind = [1, 2, 11, 12, 14, 15, 16, 20, 0, 255][n as usize % 10];
        // Without end; each a little further than the one before, and over it; of nothing.
        all.push(fragment(record, kind, 0, (HUGE, n * 1000, 1000), &[n as u8; 1000]));
        all.push(fragment(record, 1, 0, (whole, n % whole, 40), &[n as u8; 40]));
        all.push(fragment(record, 1, (n % 7) as u16, (whole, n % whole, 0), &[]));
        all.push(fragment(record, 1, n as u16, (0, 0, 0), &[]));
        // Longer than they are, beyond the end, and numbers of messages that are never to come.
        all.push(fragment(record, kind, n as u16, (HUGE, HUGE, HUGE), &[1; 9]));
        all.push(fragment(record, kind, 65_535 - n as u16, (whole, whole, 100), &[2; 100]));
        all.push(fragment(record, 1, 0, (whole + n, 0, whole), body));
        let mut cut = hello.to_vec();
        cut.truncate(13 + n as usize % (hello.len() - 13));
        all.push(cut.clone());
        // The record says that it is all there.
        let length = (cut.len() - 13) as u16;
        cut[11..13].copy_from_slice(&length.to_be_bytes());
        all.push(cut);
    }
    // Records of nothing, a hundred to a datagram; of kinds that have no place yet; of epochs that there are not.
    for kind in 20..64u8 {
        for epoch in [0, 1, 2, 3, 255] {
            all.push([kind, 254, 253, epoch, epoch, 0, 0, 0, 0, 0, 1, 0, 0].repeat(100));
            all.push(
                [&[kind, 254, 253, epoch, epoch, 0, 0, 0, 0, 0, 2, 0xff, 0xff][..], &[3; 1000]].concat(),
            );
        }
        all.push(vec![kind; 1200]);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_that_never_make_a_whole_are_not_kept() {
    let server = server();
    let mut call = Call::start(&server, 1).await;
    let (mut after_the_first, mut hello) = (0.0, Vec::new());
    for wave in 0..WAVES {
        let mallory = member(&server, &call.rid, "mallory").await;
        for turn in 0..4 {
            let wish = Wish::Subscribe(&call.mid);
            let mut guest = Guest::new(&mallory, &call.rid, wish, &[Kind::Video]).await;
            // Half of them before anything that makes sense, and half after it.
            if turn % 2 == 0 {
                hello = guest.half_open().await;
            } else {
                guest.send_raw(&guest.credentials().check(true));
            }
            for (at, piece) in pieces(&hello, turn).iter().enumerate() {
                guest.send_raw(piece);
                // No faster than the server takes them: what its kernel drops is no attack.
                if at % 50 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    drop(received(&guest.twin()));
                }
            }
        }
        call.goes_on().await;
        mallory.close().await;
        if wave == 0 {
            after_the_first = resident(&server);
        }
    }
    let growth = resident(&server) - after_the_first;
    println!("{after_the_first:.1} MiB after the first wave, {growth:+.1} in the end");
    assert!(growth < GROWTH, "{growth} MiB more after {WAVES} waves than after one");
}

/// Begins so many handshakes, each with its check and its ClientHello.
async fn begin_handshakes(mallory: &peer::Peer, call: &Call, count: usize) -> Vec<Guest> {
    let mut guests = Vec::new();
    for _ in 0..count {
        let mut guest = Guest::new(mallory, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video]).await;
        guest.half_open().await;
        guests.push(guest);
    }
    guests
}

fn half_open(server: &Server) -> f64 {
    metric(server, "anabranch_sfu_half_open_transports")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_stop_after_hello_leave_nothing_behind() {
    const EACH: usize = 300;
    let server = server();
    let mut call = Call::start(&server, 1).await;
    // The call's two.
    let stands = || metric(&server, "anabranch_sfu_transports") == 2.0;
    eventually("the call stands", stands).await;
    let mut after_the_first = 0.0;
    for wave in 0..WAVES {
        let mallory = member(&server, &call.rid, "mallory").await;
        let began = Instant::now();
        let guests = begin_handshakes(&mallory, &call, EACH).await;
        println!("{EACH} handshakes begun in {:?}", began.elapsed());
        // A machine so busy that the first are given up before the last begin has most of them at once.
        eventually("most of them are half-open", || half_open(&server) >= EACH as f64 / 2.0).await;
        call.goes_on().await;
        if wave == 0 {
            after_the_first = resident(&server);
        }
        if wave + 1 < WAVES {
            mallory.close().await;
            eventually("who leaves takes them along", || half_open(&server) == 0.0).await;
        } else {
            // The last ones stay, and are waited for no longer than any other.
            let gone = || half_open(&server) == 0.0;
            eventually_within("given up", GONE_WITHIN, gone).await;
            assert!(mallory.is_open());
        }
        drop(guests);
    }
    let growth = resident(&server) - after_the_first;
    println!("{after_the_first:.1} MiB after the first wave of {EACH}, {growth:+.1} in the end");
    assert!(growth < GROWTH, "{growth} MiB more after {WAVES} waves than after one");
    call.goes_on().await;
    eventually("the call stands alone", stands).await;
    eventually("their subscriptions are gone", || metric(&server, "anabranch_sfu_subscriptions") == 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_begins_too_many_is_refused_and_calls_go_on() {
    const LIMIT: usize = 20;
    let config = ServerConfig::default().workers(1).set("limits.half_open", &LIMIT.to_string());
    let server = Server::with(config);
    let mut call = Call::start(&server, 2).await;
    let mallory = member(&server, &call.rid, "mallory").await;
    let guests = begin_handshakes(&mallory, &call, LIMIT).await;
    eventually("all of them are half-open", || half_open(&server) == LIMIT as f64).await;
    let mid = call.mid.clone();
    let wish = Wish::Subscribe(&mid);
    let refused = Guest::try_new(&mallory, &call.rid, wish, &[Kind::Video], str::to_owned).await;
    let refusal = refused.err().expect("one too many");
    assert_eq!(refusal.code, 17, "{refusal}");
    call.goes_on().await;
    mallory.close().await;
    eventually("who leaves takes them along", || half_open(&server) == 0.0).await;
    let mut next = Guest::new(&call.ben, &call.rid, wish, &[Kind::Video]).await;
    next.connected().await;
    drop(guests);
}
