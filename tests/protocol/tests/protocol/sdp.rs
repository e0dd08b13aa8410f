//! The answers' SDP: what was offered and no more, m-line by m-line.

use peer::media::{Codecs, TrackKind};
use peer::{Peer, PublisherConfig, SubscriberConfig};
use serde_json::json;

use crate::fixture::{Place, announce, code_of, minfo, publisher, publisher_of, subscriber, subscriber_of};

const STEREO: &str = "stereo=1;sprop-stereo=1;useinbandfec=1;minptime=10";

/// The lines of each m-section.
fn sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

fn has(section: &[&str], start: &str) -> bool {
    section.iter().any(|line| line.starts_with(start))
}

async fn publish(peer: &Peer, rid: &str, sdp: &str) -> String {
    let data = json!({"rid": rid, "jsep": {"type": "offer", "sdp": sdp}, "minfo": minfo()});
    let answer = peer.request("publish", data).await.expect("a stream");
    answer["jsep"]["sdp"].as_str().expect("an SDP").to_owned()
}

/// An offer with these parameters for Opus.
fn with_fmtp(offer: &str, parameters: &str) -> String {
    let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
    let opus = lines.iter().position(|line| line.contains("opus/48000")).expect("an offer with Opus");
    let pt =
        lines[opus].trim_start_matches("a=rtpmap:").split(' ').next().expect("a payload type").to_owned();
    lines.retain(|line| !line.starts_with(&format!("a=fmtp:{pt} ")));
    let opus = lines.iter().position(|line| line.contains("opus/48000")).expect("still there");
    lines.insert(opus + 1, format!("a=fmtp:{pt} {parameters}"));
    lines.join("\r\n") + "\r\n"
}

#[tokio::test]
async fn stereo_is_kept_where_it_is_offered() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let answer = publish(&ada, place.rid(), &with_fmtp(publisher().offer(), STEREO)).await;
    let fmtp = fmtp_of_opus(&answer);
    for parameter in STEREO.split(';') {
        assert!(fmtp.split([';', ' ']).any(|part| part == parameter), "{parameter} in {fmtp}");
    }
    let answer = publish(&ada, place.rid(), &with_fmtp(publisher().offer(), "minptime=10")).await;
    assert!(!answer.contains("stereo"), "nobody offered stereo:\n{answer}");
}

#[tokio::test]
async fn the_other_parameters_of_opus_are_kept_too() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let parameters = "minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=128000";
    let answer = publish(&ada, place.rid(), &with_fmtp(publisher().offer(), parameters)).await;
    let fmtp = fmtp_of_opus(&answer);
    for parameter in parameters.split(';') {
        assert!(fmtp.split([';', ' ']).any(|part| part == parameter), "{parameter} in {fmtp}");
    }
}

#[tokio::test]
async fn a_subscriber_that_offers_stereo_is_answered_stereo() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let data = json!({
        "rid": place.rid(),
        "jsep": {"type": "offer", "sdp": with_fmtp(publisher().offer(), STEREO)},
        "minfo": minfo(),
    });
    let mid = ada.request("publish", data).await.expect("a stream")["mid"].clone();
    let offer = with_fmtp(subscriber().offer(), STEREO);
    let data = json!({"rid": place.rid(), "mid": mid, "jsep": {"type": "offer", "sdp": offer}});
    let answer = bob.request("subscribe", data).await.expect("a subscription");
    let fmtp = fmtp_of_opus(answer["jsep"]["sdp"].as_str().expect("an SDP"));
    assert!(fmtp.contains("stereo=1") && fmtp.contains("sprop-stereo=1"), "{fmtp}");
}

fn fmtp_of_opus(sdp: &str) -> String {
    let rtpmap =
        sdp.lines().find(|line| line.contains("opus/48000/2")).unwrap_or_else(|| panic!("no Opus:\n{sdp}"));
    let pt = rtpmap.trim_start_matches("a=rtpmap:").split(' ').next().expect("a payload type");
    let start = format!("a=fmtp:{pt} ");
    let fmtp = sdp.lines().find_map(|line| line.strip_prefix(&start));
    fmtp.unwrap_or_else(|| panic!("no fmtp for Opus:\n{sdp}")).to_owned()
}

