//! Offers and answers in text, with what a browser says about the two codecs.

use super::agreement::ExtensionIds;
use super::secrets::IceSecrets;
use sdp::{Extension, Kind};
use std::fmt::Write as _;

/// Payload types and extension ids of our own offers: Chrome's.
pub(super) const OPUS: u8 = 111;
pub(super) const VP8: u8 = 96;
pub(super) const VP8_RTX: u8 = 97;
pub(super) const IDS: ExtensionIds = ExtensionIds { mid: 4, abs_send_time: 2, transport_cc: 3 };

/// What all m-lines say alike.
#[derive(Debug)]
pub(super) struct Transport<'a> {
    pub(super) secrets: &'a IceSecrets,
    pub(super) fingerprint: &'a str,
    /// `actpass`, `active` or `passive`.
    pub(super) setup: &'static str,
    /// The canonical name of all sources, and of their stream.
    pub(super) cname: &'a str,
}

/// One m-line that is in use.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) kind: Kind,
    pub(super) mid: &'a str,
    /// Seen from here.
    pub(super) sends: bool,
    pub(super) payload_type: u8,
    pub(super) rtx_payload_type: Option<u8>,
    pub(super) ids: ExtensionIds,
    /// SSRC of the media and of its retransmissions, where it sends.
    pub(super) source: Option<(u32, Option<u32>)>,
}

/// Writes an offer or an answer; `None` is an m-line that is refused.
pub(super) fn write(transport: &Transport<'_>, lines: &[(Kind, Option<Line<'_>>)]) -> String {
    let mut text = String::with_capacity(2048);
    let mids: Vec<_> = lines.iter().filter_map(|(_, line)| line.as_ref()).map(|line| line.mid).collect();
    let _infallible = write!(
        text,
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=msid-semantic: WMS *\r\n",
        mids.join(" ")
    );
    for (kind, line) in lines {
        match line {
            Some(line) => used(&mut text, transport, line),
            None => {
                let _infallible =
                    write!(text, "m={kind} 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n");
            }
        }
    }
    text
}

fn used(text: &mut String, transport: &Transport<'_>, line: &Line<'_>) {
    let rtx = line.rtx_payload_type.map(|number| format!(" {number}")).unwrap_or_default();
    let _infallible = write!(
        text,
        "m={} 9 UDP/TLS/RTP/SAVPF {}{rtx}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\n\
         a=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:{}\r\na=mid:{}\r\n",
        line.kind,
        line.payload_type,
        transport.secrets.ufrag,
        transport.secrets.pwd,
        transport.fingerprint,
        transport.setup,
        line.mid
    );
    let ids = [
        (line.ids.abs_send_time, Extension::AbsSendTime),
        (line.ids.transport_cc, Extension::TransportCc),
        (line.ids.mid, Extension::Mid),
    ];
    for (id, extension) in ids.into_iter().filter(|(id, _)| *id != 0) {
        let _infallible = write!(text, "a=extmap:{id} {}\r\n", extension.uri());
    }
    text.push_str(if line.sends { "a=sendonly\r\n" } else { "a=recvonly\r\n" });
    text.push_str("a=rtcp-mux\r\na=rtcp-rsize\r\n");
    codec(text, line);
    sources(text, transport, line);
}

fn codec(text: &mut String, line: &Line<'_>) {
    let number = line.payload_type;
    let _infallible = match line.kind {
        Kind::Audio => write!(
            text,
            "a=rtpmap:{number} opus/48000/2\r\na=rtcp-fb:{number} transport-cc\r\n\
             a=fmtp:{number} minptime=10;useinbandfec=1\r\n"
        ),
        Kind::Video => write!(
            text,
            "a=rtpmap:{number} VP8/90000\r\na=rtcp-fb:{number} transport-cc\r\na=rtcp-fb:{number} ccm fir\r\n\
             a=rtcp-fb:{number} nack\r\na=rtcp-fb:{number} nack pli\r\n"
        ),
    };
    if let Some(rtx) = line.rtx_payload_type {
        let _infallible = write!(text, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={number}\r\n");
    }
}

fn sources(text: &mut String, transport: &Transport<'_>, line: &Line<'_>) {
    let Some((ssrc, rtx)) = line.source else { return };
    let cname = transport.cname;
    let track = line.mid;
    let _infallible = write!(text, "a=msid:{cname} {track}\r\n");
    if let Some(rtx) = rtx {
        let _infallible = write!(text, "a=ssrc-group:FID {ssrc} {rtx}\r\n");
    }
    for ssrc in [Some(ssrc), rtx].into_iter().flatten() {
        let _infallible =
            write!(text, "a=ssrc:{ssrc} cname:{cname}\r\na=ssrc:{ssrc} msid:{cname} {track}\r\n");
    }
}
