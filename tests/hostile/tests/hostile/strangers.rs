//! Who has no keys: a flood of what looks like media, handshakes and checks, from elsewhere and under the addresses of
//! those who have.

use crate::calls::{Call, member, server};
use crate::flood::{Flood, Source, received};
use crate::guest::{Guest, Wish, is_dtls, is_media};
use crate::watch::{dropped, eventually};
use crate::wire;
use loadtest::client::Kind;
use peer::Server;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Datagrams a second.
const RATE: u64 = 10_000;

/// One who speaks, one who hears her, and what they say.
struct Talk {
    speaker: Guest,
    listener: Guest,
    said: HashSet<Vec<u8>>,
    turn: u32,
}

impl Talk {
    async fn begin(call_of: &peer::Server) -> Self {
        let rid = format!("room {}", peer::unique());
        let (ada, ben) = (member(call_of, &rid, "eve").await, member(call_of, &rid, "fay").await);
        let mut speaker = Guest::new(&ada, &rid, Wish::Publish, &[Kind::Audio]).await;
        speaker.connected().await;
        let mut listener = Guest::new(&ben, &rid, Wish::Subscribe(&speaker.id), &[Kind::Audio]).await;
        listener.connected().await;
        // Their connections to signalling stay open for as long as the process runs.
        std::mem::forget((ada, ben));
        Self { speaker, listener, said: HashSet::new(), turn: 0 }
    }

    /// Until so many packets more were heard.
    async fn go_on(&mut self, more: usize) {
        let wanted = self.listener.heard.len() + more;
        let deadline = std::time::Instant::now() + peer::PATIENCE;
        while self.listener.heard.len() < wanted {
            assert!(std::time::Instant::now() < deadline, "{} of {wanted} heard", self.listener.heard.len());
            let payload = format!("\u{78}said {:08}", self.turn).into_bytes();
            self.speaker.speak(0, self.turn * 960, &payload);
            self.said.insert(payload);
            self.turn += 1;
            tokio::join!(self.speaker.step(), self.listener.step());
        }
    }

    /// What was heard was said, and each of it is heard once.
    fn was_not_meddled_with(&self) {
        let mut once = HashSet::new();
        for heard in &self.listener.heard {
            assert!(self.said.contains(&heard.payload), "never said: {:?}", heard.payload);
            assert!(once.insert(&heard.payload), "twice: {:?}", heard.payload);
        }
        assert!(self.speaker.closed.is_none() && self.listener.closed.is_none());
    }
}

/// Packets of the right sources, with numbers that are to come, sealed with keys that nobody has.
fn forged(recorded: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let media = recorded.iter().filter(|datagram| is_media(datagram));
    let forge = |(ahead, original): (usize, &Vec<u8>)| {
        let mut packet = original.clone();
        if !rtp::packet::is_rtcp(&packet) {
            let number = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(60 + ahead as u16);
            packet[2..4].copy_from_slice(&number.to_be_bytes());
        }
        packet.iter_mut().skip(12).for_each(|byte| *byte = byte.wrapping_mul(31) ^ ahead as u8);
        packet
    };
    media.enumerate().map(forge).collect()
}

/// RTP and RTCP as they look before they are sealed, of this source.
fn plain(ssrc: u32) -> Vec<Vec<u8>> {
    let mut rtp = vec![0x80, 111, 0xff, 0xff, 0, 0, 0, 1];
    rtp.extend(ssrc.to_be_bytes());
    rtp.extend(b"\x78never said");
    let mut goodbye = vec![0x81, 203, 0, 1];
    goodbye.extend(ssrc.to_be_bytes());
    vec![rtp, goodbye]
}

/// A fatal alert and a goodbye of DTLS, in the clear.
fn alerts() -> Vec<Vec<u8>> {
    let alert = |level, what| vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, level, what];
    vec![alert(2, 40), alert(1, 0)]
}

