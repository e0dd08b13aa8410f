//! SDP that was not made by any browser: what cannot be used is refused at once, and what can be is answered at once.

use crate::calls::{Call, member, server};
use loadtest::client::{Direction, Identity, Kind, Offering, Profile};
use peer::Peer;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nobody waits longer, however busy the machine: it takes milliseconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// An offer, and whether it must be refused.
struct Absurd {
    what: &'static str,
    sdp: String,
    refused: bool,
}

/// So many lines, one behind the other.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|number| line(number) + "\r\n").collect()
}

fn absurd(valid: &str) -> Vec<Absurd> {
    let with = |more: &str| format!("{valid}{more}");
    let must = |what, sdp| Absurd { what, sdp, refused: true };
    let may = |what, sdp| Absurd { what, sdp, refused: false };
    let section = valid.find("m=").expect("an m-line");
    let video = &valid[valid.find("m=video").expect("video")..];
    vec![
        must("100,000 lines", "\n".repeat(100_000)),
        must("100,000 lines behind a good offer", with(&"\n".repeat(100_000))),
        must("as many lines as there may be bytes", with(&"a=\n".repeat(20_000))),
        must(
            "a thousand m-lines",
            valid[..section].to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(1000),
        ),
        must("nothing but NUL", "\0".repeat(30_000)),
        must("two m-lines of one mid", valid.replace("a=mid:1", "a=mid:0")),
        must("a payload type in two m-lines", valid.replace(" 96", " 111").replace(":96", ":111")),
        must("no fingerprint that can be", {
            valid.replace("a=fingerprint:sha-256 ", &format!("a=fingerprint:sha-256 {}", "AB:".repeat(9_000)))
        }),
        may("an fmtp of 50,000 bytes", with(&format!("a=fmtp:96 {}\r\n", "x=y;".repeat(12_000)))),
        may("thousands of fmtp", with(&lines(3000, |n| format!("a=fmtp:96 k{n}=v")))),
        may("thousands of payload types", with(&lines(2500, |n| format!("a=rtpmap:{n} VP8/90000")))),
        may("a payload type that repairs itself", valid.replace("apt=96", "apt=97")),
        may(
            "clock rates that cannot be",
            valid.replace("VP8/90000", "VP8/0").replace("/48000/2", "/4294967296/255"),
        ),
        may("thousands of sources", with(&lines(2000, |n| format!("a=ssrc:{n} cname:x")))),
        may("groups of thousands", with(&format!("a=ssrc-group:FID {}\r\n", "7 ".repeat(20_000)))),
        may("thousands of extensions", with(&lines(2000, |n| format!("a=extmap:{n} urn:x:{n}")))),
        may(
            "thousands of candidates",
            with(&lines(900, |n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host"))),
        ),
        may(
            "a hundred codecs of one name",
            with(&video.lines().filter(|line| line.starts_with("a=rtpmap")).collect::<String>().repeat(100)),
        ),
        may("a name of 50,000 letters", with(&format!("a=msid:{}\r\n", "m".repeat(50_000)))),
    ]
}

/// The answer's error, and how long it took.
async fn published(peer: &Peer, rid: &str, sdp: &str) -> (Option<i64>, Duration) {
    let minfo = json!({"audio": true, "video": true, "audiotype": 0, "videotype": 1});
    let data = json!({"rid": rid, "jsep": {"type": "offer", "sdp": sdp}, "minfo": minfo});
    let asked = Instant::now();
    let answer = peer.request("publish", data).await;
    let took = asked.elapsed();
    if let Ok(answer) = &answer {
        let data = json!({"rid": rid, "mid": answer["mid"]});
        peer.request("unpublish", data).await.expect("what is published can be ended");
    }
    (answer.err().map(|refusal| refusal.code), took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absurd_offers_are_answered_at_once() {
    let server = server();
    let mut call = Call::start(&server, 1).await;
    let mallory = member(&server, &call.rid, "mallory").await;
    let identity = Arc::new(Identity::generate(Profile::AeadAes128Gcm).expect("an identity"));
    let offering =
        Offering::new(&identity, Direction::Publish, &[Kind::Audio, Kind::Video], "x").expect("an offer");
    assert_eq!(published(&mallory, &call.rid, offering.sdp()).await.0, None, "this one is good");
    let mut slowest = (Duration::ZERO, "");
    for Absurd { what, sdp, refused } in absurd(offering.sdp()) {
        let (code, took) = published(&mallory, &call.rid, &sdp).await;
        println!("{what}: {code:?} after {took:?}");
        assert!(matches!(code, None | Some(6)), "{what}: {code:?}");
        assert!(code.is_some() || !refused, "{what} is taken");
        slowest = slowest.max((took, what));
    }
    println!("the slowest answer: {slowest:?}");
    assert!(slowest.0 < ANSWERED_WITHIN, "{slowest:?}");
    call.goes_on().await;
}
