//! A guest with keys of its own, who seals what contradicts itself: it costs nobody but the guest.

use crate::calls::{Call, member, server};
use crate::guest::{Guest, Wish};
use crate::malformed::{self, Sources};
use crate::wire;
use loadtest::client::Kind;

const BOTH: [Kind; 2] = [Kind::Audio, Kind::Video];

/// The SSRCs of an SDP, each once, in its order.
fn ssrcs(sdp: &str) -> Vec<u32> {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
    let mut all: Vec<u32> =
        lines.filter_map(|line| line.split(' ').next()).map(|ssrc| ssrc.parse().expect("a number")).collect();
    all.dedup();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publisher_seals_wrongly_hurts_nobody_else() {
    let server = server();
    let mut call = Call::start(&server, 2).await;
    let mallory = member(&server, &call.rid, "mallory").await;
    let mut publisher = Guest::new(&mallory, &call.rid, Wish::Publish, &BOTH).await;
    publisher.connected().await;
    let mut follower = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&publisher.id), &BOTH).await;
    follower.connected().await;
    let [audio, video, rtx] = ssrcs(&publisher.offer)[..] else {
        panic!("three sources: {}", publisher.offer)
    };
    let own = Sources { audio, video, rtx };
    for round in 0..3u32 {
        // Above whatever she has sent under either source.
        let next =
            (0..2).filter_map(|track| publisher.client.next_sequence(track)).max().expect("two tracks");
        let packets = malformed::rtp(own, next as u16);
        (0..2).for_each(|track| publisher.skip_to(track, next + packets.len() as u64));
        for compound in malformed::rtcp(audio, &[audio, video, rtx]) {
            publisher.send_rtcp(&compound);
        }
        for (at, (packet, header)) in packets.iter().enumerate() {
            publisher.send_rtp(packet, *header);
            if at % 50 == 0 {
                tokio::join!(publisher.step(), follower.step());
            }
        }
        call.goes_on().await;
        // She can still be heard, and so it was not her connection that ended.
        let heard = follower.heard.len();
        let spoken =
            |follower: &Guest| follower.heard[heard..].iter().any(|heard| heard.payload == b"\x78after it");
        for number in 0.. {
            if spoken(&follower) {
                break;
            }
            assert!(
                number < 2000,
                "{} packets came, the connection {:?}",
                follower.heard.len(),
                follower.closed
            );
            publisher.speak(0, round * 100_000 + number * 960, b"\x78after it");
            tokio::join!(publisher.step(), follower.step());
        }
    }
    assert_eq!((follower.client.unauthentic(), follower.closed), (0, None), "what she gets is whole");
    call.lacks_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_subscriber_seals_wrongly_hurts_nobody_else() {
    let server = server();
    let mut call = Call::start(&server, 2).await;
    let mut guest = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &BOTH).await;
    guest.connected().await;
    guest.hears(20).await;
    let theirs = ssrcs(&guest.answer);
    for _ in 0..3 {
        for (at, compound) in malformed::rtcp(1, &theirs).into_iter().enumerate() {
            guest.send_rtcp(&compound);
            if at % 50 == 0 {
                guest.step().await;
            }
        }
        // It has nothing to send: packets of its own, and of those that it gets.
        for (packet, header) in malformed::rtp(Sources { audio: theirs[0], video: theirs[1], rtx: 7 }, 1) {
            guest.send_rtp(&packet, header);
        }
        call.goes_on().await;
        guest.hears(20).await;
    }
    assert_eq!((guest.client.unauthentic(), guest.closed), (0, None));
    assert!(!wire::attribute(&guest.answer, "ssrc").is_empty());
    call.lacks_nothing().await;
}
