//! What Janus writes is read: its answer to who publishes, its offer to who subscribes.

use loadtest::client::{Clock, Direction, Identity, Kind, Offering, Profile, answer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// What is said once for all m-lines: ICE-lite and the certificate.
const SESSION: &str = "v=0
o=- 1 2 IN IP4 192.0.2.7
s=VideoRoom 5
t=0 0
a=group:BUNDLE 0 1
a=ice-options:trickle
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=extmap-allow-mixed
a=msid-semantic: WMS *
a=ice-lite
";

/// What each m-line says about the way to it.
fn transport(mid: &str, direction: &str, setup: &str) -> String {
    format!(
        "c=IN IP4 192.0.2.7
a={direction}
a=mid:{mid}
a=rtcp-mux
a=ice-ufrag:x+Y1
a=ice-pwd:0123456789abcdefghij+/
a=ice-options:trickle
a=setup:{setup}
"
    )
}

const CANDIDATE: &str = "a=candidate:1 1 udp 2015363327 192.0.2.7 51000 typ host
a=end-of-candidates
";

const VP8: &str = "a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
";

/// A description with both m-lines. Each has a source, even where Janus only receives.
fn description(direction: &str, setup: &str, video_sources: &str) -> String {
    let (audio, video) = (transport("0", direction, setup), transport("1", direction, setup));
    let text = format!(
        "{SESSION}m=audio 9 UDP/TLS/RTP/SAVPF 111
{audio}a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=msid:janus janus0
a=ssrc:71 cname:janus
{CANDIDATE}m=video 9 UDP/TLS/RTP/SAVPF 96 97
{video}{VP8}{video_sources}{CANDIDATE}"
    );
    text.replace('\n', "\r\n")
}

const ADDRESS: &str = "192.0.2.7:51000";

fn somebody() -> (Instant, Clock, Arc<Identity>) {
    let now = Instant::now();
    let clock = Clock { at: now, wall: SystemTime::UNIX_EPOCH };
    (now, clock, Arc::new(Identity::generate(Profile::AeadAes128Gcm).unwrap()))
}

fn addresses() -> [SocketAddr; 1] {
    [ADDRESS.parse().unwrap()]
}

#[test]
fn its_answer_makes_a_publisher() {
    let (now, clock, identity) = somebody();
    let kinds = [Kind::Audio, Kind::Video];
    let offering = Offering::new(&identity, Direction::Publish, &kinds, "ada").unwrap();
    let offering = offering.insisting_on_the_handshake();
    assert!(offering.sdp().contains("a=setup:active") && !offering.sdp().contains("actpass"));
    let answer = description("recvonly", "passive", "a=msid:janus janus1\na=ssrc:72 cname:janus\n");
    let client = offering.accept(now, clock, &answer).unwrap();
    assert!(client.sending().eq(kinds), "both are taken");
    assert_eq!(client.receiving().count(), 0, "a source on a line that only receives sends nothing");
    assert_eq!(client.candidates(), addresses());
}

#[test]
fn its_offer_makes_a_subscriber() {
    let (now, clock, identity) = somebody();
    let sources =
        "a=ssrc-group:FID 72 73\na=msid:janus janus1\na=ssrc:72 cname:janus\na=ssrc:73 cname:janus\n";
    let offer = description("sendonly", "actpass", sources);
    let (client, answer) = answer(now, clock, &identity, &offer, "ben").unwrap();
    assert!(client.receiving().eq([Kind::Audio, Kind::Video]));
    assert_eq!((client.media_kind(71), client.media_kind(72)), (Some(Kind::Audio), Some(Kind::Video)));
    assert_eq!(client.media_kind(73), None, "retransmissions");
    assert_eq!(client.candidates(), addresses());
    let has = |line: &str| answer.lines().filter(|other| *other == line).count();
    assert_eq!((has("a=setup:active"), has("a=recvonly"), has("a=fmtp:97 apt=96")), (2, 2, 1), "{answer}");
}
