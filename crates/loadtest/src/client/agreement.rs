//! What both sides agree on, read from the peer's SDP.

use super::ClientError;
use sdp::{Codec, IceCredentials, Kind, MediaSection, Offer, PayloadType, Setup, Transport};
use std::net::{IpAddr, SocketAddr};

/// The ids of the header extensions that are used; 0: not agreed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExtensionIds {
    pub(super) mid: u8,
    pub(super) abs_send_time: u8,
    pub(super) transport_cc: u8,
}

impl ExtensionIds {
    fn of(section: &MediaSection) -> Self {
        let id = |uri: &str| {
            let found = section.extensions.iter().find(|map| &*map.uri == uri);
            // One-byte elements alone are written.
            found.and_then(|map| u8::try_from(map.id).ok()).filter(|id| *id <= 14).unwrap_or(0)
        };
        Self {
            mid: id(rtp::extension::uri::MID),
            abs_send_time: id(rtp::extension::uri::ABS_SEND_TIME),
            transport_cc: id(rtp::extension::uri::TRANSPORT_CC),
        }
    }
}

/// One m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) kind: Kind,
    pub(super) mid: String,
    pub(super) payload_type: u8,
    pub(super) rtx_payload_type: Option<u8>,
    pub(super) nack: bool,
    /// Whoever receives tells when each packet arrived, by the number in this extension.
    pub(super) counted: Option<u8>,
    pub(super) ids: ExtensionIds,
    /// The peer sends on it, under this SSRC and the one of its retransmissions.
    pub(super) source: Option<(u32, Option<u32>)>,
    /// The peer receives on it.
    pub(super) receives: bool,
}

/// The peer's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) ice: IceCredentials,
    pub(super) fingerprints: Vec<sdp::Fingerprint>,
    pub(super) setup: Setup,
    pub(super) candidates: Vec<SocketAddr>,
    /// One entry per m-line; `None` where nothing is agreed on.
    pub(super) lines: Vec<Option<Agreed>>,
}

impl Remote {
    /// Reads an offer or an answer.
    pub(super) fn parse(text: &str) -> Result<Self, ClientError> {
        let read = Offer::parse(text).map_err(ClientError::sdp)?;
        let mut transports = read.media.iter().map(|section| &section.transport);
        let has_ice = |transport: &&Transport| transport.ice_ufrag.is_some() && transport.ice_pwd.is_some();
        let transport = transports.find(has_ice).ok_or_else(|| ClientError::sdp("no ICE credentials"))?;
        let ice = transport.ice_ufrag.clone().zip(transport.ice_pwd.clone());
        let (ufrag, pwd) = ice.ok_or_else(|| ClientError::sdp("no ICE credentials"))?;
        if transport.fingerprints.is_empty() {
            return Err(ClientError::sdp("no fingerprint of a known hash function"));
        }
        let candidates = read.media.iter().flat_map(|section| &section.transport.candidates);
        let mut candidates: Vec<_> = candidates.filter_map(|line| candidate(line)).collect();
        candidates.sort_by_key(|&(priority, _)| std::cmp::Reverse(priority));
        let mut candidates: Vec<_> = candidates.into_iter().map(|(_, address)| address).collect();
        candidates.dedup();
        Ok(Self {
            ice: IceCredentials { ufrag, pwd },
            fingerprints: transport.fingerprints.clone(),
            setup: transport.setup.unwrap_or(Setup::ActPass),
            candidates,
            lines: read.media.iter().map(agreed).collect(),
        })
    }
}

/// What an m-line says, if it is in use and has one of the two codecs.
fn agreed(section: &MediaSection) -> Option<Agreed> {
    let kind = section.kind.filter(|_| section.port != 0 || section.bundle_only)?;
    let codec = if kind == Kind::Audio { Codec::Opus } else { Codec::Vp8 };
    let payload = section.payloads.iter().find(|payload| payload.codec() == Some(codec))?;
    let repairs = |other: &&PayloadType| other.retransmits() == Some(payload.number);
    let source = section.sources.first().filter(|_| section.direction.sends());
    let ids = ExtensionIds::of(section);
    Some(Agreed {
        kind,
        mid: section.mid.as_ref().map(|mid| mid.as_str().to_owned()).unwrap_or_default(),
        payload_type: payload.number,
        rtx_payload_type: section.payloads.iter().find(repairs).map(|rtx| rtx.number),
        nack: payload.feedback.nack,
        counted: Some(ids.transport_cc).filter(|id| *id != 0 && payload.feedback.transport_cc),
        ids,
        source: source.map(|source| (source.ssrc, source.rtx_ssrc)),
        receives: section.direction.receives(),
    })
}

/// Priority and address of a UDP candidate that is an address.
fn candidate(line: &str) -> Option<(u32, SocketAddr)> {
    let mut words = line.trim_start_matches("candidate:").split_ascii_whitespace().skip(1);
    let (component, protocol) = (words.next()?, words.next()?);
    let priority = words.next()?.parse().ok()?;
    let (ip, port): (IpAddr, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (component == "1" && protocol.eq_ignore_ascii_case("udp")).then_some((priority, (ip, port).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1\r\n\
        m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\na=sendonly\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:0123456789012345678901\r\na=setup:passive\r\na=rtcp-mux\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n\
        a=rtpmap:111 opus/48000/2\r\na=ssrc:7 cname:x\r\n\
        a=candidate:2 1 udp 100 ::1 40000 typ host\r\na=candidate:1 1 udp 200 192.0.2.1 40000 typ host\r\n\
        a=candidate:3 1 tcp 300 192.0.2.1 40000 typ host\r\na=candidate:4 1 udp 300 x.local 40000 typ host\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n";

    #[test]
    fn an_answer_says_where_to_and_what() {
        let remote = Remote::parse(ANSWER).unwrap();
        assert_eq!((remote.ice.ufrag.as_str(), remote.setup), ("abcd", Setup::Passive));
        let addresses: Vec<SocketAddr> =
            vec!["192.0.2.1:40000".parse().unwrap(), "[::1]:40000".parse().unwrap()];
        assert_eq!(remote.candidates, addresses, "by priority, UDP addresses alone");
        let audio = remote.lines[0].as_ref().unwrap();
        assert_eq!(
            (audio.payload_type, audio.source, audio.receives, audio.nack),
            (111, Some((7, None)), false, false)
        );
        assert_eq!(remote.lines[1], None, "refused");
    }

    #[test]
    fn arrivals_are_told_of_where_both_the_number_and_the_feedback_are_agreed_on() {
        let extension = format!("a=extmap:5 {}\r\n", rtp::extension::uri::TRANSPORT_CC);
        let feedback = "a=rtcp-fb:111 transport-cc\r\n";
        let told = |more: &str| {
            let answer = ANSWER.replace("a=ssrc:7 cname:x\r\n", &format!("{more}a=ssrc:7 cname:x\r\n"));
            Remote::parse(&answer).unwrap().lines[0].as_ref().unwrap().counted
        };
        assert_eq!([told(""), told(&extension), told(feedback)], [None; 3]);
        assert_eq!(told(&format!("{extension}{feedback}")), Some(5));
    }

    #[test]
    fn what_lacks_credentials_is_no_answer() {
        let text = ANSWER.replace("a=ice-pwd:0123456789012345678901\r\n", "");
        assert!(matches!(Remote::parse(&text), Err(ClientError::Sdp(_))));
    }
}
