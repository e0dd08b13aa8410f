//! What the server sends to an address that has not proved itself: never more than came from there.

use crate::calls::{Call, server};
use crate::flood::{Source, received};
use crate::guest::{Guest, Wish};
use crate::watch::{eventually, eventually_within, metric};
use crate::wire;
use loadtest::client::Kind;
use std::time::Duration;

/// A flight of the handshake, and those that 30 s leave time for after 150 ms and ever twice as long, seven: of less than
/// 1500 bytes each; and the goodbye.
const HANDSHAKE_BYTES: u64 = 8 * 1500 + 200;

/// 32 repetitions (`FLIGHT_RETRIES`), whoever asks for them.
const REPEATED_BYTES: u64 = 33 * 1500 + 200;

/// One of each kind that anybody may send, named.
fn kinds(credentials: &wire::Credentials, hello: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let wrong = credentials.with_wrong_password();
    let nobody = wire::Credentials { username: "nobody:atall".to_owned(), ..credentials.clone() };
    let mut rtp = vec![0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9];
    rtp.resize(1200, 5);
    let mut turn_channel = vec![0x40, 0, 0, 8];
    turn_channel.extend([1; 8]);
    let sip = b"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060\r\n\r\n".to_vec();
    let dns = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 1];
    vec![
        ("a binding request with nothing in it", wire::bare_request()),
        ("a check with a wrong password", wrong.check(true)),
        ("a check for nobody", nobody.check(true)),
        ("a check with something behind its integrity", {
            wire::with_attribute_behind_integrity(&wrong.check(false), &wire::USE_CANDIDATE)
        }),
        ("a check cut short", credentials.check(true)[..40].to_vec()),
        ("a ClientHello", hello.to_vec()),
        ("RTP", rtp),
        ("RTCP", vec![0x80, 201, 0, 1, 0, 0, 0, 9]),
        ("a TURN channel", turn_channel),
        ("SIP", sip),
        ("DNS", dns),
        ("one byte of STUN", vec![0]),
        ("one byte of DTLS", vec![22]),
        ("nothing", Vec::new()),
        ("garbage", (0..1400).map(|n| (n * 7 + 200) as u8).collect()),
    ]
}

#[tokio::test]
async fn whatever_a_stranger_sends_nothing_comes_back() {
    let server = server();
    let call = Call::start(&server, 0).await;
    let mut guest = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video]).await;
    let hello = guest.half_open().await;
    guest.connected().await;
    for (what, datagram) in kinds(&guest.credentials(), &hello) {
        let stranger = Source::stranger(Vec::new());
        for _ in 0..10 {
            stranger.socket.send_to(&datagram, guest.server).expect("sent");
        }
        // The server takes its datagrams in order: what comes after these says that they are done.
        guest.hears(20).await;
        assert!(received(&stranger.socket).is_empty(), "{what} is answered");
    }
}

#[tokio::test]
async fn a_check_is_answered_with_no_more_bytes_than_it_has() {
    let server = server();
    let call = Call::start(&server, 0).await;
    let mut guest = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video]).await;
    guest.connected().await;
    let credentials = guest.credentials();
    for check in [credentials.check(false), credentials.check_of_the_wrong_role()] {
        let elsewhere = Source::stranger(Vec::new());
        elsewhere.socket.send_to(&check, guest.server).expect("sent");
        guest.hears(20).await;
        let answers = received(&elsewhere.socket);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].len() <= check.len(), "{} bytes for {}", answers[0].len(), check.len());
    }
}

/// Whoever has passed a check knows the password, and has with it said where it is. It gets a handshake there, and no more
/// than that until it goes on.
#[tokio::test]
async fn who_passes_a_check_and_says_hello_once_gets_a_bounded_number_of_bytes() {
    let server = server();
    let call = Call::start(&server, 0).await;
    let mut guest = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &[Kind::Video]).await;
    let hello = guest.half_open().await;
    let asked: u64 = guest.sent.iter().map(|datagram| datagram.len() as u64).sum();
    let half_open = || metric(&server, "anabranch_sfu_half_open_transports");
    eventually("it is half-open", || half_open() == 1.0).await;
    eventually_within("given up", Duration::from_secs(50), || half_open() == 0.0).await;
    let answers = received(&guest.twin());
    let bytes = guest.bytes + answers.iter().map(|answer| answer.len() as u64).sum::<u64>();
    println!(
        "{} bytes asked, {} of them hello; {bytes} came in {} datagrams",
        asked,
        hello.len(),
        answers.len()
    );
    assert!(bytes <= HANDSHAKE_BYTES, "{bytes} bytes for one ClientHello");
    drop(call);
}

/// What comes again is a sign that the answer was lost. It is not given more often than a handshake may need.
#[tokio::test]
async fn who_repeats_the_first_byte_of_its_hello_gets_no_more_than_that() {
    const REPETITIONS: u64 = 2000;
    let server = server();
    let call = Call::start(&server, 0).await;
    let wish = Wish::Subscribe(&call.mid);
    let mut guest = Guest::new(&call.ben, &call.rid, wish, &[Kind::Video]).await;
    let hello = guest.half_open().await;
    let mut witness = Guest::new(&call.ben, &call.rid, wish, &[Kind::Video]).await;
    witness.connected().await;
    let body = &hello[25..];
    let (mut bytes, mut asked) = (guest.bytes, 0);
    for repetition in 1..=REPETITIONS {
        let piece = wire::fragment(repetition, 1, 0, (body.len() as u32, 0, 1), &body[..1]);
        asked += piece.len();
        guest.send_raw(&piece);
        if repetition % 100 == 0 {
            witness.hears(5).await;
            bytes += received(&guest.twin()).iter().map(|answer| answer.len() as u64).sum::<u64>();
        }
    }
    println!("{bytes} bytes for {asked} in {REPETITIONS} pieces");
    assert!(bytes <= REPEATED_BYTES, "{bytes} bytes for {REPETITIONS} pieces of {asked} bytes in all");
}
