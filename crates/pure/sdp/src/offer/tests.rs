//! Reading the offers of real browsers, and refusing others.

use crate::codec::{Codec, Kind};
use crate::error::SdpError;
use crate::fingerprint::{Fingerprint, HashFunction};
use crate::fixtures::{self, OPUS, VP8, with};
use crate::limits;
use crate::offer::{Direction, Offer};
use crate::simulcast::RidDirection;
use crate::transport::Setup;

fn read(text: &str) -> Offer {
    Offer::parse(text).unwrap()
}

fn error(text: &str) -> String {
    Offer::parse(text).unwrap_err().to_string()
}

#[test]
fn chromes_offer_is_read() {
    let offer = read(fixtures::CHROME_PUBLISH);
    assert_eq!(offer.bundles.len(), 1);
    assert_eq!(offer.media.len(), 2);
    let (audio, video) = (&offer.media[0], &offer.media[1]);

    assert_eq!((audio.kind, video.kind), (Some(Kind::Audio), Some(Kind::Video)));
    assert_eq!(audio.direction, Direction::SendOnly);
    assert_eq!(audio.mid.as_ref().unwrap().as_str(), "0");
    assert!(audio.rtcp_mux && audio.rtcp_rsize);
    assert_eq!(audio.formats.len(), 8);
    assert_eq!(audio.payloads[0].codec(), Some(Codec::Opus));
    assert!(audio.payloads[0].fmtp.is_on("sprop-stereo"));

    let transport = &audio.transport;
    assert_eq!(transport.ice_ufrag.as_deref(), Some("zW19"));
    assert_eq!(transport.setup, Some(Setup::ActPass));
    assert_eq!(transport.fingerprints[0].function(), HashFunction::Sha256);
    assert!(transport.candidates[0].starts_with("candidate:213330408 1 udp"), "{:?}", transport.candidates);

    let source = &video.sources[0];
    assert_eq!((video.sources.len(), source.ssrc, source.rtx_ssrc), (1, 2_556_075_754, Some(964_925_956)));
    assert_eq!(source.cname.as_ref().unwrap().as_str(), "1PVTA7/OogpvywrS");
    assert_eq!(source.msid, video.msid);
    let vp8 = &video.payloads[0];
    assert_eq!((vp8.number, vp8.codec()), (96, Some(Codec::Vp8)));
    assert!(vp8.feedback.nack && vp8.feedback.pli && vp8.feedback.fir && vp8.feedback.transport_cc);
    assert_eq!(video.payloads[1].retransmits(), Some(96));
    assert!(
        video
            .extensions
            .iter()
            .any(|extension| extension.id == 10 && extension.uri.contains("rtp-stream-id"))
    );
}

#[test]
fn what_firefox_says_once_for_the_session_counts_for_every_m_line() {
    let offer = read(fixtures::FIREFOX_SIMULCAST);
    let digests: Vec<_> =
        offer.media.iter().map(|section| section.transport.fingerprints[0].digest()).collect();
    assert_eq!(digests.len(), 4);
    assert!(digests.iter().all(|digest| digest == &digests[0]));
    assert!(offer.media[2].bundle_only);
    assert_eq!(offer.media[2].port, 0);
    let rid = offer.media[1].extensions.iter().find(|extension| extension.id == 9).unwrap();
    assert_eq!(rid.direction, Some(Direction::SendOnly));
    assert_eq!(offer.media[3].kind, None);
    assert_eq!(offer.media[3].formats, ["webrtc-datachannel"]);
}

#[test]
fn simulcast_layers_are_read() {
    for (text, names) in [
        (fixtures::CHROME_SIMULCAST, ["q", "h", "f"]),
        (fixtures::FIREFOX_SIMULCAST, ["q", "h", "f"]),
        (fixtures::SAFARI_SIMULCAST, ["low", "mid", "high"]),
    ] {
        let offer = read(text);
        let video = &offer.media[1];
        let layers: Vec<_> = video.rids.iter().map(|rid| rid.id.as_str()).collect();
        assert_eq!(layers, names);
        assert!(video.rids.iter().all(|rid| rid.direction == RidDirection::Send));
        let layers: Vec<_> = video.simulcast.iter().flatten().map(|layer| layer.rid.as_str()).collect();
        assert_eq!(layers, names);
        assert!(video.simulcast.iter().flatten().all(|layer| !layer.paused));
    }
    let sources = &read(fixtures::FIREFOX_SIMULCAST).media[1].sources;
    assert_eq!(sources.len(), 3);
    assert!(sources.iter().all(|source| source.rtx_ssrc.is_some()));
}

#[test]
fn a_rid_that_is_said_twice_counts_once() {
    let section = fixtures::bundled(&[("video", "sendonly", VP8)]);
    let offer = read(&(section + &"a=rid:q send pt=100\r\n".repeat(2 * limits::MAX_RIDS)));
    assert_eq!(offer.media[0].rids.len(), 1);
}

