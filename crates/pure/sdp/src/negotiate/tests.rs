//! What is agreed on with whom.

mod extensions;
mod feedback;
mod simulcast;
mod sound;

use crate::codec::{Codec, Kind};
use crate::error::{Rejection, SdpError};
use crate::fixtures::{self, OPUS, VP8, bundled, stereo_stream, track, unbundled, with};
use crate::name::Mid;
use crate::negotiate::{self, Capabilities};
use crate::offer::Offer;
use crate::session::{Line, Section, Session};
use crate::transport::Setup;

fn publish(text: &str) -> Result<Session, SdpError> {
    negotiate::publish(&Offer::parse(text).unwrap(), &Capabilities::default())
}

fn subscribe(text: &str, tracks: &[negotiate::TrackOffer]) -> Result<Session, SdpError> {
    negotiate::subscribe(&Offer::parse(text).unwrap(), tracks, &Capabilities::default())
}

fn numbers(line: &Line) -> (usize, &str, Codec, u8, Option<u8>) {
    (line.index, line.mid.as_ref().unwrap().as_str(), line.codec, line.payload_type, line.rtx_payload_type)
}

/// One letter per m-line: receive, send, idle, or why it is rejected.
fn outcome(session: &Session) -> Vec<Result<char, Rejection>> {
    session
        .sections
        .iter()
        .map(|section| match section {
            Section::Receive(_) => Ok('r'),
            Section::Send(_) => Ok('s'),
            Section::Idle(_) => Ok('i'),
            Section::Rejected(line) => Err(line.why),
        })
        .collect()
}

#[test]
fn every_browsers_microphone_and_camera_are_received_in_its_own_numbers() {
    for (text, opus, vp8, rtx) in [
        (fixtures::CHROME_PUBLISH, 111, 96, 97),
        (fixtures::CHROME_SIMULCAST, 111, 96, 97),
        (fixtures::FIREFOX_PUBLISH, 109, 120, 124),
        (fixtures::SAFARI_PUBLISH, 111, 102, 103),
        (fixtures::SAFARI_SIMULCAST, 111, 102, 103),
        (fixtures::AIORTC_PUBLISH, 96, 97, 98),
    ] {
        let session = publish(text).unwrap();
        let tracks: Vec<_> = session.receiving().map(|track| numbers(&track.line)).collect();
        assert_eq!(tracks, [(0, "0", Codec::Opus, opus, None), (1, "1", Codec::Vp8, vp8, Some(rtx))]);
        assert_eq!(session.remote.setup, Setup::ActPass);
        assert!(session.remote.fingerprints.iter().any(|fingerprint| fingerprint.digest().len() == 32));
    }
}

#[test]
fn a_publishers_sources_are_handed_on_or_left_to_the_mid() {
    let session = publish(fixtures::CHROME_PUBLISH).unwrap();
    let video = session.receiving().nth(1).unwrap();
    assert_eq!((video.sources[0].ssrc, video.sources[0].rtx_ssrc), (2_556_075_754, Some(964_925_956)));
    assert_eq!(video.msid.as_ref().unwrap().stream.as_str(), "6e481452-f285-47f6-8a4f-07acd39e0833");

    let session = publish(fixtures::CHROME_SIMULCAST).unwrap();
    let video = session.receiving().nth(1).unwrap();
    assert!(video.sources.is_empty());
    assert_eq!(video.line.extensions.mid, Some(4));
}

#[test]
fn what_cannot_be_received_is_rejected_and_the_rest_goes_on() {
    let text = bundled(&[
        ("application", "sendrecv", "x/1"),
        ("video", "sendonly", "H265/90000"),
        ("video", "sendrecv", VP8),
        ("audio", "sendonly", OPUS),
        ("audio", "recvonly", OPUS),
        ("video", "inactive", VP8),
        ("text", "sendonly", "t140/1000"),
    ]);
    let session = publish(&text).unwrap();
    let (kind, codec) = (Err(Rejection::Kind), Err(Rejection::NoSharedCodec));
    assert_eq!(outcome(&session), [kind, codec, Ok('r'), Ok('r'), Ok('i'), Ok('i'), kind]);
    let mids: Vec<_> = session.bundle.as_ref().unwrap().iter().map(Mid::as_str).collect();
    assert_eq!(mids, ["2", "3", "4", "5"]);
    // The head of the group is rejected: the first accepted m-line has the transport.
    assert_eq!(session.remote.ice.ufrag, "user2");
}

