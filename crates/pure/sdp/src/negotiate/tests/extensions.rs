//! Which header extensions are agreed on, and in which form.

use super::{publish, subscribe};
use crate::codec::Codec;
use crate::fixtures::{self, track, with};

#[test]
fn an_extension_for_one_way_is_used_that_way_only() {
    let text = fixtures::FIREFOX_SIMULCAST;
    let publisher = publish(text).unwrap();
    assert_eq!(publisher.receiving().nth(1).unwrap().line.extensions.rid, Some(9));
    let subscriber = subscribe(text, &[track(Codec::Vp8, 1, "")]).unwrap();
    let line = &subscriber.sending().next().unwrap().line;
    assert_eq!((line.index, line.extensions.rid, line.extensions.mid), (2, None, Some(3)));
}

#[test]
fn an_id_that_needs_a_two_byte_header_is_not_agreed_on() {
    let text = with(fixtures::CHROME_PUBLISH, "a=extmap:4 ", "a=extmap:15 ");
    assert!(publish(&text).unwrap().receiving().all(|track| track.line.extensions.mid.is_none()));
}

#[test]
fn layers_of_retransmissions_are_named_too() {
    let video = |text: &str| publish(text).unwrap().receiving().nth(1).unwrap().line.extensions;
    assert_eq!(video(fixtures::CHROME_SIMULCAST).repaired_rid, Some(11));
    assert_eq!(video(fixtures::FIREFOX_SIMULCAST).repaired_rid, Some(10));
    assert_eq!(video(fixtures::AIORTC_PUBLISH).repaired_rid, None);
}

#[test]
fn mixed_elements_are_agreed_on_wherever_they_are_offered() {
    let mixed = |text: &str| -> Vec<bool> {
        publish(text).unwrap().receiving().map(|track| track.line.two_byte_extensions).collect()
    };
    assert_eq!(mixed(fixtures::CHROME_PUBLISH), [true, true], "for the session");
    let firefox = fixtures::FIREFOX_PUBLISH;
    assert_eq!(mixed(firefox), [true, true], "for each m-line");
    let (first, rest) = firefox.split_once("a=extmap-allow-mixed\r\n").unwrap();
    assert_eq!(mixed(&format!("{first}{rest}")), [false, true]);
    assert_eq!(mixed(fixtures::AIORTC_PUBLISH), [false, false]);
}

#[test]
fn dependency_descriptors_need_mixed_elements() {
    let descriptor = |text: &str| {
        let session = publish(text).unwrap();
        session.receiving().map(|track| track.line.extensions.dependency_descriptor).collect::<Vec<_>>()
    };
    assert_eq!(descriptor(fixtures::CHROME_SIMULCAST), [None, Some(12)]);
    let one_byte = with(fixtures::CHROME_SIMULCAST, "a=extmap-allow-mixed\r\n", "");
    assert_eq!(descriptor(&one_byte), [None, None]);
}

#[test]
fn a_subscriber_is_sent_dependency_descriptors_where_it_takes_them() {
    let descriptor = |text: &str| {
        let session = subscribe(text, &[track(Codec::Vp8, 1, "")]).unwrap();
        let line = &session.sending().next().unwrap().line;
        (line.extensions.dependency_descriptor, line.two_byte_extensions)
    };
    let offered = with(
        fixtures::CHROME_SUBSCRIBE,
        "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset",
        "a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    );
    assert_eq!(descriptor(&offered), (Some(12), true));
    assert_eq!(descriptor(fixtures::CHROME_SUBSCRIBE), (None, true));
    // Firefox would send it and not take it.
    assert_eq!(descriptor(fixtures::FIREFOX_SIMULCAST), (None, true));
}
