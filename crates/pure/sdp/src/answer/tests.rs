//! The answer's text, and that no text makes the three steps panic.

use proptest::prelude::*;

use crate::answer::{self, Local};
use crate::candidate::HostCandidate;
use crate::error::SdpError;
use crate::fingerprint::Fingerprint;
use crate::fixtures::{self, OPUS, VP8, bundled, stereo_stream, with};
use crate::negotiate::{self, Capabilities};
use crate::offer::{Direction, Offer};
use crate::session::Session;
use crate::transport::Setup;

fn write(session: &Session) -> String {
    let candidates = [
        HostCandidate::udp("192.0.2.7:40001".parse().unwrap()),
        HostCandidate::udp("[2001:db8::7]:40001".parse().unwrap()),
    ];
    let local = Local {
        ice_ufrag: "server",
        ice_pwd: "a-servers-password-of-any-length",
        fingerprint: &Fingerprint::sha256([0xCD; 32]),
        candidates: &candidates,
        session_id: u64::MAX,
        session_version: 1,
    };
    answer::write(session, &local)
}

fn publish(text: &str) -> Result<String, SdpError> {
    let session = negotiate::publish(&Offer::parse(text)?, &Capabilities::default())?;
    Ok(write(&session))
}

fn subscribe(text: &str) -> Result<String, SdpError> {
    let session = negotiate::subscribe(&Offer::parse(text)?, &stereo_stream(), &Capabilities::default())?;
    Ok(write(&session))
}