#[test]
fn a_disabled_m_line_stays_disabled_but_a_bundle_only_one_is_in_use() {
    let text =
        with(&bundled(&[("audio", "sendonly", OPUS), ("video", "sendonly", VP8)]), "m=video 9", "m=video 0");
    assert_eq!(outcome(&publish(&text).unwrap()), [Ok('r'), Err(Rejection::Disabled)]);
    let bundle_only = with(&text, "a=mid:1", "a=bundle-only\r\na=mid:1");
    let bare = with(&bundle_only, "a=ice-ufrag:user1\r\na=ice-pwd:a-password-of-22-characters\r\n", "");
    assert_eq!(outcome(&publish(&bare).unwrap()), [Ok('r'), Ok('r')]);
    let not_bundled = with(&bundle_only, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
    assert_eq!(outcome(&publish(&not_bundled).unwrap()), [Ok('r'), Err(Rejection::Disabled)]);
}

#[test]
fn a_bundle_only_m_line_has_the_transport_of_a_rejected_head() {
    let text = bundled(&[("video", "sendonly", "H265/90000"), ("video", "sendonly", VP8)]);
    let text = with(&text, "a=mid:1\r\n", "a=mid:1\r\na=bundle-only\r\n");
    let text = with(&text, "a=ice-ufrag:user1\r\na=ice-pwd:a-password-of-22-characters\r\n", "");
    let session =
        publish(&with(&text, "m=video 9 UDP/TLS/RTP/SAVPF 101", "m=video 0 UDP/TLS/RTP/SAVPF 101")).unwrap();
    assert_eq!(outcome(&session), [Err(Rejection::NoSharedCodec), Ok('r')]);
    assert_eq!(session.remote.ice.ufrag, "user0");
}

#[test]
fn without_a_bundle_only_one_m_line_is_accepted() {
    let session = publish(&unbundled(&[("audio", "sendonly", OPUS)])).unwrap();
    assert_eq!((outcome(&session), session.bundle), (vec![Ok('r')], None));
    let three =
        [("video", "sendonly", "H265/90000"), ("video", "sendonly", VP8), ("audio", "sendonly", OPUS)];
    let session = publish(&unbundled(&three)).unwrap();
    let expected = [Err(Rejection::NoSharedCodec), Ok('r'), Err(Rejection::OtherTransport)];
    assert_eq!(outcome(&session), expected);
    assert_eq!(session.remote.ice.ufrag, "user1");
    let session =
        subscribe(&unbundled(&[("video", "recvonly", VP8), ("audio", "recvonly", OPUS)]), &stereo_stream());
    assert_eq!(outcome(&session.unwrap()), [Ok('s'), Err(Rejection::OtherTransport)]);
}

#[test]
fn an_m_line_with_rtcp_on_a_port_of_its_own_is_rejected() {
    let text = with(fixtures::CHROME_PUBLISH, "a=rtcp-mux\r\n", "");
    let error = publish(&text).unwrap_err().to_string();
    assert!(error.ends_with("(m-line 0: no a=rtcp-mux; m-line 1: no a=rtcp-mux)"), "{error}");
}

#[test]
fn what_the_transport_cannot_do_is_said() {
    let offer = fixtures::CHROME_PUBLISH;
    for (text, expected) in [
        (with(offer, "a=setup:actpass", "a=setup:passive"), "a=setup:passive is offered"),
        (with(offer, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"), "the offer is ICE-lite"),
        (with(offer, "a=fingerprint:sha-256", "a=fingerprint:sha-1"), "the SDP has no a=fingerprint"),
        (with(offer, "a=ice-pwd:", "a=x:"), "the SDP has no a=ice-pwd"),
        (with(offer, "a=ice-ufrag:", "a=x:"), "the SDP has no a=ice-ufrag"),
    ] {
        let error = publish(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let active = with(offer, "a=setup:actpass", "a=setup:active");
    assert_eq!(publish(&active).unwrap().remote.setup, Setup::Active);
}

#[test]
fn numbers_that_mean_two_things_in_one_bundle_are_named() {
    let two = bundled(&[("audio", "sendonly", OPUS), ("video", "sendonly", VP8)]);
    let payload_type = two.replace("101", "100");
    let ssrc = with(&two, "a=mid:", "a=ssrc:77 cname:x\r\na=mid:");
    let mid = "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    let extension = with(&two, "a=mid:0", &format!("{mid}a=mid:0"));
    let extension =
        with(&extension, "a=mid:1", "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=mid:1");
    for (text, what) in
        [(payload_type, "payload type 100"), (ssrc, "SSRC 77"), (extension, "header extension id 3")]
    {
        let expected = format!("{what} means different things in m-line 0 and m-line 1 of one BUNDLE group");
        assert_eq!(publish(&text).unwrap_err().to_string(), expected);
    }
    let same = bundled(&[("video", "sendonly", VP8), ("video", "sendonly", VP8)]).replace("101", "100");
    assert_eq!(outcome(&publish(&same).unwrap()), [Ok('r'), Ok('r')]);
}

#[test]
fn every_browser_is_sent_sound_and_picture_in_its_own_numbers() {
    for (text, opus, vp8, rtx) in [
        (fixtures::CHROME_SUBSCRIBE, 111, 96, 97),
        (fixtures::FIREFOX_SUBSCRIBE, 109, 120, 124),
        (fixtures::SAFARI_SUBSCRIBE, 111, 102, 103),
        (fixtures::AIORTC_SUBSCRIBE, 96, 97, 98),
    ] {
        let session = subscribe(text, &stereo_stream()).unwrap();
        let tracks: Vec<_> = session.sending().map(|sent| (sent.track, numbers(&sent.line))).collect();
        assert_eq!(
            tracks,
            [(0, (0, "0", Codec::Opus, opus, None)), (1, (1, "1", Codec::Vp8, vp8, Some(rtx)))]
        );
    }
}

#[test]
fn tracks_go_in_order_on_the_first_free_m_line_of_their_kind() {
    let tracks = [track(Codec::Vp8, 10, ""), track(Codec::Opus, 20, ""), track(Codec::Vp8, 30, "")];
    let text = bundled(&[
        ("audio", "sendonly", OPUS),
        ("video", "inactive", VP8),
        ("video", "recvonly", "H265/90000"),
        ("video", "sendrecv", VP8),
        ("audio", "recvonly", OPUS),
        ("audio", "recvonly", OPUS),
        ("video", "recvonly", VP8),
        ("application", "sendrecv", "x/1"),
    ]);
    let session = subscribe(&text, &tracks).unwrap();
    let codec = Err(Rejection::NoSharedCodec);
    let expected = [Ok('i'), Ok('i'), codec, Ok('s'), Ok('s'), Ok('i'), Ok('s'), Err(Rejection::Kind)];
    assert_eq!(outcome(&session), expected);
    let assigned: Vec<_> = session.sending().map(|sent| (sent.line.index, sent.track)).collect();
    assert_eq!(assigned, [(3, 0), (4, 1), (6, 2)]);
}

#[test]
fn a_subscriber_takes_what_it_has_room_for() {
    let session = subscribe(&bundled(&[("audio", "recvonly", OPUS)]), &stereo_stream()).unwrap();
    assert_eq!(outcome(&session), [Ok('s')]);
    let session = subscribe(fixtures::CHROME_SUBSCRIBE, &[track(Codec::Opus, 1, "")]).unwrap();
    assert_eq!(outcome(&session), [Ok('s'), Ok('i')]);
}

#[test]
fn a_subscriber_without_a_codec_of_the_stream_is_told_so() {
    let text = bundled(&[("audio", "recvonly", "PCMU/8000"), ("video", "recvonly", "H265/90000")]);
    assert_eq!(
        subscribe(&text, &stereo_stream()).unwrap_err().to_string(),
        "the offer shares no codec with the stream, which sends Opus and VP8"
    );
}

#[test]
fn a_subscriber_that_cannot_receive_is_told_why() {
    let error = subscribe(fixtures::CHROME_PUBLISH, &stereo_stream()).unwrap_err();
    let direction = Rejection::Direction;
    let expected = "an m-line that receives what the stream sends";
    assert_eq!(error, SdpError::Unusable { expected, lines: vec![(0, direction), (1, direction)] });
    let error = publish(fixtures::CHROME_SUBSCRIBE).unwrap_err();
    assert!(matches!(error, SdpError::Unusable { lines, .. } if lines == [(0, direction), (1, direction)]));
    let sound_only = subscribe(&bundled(&[("video", "recvonly", VP8)]), &[track(Codec::Opus, 1, "")]);
    assert!(
        matches!(sound_only, Err(SdpError::Unusable { lines, .. }) if lines == [(0, Rejection::NoTrack)])
    );
}

#[test]
fn only_what_the_server_is_willing_to_is_agreed_on() {
    let sound = Capabilities { codecs: vec![Codec::Opus], ..Capabilities::default() };
    let offer = Offer::parse(fixtures::CHROME_PUBLISH).unwrap();
    let session = negotiate::publish(&offer, &sound).unwrap();
    assert_eq!(outcome(&session), [Ok('r'), Err(Rejection::NoSharedCodec)]);
    let plain = Capabilities { rtx: false, ..Capabilities::default() };
    let session = negotiate::publish(&offer, &plain).unwrap();
    assert!(session.receiving().all(|track| track.line.rtx_payload_type.is_none()));
    let without_rtx = negotiate::TrackOffer { rtx_ssrc: None, ..track(Codec::Vp8, 1, "") };
    let session = subscribe(fixtures::CHROME_SUBSCRIBE, &[without_rtx]).unwrap();
    let sent = session.sending().next().unwrap();
    assert_eq!((sent.line.kind, sent.line.rtx_payload_type), (Kind::Video, None));
}

/// Chromium's offer, whose VP8 the server does not know.
fn without_vp8(text: &str) -> String {
    with(text, "VP8/90000", "VP8X/90000")
}

#[test]
fn vp8_comes_before_all_others_and_without_it_the_first_counts() {
    let video = |text: &str| {
        let session = publish(text).unwrap();
        let line = session.receiving().nth(1).unwrap().line.clone();
        (line.codec, line.fmtp.to_string())
    };
    let safari = fixtures::SAFARI_PUBLISH;
    assert!(safari.find("H264/90000") < safari.find("VP8/90000"), "it is offered first");
    assert_eq!(video(safari).0, Codec::Vp8);
    let h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f";
    assert_eq!(video(&without_vp8(fixtures::CHROME_PUBLISH)), (Codec::H264, h264.to_owned()));
}

#[test]
fn a_subscriber_gets_the_very_format_that_is_sent() {
    let taken = |codec, fmtp: &str| {
        let session = subscribe(fixtures::CHROME_SUBSCRIBE, &[track(codec, 1, fmtp)]);
        session.map(|session| session.sending().next().unwrap().line.fmtp.to_string())
    };
    for profile in ["42001f", "42e01f", "4d001f"] {
        for mode in [0, 1] {
            let fmtp =
                format!("level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}");
            assert_eq!(taken(Codec::H264, &fmtp), Ok(fmtp));
        }
    }
    assert_eq!(taken(Codec::Vp9, "profile-id=2"), Ok("profile-id=2".to_owned()));
    assert_eq!(taken(Codec::Vp9, ""), Ok("profile-id=0".to_owned()));
    let error = taken(Codec::H264, "packetization-mode=1;profile-level-id=6e0033").unwrap_err();
    assert_eq!(error.to_string(), "the offer shares no codec with the stream, which sends H264");
}
