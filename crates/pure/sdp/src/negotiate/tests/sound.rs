//! What is agreed on for Opus: parameters, retransmissions, redundancy.

use super::{publish, subscribe};
use crate::codec::Codec;
use crate::feedback::Feedback;
use crate::fixtures::{self, track, with};
use crate::negotiate::{self, Capabilities};
use crate::offer::Offer;
use crate::session::Line;

#[test]
fn opus_parameters_are_kept_as_offered() {
    let fmtp = |text: &str| publish(text).unwrap().receiving().next().unwrap().line.fmtp.to_string();
    assert_eq!(fmtp(fixtures::CHROME_PUBLISH), "minptime=10;sprop-stereo=1;stereo=1;useinbandfec=1");
    assert_eq!(fmtp(fixtures::FIREFOX_PUBLISH), "stereo=1;useinbandfec=1");
    assert_eq!(fmtp(fixtures::AIORTC_PUBLISH), "");
    let text = with(
        fixtures::CHROME_PUBLISH,
        "a=fmtp:111 minptime=10;",
        "a=fmtp:111 minptime=20;usedtx=1;cbr=1;maxaveragebitrate=128000;",
    );
    assert!(
        fmtp(&text).starts_with("minptime=20;usedtx=1;maxaveragebitrate=128000;sprop"),
        "{}",
        fmtp(&text)
    );
}

#[test]
fn stereo_is_answered_only_where_it_is_both_sent_and_asked_for() {
    let fmtp = |text: &str, stream: &str| {
        let session = subscribe(text, &[track(Codec::Opus, 1, stream)]).unwrap();
        session.sending().next().unwrap().line.fmtp.to_string()
    };
    let asks = with(fixtures::CHROME_SUBSCRIBE, "useinbandfec=1", "useinbandfec=1;stereo=1;sprop-stereo=1");
    let stereo = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1";
    assert_eq!(fmtp(&asks, stereo), stereo);
    assert_eq!(fmtp(&asks, "useinbandfec=1"), "minptime=10;useinbandfec=1");
    assert_eq!(fmtp(fixtures::CHROME_SUBSCRIBE, stereo), "minptime=10;useinbandfec=1");
}

/// What is agreed on for the sound of a publisher and of a subscriber.
fn both(publisher: &str, subscriber: &str) -> [Line; 2] {
    let received = publish(publisher).unwrap().receiving().next().unwrap().line.clone();
    let sent = subscribe(subscriber, &[track(Codec::Opus, 1, "")]).unwrap();
    [received, sent.sending().next().unwrap().line.clone()]
}

#[test]
fn lost_sound_is_asked_for_where_that_is_offered() {
    let offer = |text| with(text, "a=rtcp-fb:111 transport-cc\r\n", "a=rtcp-fb:111 nack\r\n");
    for line in both(&offer(fixtures::CHROME_PUBLISH), &offer(fixtures::CHROME_SUBSCRIBE)) {
        assert_eq!(line.feedback, Feedback { nack: true, ..Feedback::NONE });
    }
    for line in both(fixtures::CHROME_PUBLISH, fixtures::CHROME_SUBSCRIBE) {
        assert!(!line.feedback.nack);
    }
}

#[test]
fn redundant_sound_is_agreed_on_where_it_repeats_the_chosen_opus() {
    for line in both(fixtures::CHROME_PUBLISH, fixtures::CHROME_SUBSCRIBE) {
        assert_eq!((line.payload_type, line.red_payload_type), (111, Some(63)));
    }
    for line in both(fixtures::FIREFOX_PUBLISH, fixtures::FIREFOX_SUBSCRIBE) {
        assert_eq!(line.red_payload_type, None);
    }
    for (from, to) in [
        ("a=fmtp:63 111/111\r\n", "a=fmtp:63 111/0\r\n"),
        ("a=fmtp:63 111/111\r\n", "a=fmtp:63 9/9\r\n"),
        ("a=fmtp:63 111/111\r\n", "a=fmtp:63 111/111;x=1\r\n"),
        ("a=fmtp:63 111/111\r\n", "a=fmtp:63 /\r\n"),
        ("a=fmtp:63 111/111\r\n", ""),
        ("a=rtpmap:63 red/48000/2", "a=rtpmap:63 red/8000/2"),
        ("a=rtpmap:63 red/48000/2", "a=rtpmap:63 red/48000"),
        ("a=rtpmap:63 red/48000/2", "a=rtpmap:63 read/48000/2"),
    ] {
        let offer = |text| with(text, from, to);
        for line in both(&offer(fixtures::CHROME_PUBLISH), &offer(fixtures::CHROME_SUBSCRIBE)) {
            assert_eq!((line.payload_type, line.red_payload_type), (111, None), "{to}");
        }
    }
}

#[test]
fn redundancy_of_the_picture_is_not_agreed_on() {
    let text = with(
        fixtures::CHROME_PUBLISH,
        "a=rtpmap:118 red/90000\r\n",
        "a=rtpmap:118 red/90000\r\na=fmtp:118 96/96\r\n",
    );
    assert_eq!(publish(&text).unwrap().receiving().nth(1).unwrap().line.red_payload_type, None);
}

#[test]
fn a_server_without_redundancy_takes_the_bare_sound() {
    let offer = Offer::parse(fixtures::CHROME_PUBLISH).unwrap();
    let plain = Capabilities { red: false, ..Capabilities::default() };
    let session = negotiate::publish(&offer, &plain).unwrap();
    assert!(session.receiving().all(|track| track.line.red_payload_type.is_none()));
}