#[tokio::test]
async fn the_m_lines_of_an_answer_are_those_of_the_offer_in_its_order() {
    use TrackKind::{Audio, Video};
    let place = Place::new();
    let ada = place.member("ada").await;
    for tracks in
        [vec![Audio, Video], vec![Video, Audio], vec![Video], vec![Audio], vec![Audio, Video, Audio, Video]]
    {
        let config = PublisherConfig { tracks, ..PublisherConfig::default() };
        let publisher = publisher_of(&config);
        let answer = publish(&ada, place.rid(), publisher.offer()).await;
        let (offered, answered) = (sections(publisher.offer()), sections(&answer));
        assert_eq!(answered.len(), offered.len(), "{answer}");
        for (offered, answered) in offered.iter().zip(&answered) {
            let kind = |section: &[&str]| section[0].split(' ').next().map(str::to_owned);
            let mid = |section: &[&str]| {
                section.iter().find(|line| line.starts_with("a=mid:")).map(|mid| (*mid).to_owned())
            };
            assert_eq!(kind(answered), kind(offered), "{answer}");
            assert_eq!(mid(answered), mid(offered), "{answer}");
            assert!(has(answered, "a=recvonly"), "{answer}");
            assert!(!has(answered, "a=sendonly"), "{answer}");
        }
    }
}

#[tokio::test]
async fn an_answer_has_what_a_browser_needs() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let answer = publish(&ada, place.rid(), publisher().offer()).await;
    for line in
        ["v=0", "a=group:BUNDLE ", "a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 "]
    {
        assert!(answer.lines().any(|found| found.starts_with(line)), "{line} in\n{answer}");
    }
    for line in ["a=setup:passive", "a=rtcp-mux", "a=candidate:", "a=end-of-candidates"] {
        assert!(answer.lines().any(|found| found.starts_with(line)), "{line} in\n{answer}");
    }
    let candidate = answer.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
    assert!(candidate.contains(" typ host") && candidate.to_lowercase().contains(" udp "), "{candidate}");
    let video = &sections(&answer)[1];
    for feedback in ["nack", "nack pli", "ccm fir", "transport-cc"] {
        let is_it = |line: &&&str| line.starts_with("a=rtcp-fb:") && line.ends_with(&format!(" {feedback}"));
        assert!(video.iter().any(|line| is_it(&line)), "{feedback} in\n{answer}");
    }
    assert!(video.iter().any(|line| line.contains("VP8/90000")), "{answer}");
    assert!(video.iter().any(|line| line.contains("rtx/90000")), "{answer}");
}

#[tokio::test]
async fn nothing_is_answered_that_was_not_offered() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let offer = publisher().offer().to_owned();
    let plain: Vec<_> = offer.lines().filter(|line| !line.starts_with("a=rtcp-fb:")).collect();
    let plain: Vec<_> = plain.into_iter().filter(|line| !line.starts_with("a=extmap:")).collect();
    let answer = publish(&ada, place.rid(), &(plain.join("\r\n") + "\r\n")).await;
    assert!(!answer.contains("a=rtcp-fb:"), "{answer}");
    assert!(!answer.contains("a=extmap:"), "{answer}");

    let answer = publish(&ada, place.rid(), &offer).await;
    for line in answer.lines().filter(|line| line.starts_with("a=extmap:")) {
        let (id, uri) = line.trim_start_matches("a=extmap:").split_once(' ').expect("an id and a URI");
        let id = id.split('/').next().expect("an id");
        let offered = offer.lines().any(|line| {
            line.strip_prefix("a=extmap:")
                .is_some_and(|rest| rest.split([' ', '/']).next() == Some(id) && rest.contains(uri))
        });
        assert!(offered, "{line} was not offered:\n{offer}");
    }
}

#[tokio::test]
async fn an_m_line_without_a_shared_codec_is_rejected_with_port_0() {
    let place = Place::new();
    let ada = place.member("ada").await;
    // An offer whose video is something that nobody forwards.
    let offer = publisher().offer().replace("VP8/90000", "XYZ/90000");
    let answer = publish(&ada, place.rid(), &offer).await;
    let sections = sections(&answer);
    assert!(sections[0][0].starts_with("m=audio ") && !sections[0][0].starts_with("m=audio 0 "), "{answer}");
    assert!(sections[1][0].starts_with("m=video 0 "), "{answer}");
    let bundle = answer.lines().find(|line| line.starts_with("a=group:BUNDLE")).expect("a bundle");
    assert_eq!(bundle.split(' ').count(), 2, "only what was accepted is bundled: {bundle}");
}

