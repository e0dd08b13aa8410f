//! A subscriber with valid keys that asks for more than anybody needs: lost packets, key frames.

use crate::calls::{Call, server};
use crate::guest::{Guest, Wish};
use loadtest::client::{Arrival, Kind};
use rtp::rtcp::{FirEntry, Writer};
use std::time::{Duration, Instant};

/// How long a storm blows.
const STORM: Duration = Duration::from_secs(4);
/// Compounds in each millisecond of it.
const PER_STEP: usize = 20;
/// Packets that one NACK asks for.
const ASKED: u16 = 500;
/// `limits.key_frame_interval`.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// `limits.retransmissions`, in percent, and the burst.
const SHARE: u64 = 25;
const BURST: u64 = 64 * 1024;

/// A compound of one request.
fn compound(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = [0; 1400];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    writer.written().to_vec()
}

async fn watcher(call: &Call) -> Guest {
    let mut guest = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video]).await;
    guest.connected().await;
    guest.hears(200).await;
    guest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_everything_again_gets_a_quarter_and_a_burst() {
    let server = server();
    let mut call = Call::start(&server, 2).await;
    let mut guest = watcher(&call).await;
    let began = Instant::now();
    let mut asked = 0u64;
    while began.elapsed() < STORM {
        let latest = guest.heard.iter().rev().find(|heard| heard.arrival == Arrival::Media).expect("media");
        let (ssrc, newest) = (latest.ssrc, latest.sequence);
        let lost: Vec<u16> = (0..ASKED).map(|back| newest.wrapping_sub(ASKED - back)).collect();
        let nack = compound(|writer| writer.nack(1, ssrc, &lost).expect("room"));
        for _ in 0..PER_STEP {
            guest.send_rtcp(&nack);
            asked += 1;
        }
        guest.step().await;
    }
    guest.hears(50).await;
    let bytes = |arrival| -> u64 {
        guest.heard.iter().filter(|heard| heard.arrival == arrival).map(|heard| heard.wire as u64).sum()
    };
    let (media, again) = (bytes(Arrival::Media), bytes(Arrival::Repair));
    println!("{asked} NACKs of {ASKED} packets: {media} bytes of media, {again} of them again");
    assert!(again > 0, "whoever asks within reason gets it");
    assert!(again <= media * SHARE / 100 + BURST, "{again} bytes again for {media}");
    call.goes_on().await;
    call.lacks_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_key_frames_are_asked_for_the_publisher_hears_of_one_in_200_ms() {
    let server = server();
    let mut call = Call::start(&server, 2).await;
    let mut guest = watcher(&call).await;
    let ssrc = guest.heard[0].ssrc;
    let before = call.camera.emission().key_frame_requests;
    let began = Instant::now();
    let mut asked = 0u64;
    let mut number = 0u8;
    while began.elapsed() < STORM {
        for _ in 0..PER_STEP {
            guest.send_rtcp(&compound(|writer| writer.pli(1, ssrc).expect("room")));
            number = number.wrapping_add(1);
            let entry = FirEntry { ssrc, sequence: number };
            guest.send_rtcp(&compound(|writer| writer.fir(1, &[entry]).expect("room")));
            asked += 2;
        }
        guest.step().await;
    }
    guest.hears(50).await;
    let heard = call.camera.emission().key_frame_requests - before;
    let allowed = began.elapsed().as_millis() / KEY_FRAME_INTERVAL.as_millis() + 2;
    println!("{asked} requests; the publisher heard {heard}, {allowed} allowed");
    assert!(heard >= 1 && u128::from(heard) <= allowed, "{heard} requests, {allowed} allowed");
    call.goes_on().await;
    call.lacks_nothing().await;
}