/// How long a publisher and a subscriber take to see each other: median and 95th percentile.
async fn set_ups(server: &Server) -> (Duration, Duration) {
    const COUNT: usize = 10;
    let mut took = Vec::new();
    for _ in 0..COUNT {
        let since = Instant::now();
        drop(Call::start(server, 1).await);
        took.push(since.elapsed());
    }
    took.sort();
    (took[COUNT / 2], took[COUNT * 95 / 100])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_begin_and_go_on_in_a_flood_of_forgeries_and_none_of_it_is_forwarded() {
    let server = server();
    let mut talk = Talk::begin(&server).await;
    talk.go_on(60).await;
    let quiet = set_ups(&server).await;
    let recorded = talk.speaker.sent.clone();
    let ssrc =
        wire::attribute(&talk.speaker.offer, "ssrc").split(' ').next().and_then(|ssrc| ssrc.parse().ok());
    let ssrc = ssrc.expect("a number");
    let of_media: Vec<_> = recorded.iter().filter(|datagram| is_media(datagram)).cloned().collect();
    let of_dtls: Vec<_> = recorded.iter().filter(|datagram| is_dtls(datagram)).cloned().collect();
    assert!(of_media.len() >= 60 && of_dtls.len() >= 2);
    let checks: Vec<_> =
        (0..50).map(|_| talk.speaker.credentials().with_wrong_password().check(true)).collect();
    let from_anywhere = [of_media.clone(), forged(&recorded), plain(ssrc), of_dtls, alerts(), checks.clone()];
    // Whoever forges the source's address knows no handshake in progress: that of this one is over.
    let under_her_name = [of_media, forged(&recorded), plain(ssrc), alerts(), checks];
    let sources = vec![
        Source::stranger(from_anywhere.concat()),
        Source { socket: talk.speaker.twin(), datagrams: under_her_name.concat() },
    ];
    let before = dropped(&server);
    let flood = Flood::start(talk.speaker.server, RATE, sources);
    let mut call = Call::start(&server, 3).await;
    let flooded = set_ups(&server).await;
    println!(
        "set-up of a call, p50 and p95: {quiet:?} in quiet, {flooded:?} in the flood, which shares the machine"
    );
    talk.go_on(100).await;
    call.goes_on().await;
    let (sent, sources) = flood.stop();
    talk.go_on(50).await;
    call.goes_on().await;
    talk.was_not_meddled_with();
    assert!(received(&sources[0].socket).is_empty(), "strangers get no answer");
    let counted = dropped(&server) - before;
    println!("{sent} datagrams sent, {counted} counted as dropped");
    // What the kernel had no room for was not seen by the server.
    assert!(counted >= sent as f64 / 2.0, "{counted} of {sent} are counted as dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_goes_where_it_went_whoever_asks_for_it() {
    let server = server();
    let mut call = Call::start(&server, 1).await;
    let both = [Kind::Audio, Kind::Video];
    let mut victim = Guest::new(&call.ben, &call.rid, Wish::Subscribe(&call.mid), &both).await;
    victim.connected().await;
    victim.hears(30).await;
    let checks: Vec<_> = victim.sent.iter().filter(|datagram| datagram[0] == 0).cloned().collect();
    assert!(!checks.is_empty());
    let credentials = victim.credentials();
    let wrong = credentials.with_wrong_password();
    let nobody = wire::Credentials { username: "nobody:atall".to_owned(), ..credentials.clone() };
    let appended = wire::with_attribute_behind_integrity(&wrong.check(false), &wire::USE_CANDIDATE);
    let mut unasked = checks;
    unasked.extend([
        wrong.check(true),
        wrong.check(false),
        nobody.check(true),
        appended,
        wire::bare_request(),
    ]);
    let before = dropped(&server);
    let stranger = Source::stranger(unasked);
    for datagram in &stranger.datagrams {
        stranger.socket.send_to(datagram, victim.server).expect("sent");
    }
    victim.hears(100).await;
    assert_eq!(received(&stranger.socket).len(), 0, "a copied check moves nothing and is not answered");
    let all = stranger.datagrams.len() as f64;
    eventually("each of them is counted", || dropped(&server) - before == all).await;

    // The victim's own, from another address of hers: valid but for what stands behind the integrity.
    let second = Source::stranger(Vec::new());
    let check = wire::with_attribute_behind_integrity(&credentials.check(false), &wire::USE_CANDIDATE);
    second.socket.send_to(&check, victim.server).expect("sent");
    victim.hears(100).await;
    let answers = received(&second.socket);
    assert!(
        answers.len() == 1 && answers[0][0] == 1,
        "a check is answered, and no media follows: {}",
        answers.len()
    );
    call.goes_on().await;
}
