//! Offers for the tests. Chromium's (156), Firefox's (ESR) and aiortc's were made by the real ones; Safari's is
//! written after the shape of its offers (H.264 before VP8, host names in place of addresses).

use crate::codec::Codec;
use crate::fmtp::Fmtp;
use crate::name::{Msid, Name};
use crate::negotiate::TrackOffer;

pub(crate) const CHROME_PUBLISH: &str = include_str!("fixtures/chrome_publish.sdp");
pub(crate) const CHROME_SUBSCRIBE: &str = include_str!("fixtures/chrome_subscribe.sdp");
pub(crate) const CHROME_SIMULCAST: &str = include_str!("fixtures/chrome_simulcast.sdp");
pub(crate) const FIREFOX_PUBLISH: &str = include_str!("fixtures/firefox_publish.sdp");
pub(crate) const FIREFOX_SUBSCRIBE: &str = include_str!("fixtures/firefox_subscribe.sdp");
pub(crate) const FIREFOX_SIMULCAST: &str = include_str!("fixtures/firefox_simulcast.sdp");
pub(crate) const SAFARI_PUBLISH: &str = include_str!("fixtures/safari_publish.sdp");
pub(crate) const SAFARI_SUBSCRIBE: &str = include_str!("fixtures/safari_subscribe.sdp");
pub(crate) const SAFARI_SIMULCAST: &str = include_str!("fixtures/safari_simulcast.sdp");
pub(crate) const AIORTC_PUBLISH: &str = include_str!("fixtures/aiortc_publish.sdp");
pub(crate) const AIORTC_SUBSCRIBE: &str = include_str!("fixtures/aiortc_subscribe.sdp");

pub(crate) const PUBLISHERS: [&str; 7] = [
    CHROME_PUBLISH,
    CHROME_SIMULCAST,
    FIREFOX_PUBLISH,
    FIREFOX_SIMULCAST,
    SAFARI_PUBLISH,
    SAFARI_SIMULCAST,
    AIORTC_PUBLISH,
];
pub(crate) const SUBSCRIBERS: [&str; 4] =
    [CHROME_SUBSCRIBE, FIREFOX_SUBSCRIBE, SAFARI_SUBSCRIBE, AIORTC_SUBSCRIBE];

/// The offer with one text in place of another, which must be there.
pub(crate) fn with(offer: &str, from: &str, to: &str) -> String {
    assert!(offer.contains(from), "the fixture has no {from:?}");
    offer.replace(from, to)
}

/// An offer of m-lines of which only the named facts matter: `(media, direction, codec)`, all bundled.
pub(crate) fn bundled(lines: &[(&str, &str, &str)]) -> String {
    let mids: String = (0..lines.len()).map(|index| format!(" {index}")).collect();
    let mut offer = format!("{}a=group:BUNDLE{mids}\r\n", session());
    for (index, line) in lines.iter().enumerate() {
        offer.push_str(&section(index, line));
    }
    offer
}

/// The same, but not bundled.
pub(crate) fn unbundled(lines: &[(&str, &str, &str)]) -> String {
    let sections: String = lines.iter().enumerate().map(|(index, line)| section(index, line)).collect();
    format!("{}{sections}", session())
}

fn session() -> String {
    let digest = ["AB"; 32].join(":");
    format!("v=0\r\na=fingerprint:sha-256 {digest}\r\na=setup:actpass\r\n")
}

fn section(index: usize, (media, direction, codec): &(&str, &str, &str)) -> String {
    let number = 100 + index;
    format!(
        "m={media} 9 UDP/TLS/RTP/SAVPF {number}\r\na=mid:{index}\r\na={direction}\r\na=ice-ufrag:user{index}\r\n\
         a=ice-pwd:a-password-of-22-characters\r\na=rtcp-mux\r\na=rtpmap:{number} {codec}\r\n"
    )
}

pub(crate) const OPUS: &str = "opus/48000/2";
pub(crate) const VP8: &str = "VP8/90000";

/// A stream of stereo sound and picture.
pub(crate) fn stereo_stream() -> Vec<TrackOffer> {
    vec![
        track(Codec::Opus, 1001, "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),
        track(Codec::Vp8, 2001, ""),
    ]
}

pub(crate) fn track(codec: Codec, ssrc: u32, fmtp: &str) -> TrackOffer {
    TrackOffer {
        codec,
        fmtp: Fmtp::from(fmtp),
        ssrc,
        rtx_ssrc: (codec == Codec::Vp8).then_some(ssrc + 1),
        cname: Name::cleaned("anna"),
        msid: Msid { stream: Name::cleaned("anna"), track: Some(Name::cleaned(&format!("track{ssrc}"))) },
    }
}