#[test]
fn a_publishers_answer_is_this() {
    let offer = bundled(&[("audio", "sendonly", OPUS), ("application", "sendrecv", "x/1")])
        + "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97\r\na=mid:v\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
           a=rtpmap:98 VP9/90000\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
           a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* transport-cc\r\n\
           a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
           a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap-allow-mixed\r\na=extmap:12 \
           https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n";
    let offer = with(&offer, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 v");
    let offer =
        with(&offer, "a=rtcp-mux\r\na=rtpmap:100", "a=rtcp-mux\r\na=fmtp:100 stereo=1;cbr=1\r\na=rtpmap:100");
    let fingerprint = ["CD"; 32].join(":");
    let transport = format!(
        "a=ice-ufrag:server\r\na=ice-pwd:a-servers-password-of-any-length\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:passive\r\na=rtcp-mux\r\n"
    );
    let expected = format!(
        "v=0\r\no=- 9223372036854775807 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n\
         a=group:BUNDLE 0 v\r\na=msid-semantic: WMS *\r\n\
         m=audio 40001 UDP/TLS/RTP/SAVPF 100\r\nc=IN IP4 192.0.2.7\r\na=mid:0\r\na=recvonly\r\n{transport}\
         a=rtpmap:100 opus/48000/2\r\na=fmtp:100 stereo=1\r\n\
         a=candidate:1 1 udp 2130706431 192.0.2.7 40001 typ host\r\n\
         a=candidate:2 1 udp 2130706175 2001:db8::7 40001 typ host\r\na=end-of-candidates\r\n\
         m=application 0 UDP/TLS/RTP/SAVPF 101\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=recvonly\r\n{transport}\
         a=rtcp-rsize\r\na=extmap-allow-mixed\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
         a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n\
         a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\n\
         a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    );
    assert_eq!(publish(&offer).unwrap(), expected);
}

#[test]
fn a_subscribers_answer_names_what_will_be_sent() {
    let answer = subscribe(fixtures::CHROME_SUBSCRIBE).unwrap();
    let sound = "a=msid:anna track1001\r\na=ssrc:1001 cname:anna\r\na=ssrc:1001 msid:anna track1001\r\n";
    assert!(answer.contains(sound), "{answer}");
    let picture = "a=msid:anna track2001\r\na=ssrc-group:FID 2001 2002\r\na=ssrc:2001 cname:anna\r\n\
                   a=ssrc:2001 msid:anna track2001\r\na=ssrc:2002 cname:anna\r\n";
    assert!(answer.contains(picture), "{answer}");
    assert_eq!(answer.matches("a=sendonly").count(), 2);
    assert!(!answer.contains("goog-remb"), "{answer}");
    let older = with(fixtures::CHROME_SUBSCRIBE, " transport-cc\r\n", " x\r\n");
    assert_eq!(subscribe(&older).unwrap().matches("a=rtcp-fb:96 goog-remb\r\n").count(), 1);
}

#[test]
fn redundant_sound_has_the_offerers_place() {
    let red = "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";
    let preferred = |text| with(text, "SAVPF 111 63 ", "SAVPF 63 9 111 ");
    for (answer, formats) in [
        (publish(fixtures::CHROME_PUBLISH), "111 63"),
        (subscribe(fixtures::CHROME_SUBSCRIBE), "111 63"),
        (publish(&preferred(fixtures::CHROME_PUBLISH)), "63 111"),
        (subscribe(&preferred(fixtures::CHROME_SUBSCRIBE)), "63 111"),
    ] {
        let answer = answer.unwrap();
        assert!(answer.contains(&format!(" UDP/TLS/RTP/SAVPF {formats}\r\n")), "{answer}");
        assert!(answer.contains(red) && answer.find("opus/48000/2") < answer.find(red), "{answer}");
    }
}

#[test]
fn the_agreed_layers_are_asked_for_in_both_ways() {
    let offer = with(fixtures::CHROME_SIMULCAST, "send q;h;f", "send q;~h;f");
    let answer = publish(&offer).unwrap();
    let layers = "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;~h;f\r\n";
    assert!(
        answer.ends_with(&format!("{layers}{}", &answer[answer.find("m=application").unwrap()..])),
        "{answer}"
    );
    let plain = publish(fixtures::CHROME_PUBLISH).unwrap();
    assert!(!plain.contains("a=rid") && !plain.contains("a=simulcast"), "{plain}");
}

#[test]
fn an_answer_without_udp_has_the_port_that_means_nothing() {
    let offer = Offer::parse(&bundled(&[("video", "sendonly", VP8)])).unwrap();
    let session = negotiate::publish(&offer, &Capabilities::default()).unwrap();
    let fingerprint = Fingerprint::sha256([0; 32]);
    let tcp = HostCandidate::tcp("192.0.2.7:443".parse().unwrap());
    for candidates in [&[][..], &[tcp]] {
        let answer = answer::write(
            &session,
            &Local {
                ice_ufrag: "u",
                ice_pwd: "p",
                fingerprint: &fingerprint,
                candidates,
                session_id: 1,
                session_version: 7,
            },
        );
        assert!(answer.contains("m=video 9 UDP/TLS/RTP/SAVPF 100\r\nc=IN IP4 0.0.0.0\r\n"), "{answer}");
        assert!(answer.starts_with("v=0\r\no=- 1 7 IN IP4 0.0.0.0\r\n"), "{answer}");
        assert_eq!(
            answer.contains("a=candidate:1 1 tcp 2124414975 192.0.2.7 443 typ host tcptype passive\r\n"),
            !candidates.is_empty()
        );
    }
}

/// RFC 3264: every m-line in its place and with its media and mid, and nothing in it that was not offered.
fn assert_answers(offer: &str, answer: &str) {
    let (offer, answer) = (Offer::parse(offer).unwrap(), Offer::parse(answer).unwrap());
    assert!(answer.ice_lite);
    assert_eq!(offer.media.len(), answer.media.len());
    for (asked, said) in offer.media.iter().zip(&answer.media) {
        assert_eq!((&asked.media, &asked.protocol, &asked.mid), (&said.media, &said.protocol, &said.mid));
        let in_bundle =
            said.mid.as_ref().is_some_and(|mid| answer.bundles.iter().flatten().any(|it| it == mid));
        if said.port == 0 {
            assert_eq!((&asked.formats, in_bundle), (&said.formats, false));
            continue;
        }
        assert!(said.formats.iter().all(|format| asked.formats.contains(format)));
        assert!(!said.direction.sends() || asked.direction.receives());
        assert!(!said.direction.receives() || asked.direction.sends());
        assert!(said.direction != Direction::SendRecv);
        assert_eq!(said.transport.setup, Some(Setup::Passive));
        assert!(said.rtcp_mux && asked.rtcp_mux && (asked.rtcp_rsize || !said.rtcp_rsize));
        assert!(asked.extmap_allow_mixed || !said.extmap_allow_mixed);
        assert!(said.rids.iter().all(|rid| asked.rids.iter().any(|it| it.id == rid.id)));
        for extension in &said.extensions {
            assert!(asked.extensions.iter().any(|it| it.id == extension.id && it.uri == extension.uri));
        }
        for payload in &said.payloads {
            let offered = asked.payloads.iter().find(|it| it.number == payload.number).unwrap();
            assert_eq!((payload.codec(), payload.retransmits()), (offered.codec(), offered.retransmits()));
            assert_eq!(payload.repeats(), offered.repeats());
            assert_eq!(payload.feedback.and(offered.feedback), payload.feedback);
        }
    }
}

#[test]
fn every_answer_answers_its_offer() {
    for offer in fixtures::PUBLISHERS {
        assert_answers(offer, &publish(offer).unwrap());
    }
    for offer in fixtures::SUBSCRIBERS {
        assert_answers(offer, &subscribe(offer).unwrap());
    }
}

/// What somebody could do to a line of an offer.
#[derive(Debug, Clone)]
enum Damage {
    Remove,
    Repeat(usize),
    Swap(usize),
    Cut(usize),
    Replace(usize, char),
    Insert(String),
}

fn damage() -> impl Strategy<Value = (usize, Damage)> {
    let kind = prop_oneof![
        Just(Damage::Remove),
        (1..80_usize).prop_map(Damage::Repeat),
        any::<usize>().prop_map(Damage::Swap),
        (0..60_usize).prop_map(Damage::Cut),
        (0..60_usize, any::<char>()).prop_map(|(at, character)| Damage::Replace(at, character)),
        "(a=(mid|ssrc|fmtp|rtpmap|group|extmap|rid|simulcast|rtcp-fb|setup)|[a-z]=)[:/ *0-9a-z]{0,12}"
            .prop_map(Damage::Insert),
    ];
    (any::<usize>(), kind)
}

fn damaged(offer: &str, damages: &[(usize, Damage)]) -> String {
    let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
    for (at, damage) in damages {
        let at = at % lines.len();
        match damage {
            Damage::Remove if lines.len() > 1 => drop(lines.remove(at)),
            Damage::Remove => {}
            Damage::Repeat(times) => {
                let line = lines[at].clone();
                lines.splice(at..at, std::iter::repeat_n(line, *times));
            }
            Damage::Swap(other) => {
                let other = other % lines.len();
                lines.swap(at, other);
            }
            Damage::Cut(length) => lines[at] = lines[at].chars().take(*length).collect(),
            Damage::Replace(position, character) => {
                let replaced = |(index, old)| if index == *position { *character } else { old };
                lines[at] = lines[at].chars().enumerate().map(replaced).collect();
            }
            Damage::Insert(line) => lines.insert(at, line.clone()),
        }
    }
    lines.join("\r\n")
}

fn survive(offer: &str) {
    if let Ok(answer) = publish(offer) {
        assert_answers(offer, &answer);
    }
    if let Ok(answer) = subscribe(offer) {
        assert_answers(offer, &answer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_an_offer_or_an_error(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn any_lines_are_an_offer_or_an_error(
        lines in prop::collection::vec("[vmac]=[a-z]{0,10}[:=]?[0-9a-zA-Z/ ;=*]{0,30}", 0..60),
    ) {
        survive(&format!("v=0\n{}", lines.join("\n")));
    }

    #[test]
    fn a_damaged_offer_has_an_answer_that_fits_or_an_error(
        which in 0..11_usize,
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let offers = fixtures::PUBLISHERS.iter().chain(&fixtures::SUBSCRIBERS);
        let offer = offers.copied().nth(which).unwrap();
        survive(&damaged(offer, &damages));
    }
}
