//! One m-line of the answer and its attributes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::answer::{Local, Text};
use crate::candidate::HostCandidate;
use crate::session::{Line, RejectedLine, Section, SendTrack};
use crate::simulcast::Layer;

pub(super) fn write(text: &mut Text, section: &Section, local: &Local<'_>, is_head: bool) {
    match section {
        Section::Rejected(line) => rejected(text, line),
        Section::Idle(line) => accepted(text, line, "inactive", local, is_head),
        Section::Receive(track) => {
            accepted(text, &track.line, "recvonly", local, is_head);
            layers(text, &track.layers);
        }
        Section::Send(track) => {
            accepted(text, &track.line, "sendonly", local, is_head);
            sources(text, track);
        }
    }
    if section.line().is_some() && is_head {
        candidates(text, local);
    }
}

/// RFC 3264, section 6: the m-line stays in its place, with port 0. Its formats mean nothing, but there must be
/// one; they stay as offered.
fn rejected(text: &mut Text, line: &RejectedLine) {
    text.line(format_args!("m={} 0 {} {}", line.media, line.protocol, line.formats.join(" ")));
    text.line(format_args!("c=IN IP4 0.0.0.0"));
    if let Some(mid) = &line.mid {
        text.line(format_args!("a=mid:{mid}"));
    }
    text.line(format_args!("a=inactive"));
}

fn accepted(text: &mut Text, line: &Line, direction: &str, local: &Local<'_>, is_head: bool) {
    let at = destination(local, is_head);
    text.line(format_args!("m={} {} {}{}", line.kind, at.port(), line.protocol, formats(line)));
    let version = if at.is_ipv4() { "IP4" } else { "IP6" };
    text.line(format_args!("c=IN {version} {}", at.ip()));
    if let Some(mid) = &line.mid {
        text.line(format_args!("a=mid:{mid}"));
    }
    text.line(format_args!("a={direction}"));
    text.line(format_args!("a=ice-ufrag:{}", local.ice_ufrag));
    text.line(format_args!("a=ice-pwd:{}", local.ice_pwd));
    text.line(format_args!("a=fingerprint:{}", local.fingerprint));
    text.line(format_args!("a=setup:passive"));
    text.line(format_args!("a=rtcp-mux"));
    if line.rtcp_rsize {
        text.line(format_args!("a=rtcp-rsize"));
    }
    // In each m-line, wherever it was offered: there it counts for all that the answer accepts (RFC 8285, section 6).
    if line.two_byte_extensions {
        text.line(format_args!("a=extmap-allow-mixed"));
    }
    for (extension, id) in line.extensions.iter() {
        text.line(format_args!("a=extmap:{id} {}", extension.uri()));
    }
    payload_types(text, line);
}

/// The payload types, a space before each. What comes first is what a browser sends: RED if the offerer put it there.
fn formats(line: &Line) -> String {
    let mut media = [Some(line.payload_type), line.red_payload_type];
    if line.red.as_ref().is_some_and(|red| red.preferred) {
        media.reverse();
    }
    media.into_iter().chain([line.rtx_payload_type]).flatten().map(|number| format!(" {number}")).collect()
}

/// The default destination (RFC 8839, section 4.2.1.2): the preferred candidate of the m-line's protocol, which is UDP.
fn destination(local: &Local<'_>, is_head: bool) -> SocketAddr {
    // RFC 8840, section 4.1.1: nowhere in particular.
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);
    local
        .candidates
        .iter()
        .find(|candidate| is_head && !candidate.is_tcp())
        .map_or(nowhere, HostCandidate::addr)
}

fn payload_types(text: &mut Text, line: &Line) {
    let number = line.payload_type;
    let (name, clock_rate) = (line.codec.name(), line.codec.clock_rate());
    let channels = line.codec.channels().map(|channels| format!("/{channels}")).unwrap_or_default();
    text.line(format_args!("a=rtpmap:{number} {name}/{clock_rate}{channels}"));
    for value in line.feedback.values() {
        text.line(format_args!("a=rtcp-fb:{number} {value}"));
    }
    if !line.fmtp.is_empty() {
        text.line(format_args!("a=fmtp:{number} {}", line.fmtp));
    }
    if let Some((number, red)) = line.red_payload_type.zip(line.red.as_ref()) {
        text.line(format_args!("a=rtpmap:{number} red/{clock_rate}{channels}"));
        text.line(format_args!("a=fmtp:{number} {}", red.fmtp));
    }
    if let Some(rtx) = line.rtx_payload_type {
        text.line(format_args!("a=rtpmap:{rtx} rtx/{clock_rate}"));
        text.line(format_args!("a=fmtp:{rtx} apt={number}"));
    }
}

/// Chromium sends a layer only if both lines name it. It takes `~` for what the application has to wait for, and the lack
/// of it for leave to begin: what was offered paused goes back paused.
fn layers(text: &mut Text, layers: &[Layer]) {
    if layers.is_empty() {
        return;
    }
    for layer in layers {
        text.line(format_args!("a=rid:{} recv", layer.rid));
    }
    let name = |layer: &Layer| format!("{}{}", if layer.paused { "~" } else { "" }, layer.rid);
    let names: Vec<String> = layers.iter().map(name).collect();
    text.line(format_args!("a=simulcast:recv {}", names.join(";")));
}

fn sources(text: &mut Text, track: &SendTrack) {
    let offered = &track.offered;
    let rtx_ssrc = offered.rtx_ssrc.filter(|_| track.line.rtx_payload_type.is_some());
    text.line(format_args!("a=msid:{}", offered.msid));
    if let Some(rtx) = rtx_ssrc {
        text.line(format_args!("a=ssrc-group:FID {} {rtx}", offered.ssrc));
    }
    for ssrc in [Some(offered.ssrc), rtx_ssrc].into_iter().flatten() {
        text.line(format_args!("a=ssrc:{ssrc} cname:{}", offered.cname));
        text.line(format_args!("a=ssrc:{ssrc} msid:{}", offered.msid));
    }
}

fn candidates(text: &mut Text, local: &Local<'_>) {
    for (position, candidate) in local.candidates.iter().enumerate() {
        text.line(format_args!("a=candidate:{}", candidate.value(position)));
    }
    text.line(format_args!("a=end-of-candidates"));
}
