//! Which layers a publisher sends.

use super::publish;
use crate::fixtures::{self, with};
use crate::name::RtpStreamId;
use crate::negotiate::{self, Capabilities};
use crate::offer::Offer;
use crate::session::ReceiveTrack;

/// The layers of the second m-line, `~` in front of those that are paused.
fn layers(text: &str) -> Vec<String> {
    named(publish(text).unwrap().receiving().nth(1).unwrap())
}

fn named(track: &ReceiveTrack) -> Vec<String> {
    let name = |paused, rid: &RtpStreamId| format!("{}{rid}", if paused { "~" } else { "" });
    track.layers.iter().map(|layer| name(layer.paused, &layer.rid)).collect()
}

#[test]
fn every_browsers_layers_are_agreed_on() {
    for (text, names) in [
        (fixtures::CHROME_SIMULCAST, ["q", "h", "f"]),
        (fixtures::FIREFOX_SIMULCAST, ["q", "h", "f"]),
        (fixtures::SAFARI_SIMULCAST, ["low", "mid", "high"]),
    ] {
        assert_eq!(layers(text), names);
    }
    for text in [fixtures::CHROME_PUBLISH, fixtures::FIREFOX_PUBLISH, fixtures::SAFARI_PUBLISH] {
        assert!(publish(text).unwrap().receiving().all(|track| track.layers.is_empty()));
    }
}

#[test]
fn layers_keep_the_order_of_the_simulcast_and_what_is_paused() {
    let offer = |value: &str| with(fixtures::CHROME_SIMULCAST, "send q;h;f", value);
    assert_eq!(layers(&offer("send f;~q;h")), ["f", "~q", "h"]);
    assert_eq!(layers(&offer("send h,f;~q,f")), ["h", "~q"]);
    assert_eq!(layers(&offer("send f")), ["f"]);
    assert!(layers(&offer("recv q;h;f")).is_empty());
}

#[test]
fn without_the_extension_that_names_them_there_are_no_layers() {
    let uri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    let session = publish(&with(fixtures::CHROME_SIMULCAST, uri, "urn:something-else")).unwrap();
    let video = session.receiving().nth(1).unwrap();
    assert_eq!((video.line.payload_type, video.layers.len()), (96, 0));
    let other_way = with(fixtures::FIREFOX_SIMULCAST, "a=extmap:9/sendonly", "a=extmap:9/recvonly");
    assert!(layers(&other_way).is_empty());
}

#[test]
fn a_layer_that_cannot_be_is_left_out() {
    let offer = |rid: &str| with(fixtures::CHROME_SIMULCAST, "a=rid:h send", rid);
    assert_eq!(layers(&offer("a=x")), ["q", "f"]);
    assert_eq!(layers(&offer("a=rid:h recv")), ["q", "f"]);
    assert_eq!(layers(&offer("a=rid:h send pt=102,98")), ["q", "f"]);
    assert_eq!(layers(&offer("a=rid:h send max-width=640;pt=98,96")), ["q", "h", "f"]);
    assert_eq!(layers(&with(fixtures::CHROME_SIMULCAST, "send q;h;f", "send q;h;q;h")), ["q", "h"]);
}

#[test]
fn layers_beyond_the_fourth_are_left_out() {
    let rids: String = (0..6).map(|index| format!("a=rid:l{index} send\r\n")).collect();
    let text =
        with(fixtures::CHROME_SIMULCAST, "a=simulcast:send q;h;f", "a=simulcast:send l5;l4;l3;l2;l1;l0");
    let text = with(&text, "a=rid:q send\r\n", &rids);
    assert_eq!(layers(&text), ["l5", "l4", "l3", "l2"]);
}

#[test]
fn every_codec_of_a_picture_may_have_layers_and_sound_has_none() {
    let plain = with(fixtures::CHROME_SIMULCAST, "VP8/90000", "VP8X/90000");
    assert_eq!(layers(&plain), ["q", "h", "f"]);
    for codec in ["H264", "AV1", "VP9"] {
        let mut text = plain.clone();
        for other in ["H264", "AV1", "VP9"].into_iter().filter(|other| *other != codec) {
            text = with(&text, &format!("{other}/90000"), "x/90000");
        }
        let session = publish(&text).unwrap();
        let video = session.receiving().nth(1).unwrap();
        assert_eq!((video.line.codec.name(), video.layers.len()), (codec, 3));
    }
    let sound = with(
        fixtures::CHROME_SIMULCAST,
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:s send\r\na=simulcast:send s\r\n",
    );
    let session = publish(&sound).unwrap();
    let audio = session.receiving().next().unwrap();
    assert_eq!((audio.line.extensions.rid, audio.layers.len()), (Some(10), 0));
}

#[test]
fn a_server_without_simulcast_takes_one_picture() {
    let offer = Offer::parse(fixtures::CHROME_SIMULCAST).unwrap();
    let plain = Capabilities { simulcast: false, ..Capabilities::default() };
    assert!(negotiate::publish(&offer, &plain).unwrap().receiving().all(|track| track.layers.is_empty()));
}