#[test]
fn aiortcs_three_fingerprints_are_read() {
    let offer = read(fixtures::AIORTC_PUBLISH);
    let functions: Vec<_> = offer.media[0].transport.fingerprints.iter().map(Fingerprint::function).collect();
    assert_eq!(functions, [HashFunction::Sha256, HashFunction::Sha384, HashFunction::Sha512]);
    assert!(offer.media[0].transport.end_of_candidates);
}

#[test]
fn plain_line_ends_mean_the_same() {
    for text in fixtures::PUBLISHERS {
        assert_eq!(read(&text.replace("\r\n", "\n")), read(text));
    }
}

#[test]
fn one_mid_for_two_m_lines_is_named() {
    let text = with(fixtures::CHROME_PUBLISH, "a=mid:1\r\n", "a=mid:0\r\n");
    assert!(error(&text).ends_with("mid \"0\" names two m-lines"), "{}", error(&text));
}

#[test]
fn one_payload_type_for_two_codecs_is_named() {
    let text = with(fixtures::CHROME_PUBLISH, "a=rtpmap:97 rtx/90000\r\n", "a=rtpmap:96 VP9/90000\r\n");
    assert!(
        error(&text).ends_with("payload type 96 is \"VP8\" and \"VP9\" in one m-line"),
        "{}",
        error(&text)
    );
    let twice = "a=rtpmap:96 VP8/90000\r\na=rtpmap:96 vp8/90000\r\n";
    read(&with(fixtures::CHROME_PUBLISH, "a=rtpmap:96 VP8/90000\r\n", twice));
}

#[test]
fn feedback_for_all_payload_types_counts_for_each() {
    let offer =
        fixtures::bundled(&[("video", "sendonly", VP8)]) + "a=rtcp-fb:* nack pli\r\na=rtcp-fb:* nack\r\n";
    let feedback = read(&offer).media[0].payloads[0].feedback;
    assert!(feedback.pli && feedback.nack && !feedback.fir);
}