#[tokio::test]
async fn a_rejected_m_line_of_the_offer_stays_rejected() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let offer = publisher().offer().to_owned();
    let port = offer
        .lines()
        .find(|line| line.starts_with("m=video "))
        .expect("video")
        .split(' ')
        .nth(1)
        .expect("a port");
    let offer = offer.replace(&format!("m=video {port} "), "m=video 0 ");
    let bundle = offer.lines().find(|line| line.starts_with("a=group:BUNDLE")).expect("a bundle");
    let shorter = bundle.rsplit_once(' ').expect("two mids").0;
    let answer = publish(&ada, place.rid(), &offer.replace(bundle, shorter)).await;
    assert!(sections(&answer)[1][0].starts_with("m=video 0 "), "{answer}");
}

#[tokio::test]
async fn an_offer_without_a_known_codec_is_6() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let config = PublisherConfig { codecs: Codecs::Foreign, ..PublisherConfig::default() };
    let sdp = publisher_of(&config).offer().replace("H264/90000", "H265/90000");
    let data = json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": sdp}, "minfo": minfo()});
    assert_eq!(code_of(&ada, "publish", data).await, 6);
}

#[tokio::test]
async fn a_subscriber_that_shares_no_codec_gets_6_and_the_reason() {
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let mid = announce(&ada, place.rid()).await;
    let config = SubscriberConfig { codecs: Codecs::Foreign, ..SubscriberConfig::default() };
    let sdp = subscriber_of(&config).offer().to_owned();
    let data = json!({"rid": place.rid(), "mid": mid, "jsep": {"type": "offer", "sdp": sdp}});
    let refusal = bob.request("subscribe", data).await.expect_err("nothing can be sent");
    assert_eq!(refusal.code, 6);
    assert!(refusal.reason.to_lowercase().contains("codec"), "{refusal}");
}

#[tokio::test]
async fn m_lines_of_a_subscriber_that_the_stream_does_not_fill_are_not_used() {
    use TrackKind::{Audio, Video};
    let place = Place::new();
    let (ada, bob) = (place.member("ada").await, place.member("bob").await);
    let config = PublisherConfig { tracks: vec![Audio], ..PublisherConfig::default() };
    let sdp = publisher_of(&config).offer().to_owned();
    let data = json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": sdp}, "minfo": minfo()});
    let mid = ada.request("publish", data).await.expect("a stream")["mid"].clone();
    let config = SubscriberConfig { tracks: vec![Video, Audio, Audio], ..SubscriberConfig::default() };
    let offer = subscriber_of(&config).offer().to_owned();
    let data = json!({"rid": place.rid(), "mid": mid, "jsep": {"type": "offer", "sdp": offer}});
    let answer = bob.request("subscribe", data).await.expect("a subscription");
    let answer = answer["jsep"]["sdp"].as_str().expect("an SDP");
    let sections = sections(answer);
    assert_eq!(sections.len(), 3, "{answer}");
    let used = |section: &Vec<&str>| has(section, "a=sendonly") && !section[0].contains(" 0 UDP");
    assert_eq!(sections.iter().map(used).collect::<Vec<_>>(), [false, true, false], "{answer}");
}

#[tokio::test]
async fn a_hostile_sdp_is_refused_and_costs_nothing() {
    let place = Place::new();
    let ada = place.member("ada").await;
    let offer = publisher().offer().to_owned();
    let video = offer.find("m=video").expect("video");
    let many_m_lines = format!("{}{}", &offer[..video], offer[video..].repeat(100));
    let hostile = [
        many_m_lines,
        format!("{offer}a=x:{}\r\n", "y".repeat(100_000)),
        offer.replace("a=ice-ufrag:", "a=no-ufrag:"),
        offer.replace("a=fingerprint:", "a=no-fingerprint:"),
        offer.replace("sha-256", "md5"),
        offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        "m=audio\r\n".repeat(1_000),
        "\r\n".repeat(10_000),
        offer.replace("a=rtpmap:", "a=rtpmap:99999999999999999999"),
    ];
    for sdp in hostile {
        let data = json!({"rid": place.rid(), "jsep": {"type": "offer", "sdp": sdp}, "minfo": minfo()});
        let code = code_of(&ada, "publish", data).await;
        assert!(matches!(code, 5 | 6 | 17), "error {code} for {sdp:.300}");
    }
    assert_eq!(ada.request("getpubs", json!({"rid": place.rid()})).await, Ok(json!({"pubs": []})));
}