#[test]
fn an_error_names_the_line_and_what_was_expected() {
    let offer = |line: &str| fixtures::bundled(&[("audio", "sendonly", OPUS)]) + line;
    for (line, expected) in [
        ("a=rtpmap:100 opus\r\n", "line 12: expected a=rtpmap:<payload type> <name>/<clock rate>"),
        ("a=ssrc:x cname:y\r\n", "line 12: expected a=ssrc:<number> <attribute>, found \"a=ssrc:x cname:y\""),
        ("a=extmap:0 urn:x\r\n", "line 12: expected a=extmap:<id> <uri>"),
        ("a=setup:holdconn\r\n", "line 12: expected a=setup:actpass, active or passive"),
        ("a=fingerprint:sha-256 00\r\n", "line 12: expected a=fingerprint"),
        ("a=ice-ufrag:a:b:c\r\n", "line 12: expected an ICE ufrag"),
        ("a=rid:q\r\n", "line 12: expected a=rid:<id of at most 16 letters, digits, - or _> send or recv"),
        ("a=simulcast:send q;;h\r\n", "line 12: expected a=simulcast:send <rid>;<rid>, found \"a=simul"),
        ("a=rid:q send\r\na=rid:q recv\r\n", "line 13: expected one a=rid for each id of an m-line"),
        ("a=simulcast:recv q\r\na=simulcast:send h\r\n", "line 13: expected one a=simulcast per m-line"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF\r\n", "line 12: expected m=<media> <port> <protocol> <formats>"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", "line 12: expected payload types from 0 to 127"),
        ("m=audio x UDP/TLS/RTP/SAVPF 1\r\n", "line 12: expected m=<media>"),
        ("nonsense\r\n", "line 12: expected <letter>=<value>, found \"nonsense\""),
        ("a=x\ry\r\n", "line 12: expected text without control characters, found \"a=x y\""),
    ] {
        let error = error(&offer(line));
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(error(""), "the SDP has no m-line");
    assert_eq!(error("v=0\r\n"), "the SDP has no m-line");
    assert_eq!(error("hello=\r\n"), "line 1: expected <letter>=<value>, found \"hello=\"");
    assert_eq!(error("o=x\r\n"), "line 1: expected v=0 as the first line, found \"o=x\"");
}

#[test]
fn no_error_repeats_more_than_64_bytes_of_the_offer() {
    let word = "~".repeat(3000);
    let section = fixtures::bundled(&[("audio", "sendonly", OPUS)]);
    for line in [
        format!("a=ssrc:{word}"),
        format!("m={word} 9 x 1\r\na={word}:1\r\na=mid:{word}"),
        format!("a=rtpmap:100 {word}/1"),
        word.clone(),
        format!("a=fmtp:{word}"),
    ] {
        let error = error(&format!("{section}{line}\r\n"));
        assert!(error.matches('~').count() <= 64, "{error}");
    }
}

#[test]
fn an_offer_of_100_000_lines_is_refused_before_a_line_is_read() {
    assert_eq!(
        Offer::parse(&"a=x\r\n".repeat(100_000)),
        Err(SdpError::TooLong { bytes: 500_000, limit: limits::MAX_BYTES })
    );
    assert_eq!(
        Offer::parse(&"\n".repeat(100_000)),
        Err(SdpError::TooLong { bytes: 100_000, limit: limits::MAX_BYTES })
    );
}

#[test]
fn each_limit_holds() {
    let section = fixtures::bundled(&[("audio", "sendonly", OPUS)]);
    let many = |count: usize, line: &dyn Fn(usize) -> String| {
        let lines: String = (0..count).map(|index| line(index) + "\r\n").collect();
        Offer::parse(&format!("{section}{lines}"))
    };
    let check = |what: &str, limit: usize, line: &dyn Fn(usize) -> String| {
        assert!(many(limit, line).is_ok(), "{what}: {limit} are read");
        match many(limit + 1, line) {
            Err(SdpError::TooMany { what: named, limit: named_limit, .. }) => {
                assert_eq!((named, named_limit), (what, limit));
            }
            other => panic!("{what}: {other:?}"),
        }
    };
    check("SSRCs in an m-line", limits::MAX_SSRCS, &|index| format!("a=ssrc:{index} cname:x"));
    check("a=ssrc-group lines", limits::MAX_SSRC_GROUPS, &|_| "a=ssrc-group:FID 1 2".to_owned());
    check("a=extmap lines", limits::MAX_EXTENSIONS, &|index| format!("a=extmap:{} urn:x", index + 1));
    check("a=rid lines", limits::MAX_RIDS, &|index| format!("a=rid:{index} send"));
    let layers = |count: usize| format!("a=simulcast:recv {}", vec!["x"; count].join(";"));
    assert!(many(1, &|_| layers(limits::MAX_RIDS)).is_ok());
    assert!(matches!(many(1, &|_| layers(limits::MAX_RIDS + 1)), Err(SdpError::TooMany { .. })));
    check("parameters of a payload type", limits::MAX_FORMAT_PARAMETERS, &|_| "a=fmtp:100 x=1".to_owned());
    // One m-line and one session fingerprint are there already; those of the session are counted apart.
    let digest = ["AB"; 32].join(":");
    let fingerprint = format!("a=fingerprint:sha-256 {digest}");
    check("a=fingerprint lines", limits::MAX_FINGERPRINTS, &|_| fingerprint.clone());
    let m_line = "m=audio 0 x y".to_owned();
    assert!(many(limits::MAX_SECTIONS - 1, &|_| m_line.clone()).is_ok());
    assert!(matches!(many(limits::MAX_SECTIONS, &|_| m_line.clone()), Err(SdpError::TooMany { .. })));
    let long = "a=".to_owned() + &"x".repeat(limits::MAX_LINE_BYTES - 1);
    assert!(matches!(many(1, &|_| long.clone()), Err(SdpError::TooMany { what: "bytes in a line", .. })));
    assert!(matches!(
        many(limits::MAX_LINES, &|_| "a=".to_owned()),
        Err(SdpError::TooMany { what: "lines", .. })
    ));
    let formats = |count: usize| format!("m=audio 9 RTP/x{}", " 1".repeat(count));
    assert!(many(1, &|_| formats(limits::MAX_PAYLOAD_TYPES)).is_ok());
    assert!(many(1, &|_| formats(limits::MAX_PAYLOAD_TYPES + 1)).is_err());
}

#[test]
fn candidates_beyond_the_limit_are_left_out() {
    let section = fixtures::bundled(&[("audio", "sendonly", OPUS)]);
    let offer = read(&(section + &"a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n".repeat(200)));
    assert_eq!(offer.media[0].transport.candidates.len(), limits::MAX_CANDIDATES);
}

#[test]
fn an_unknown_group_of_sources_is_no_retransmission() {
    let section = fixtures::bundled(&[("video", "sendonly", VP8)]);
    let offer = read(
        &(section
            + "a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 1 11\r\na=ssrc-group:FEC-FR 1 21\r\n\
               a=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\na=ssrc:3\r\na=ssrc:11 cname:x\r\na=ssrc:21 cname:x\r\n"),
    );
    let sources: Vec<_> =
        offer.media[0].sources.iter().map(|source| (source.ssrc, source.rtx_ssrc)).collect();
    assert_eq!(sources, [(1, Some(11)), (2, None), (3, None)]);
}

#[test]
fn retransmissions_of_two_sources_belong_to_the_first() {
    let section = fixtures::bundled(&[("video", "sendonly", VP8)]);
    let offer = read(&(section + "a=ssrc-group:FID 1 9\r\na=ssrc-group:FID 2 9\r\na=ssrc-group:FID 3 3\r\n"));
    let sources: Vec<_> =
        offer.media[0].sources.iter().map(|source| (source.ssrc, source.rtx_ssrc)).collect();
    assert_eq!(sources, [(1, Some(9)), (2, None)]);
}
