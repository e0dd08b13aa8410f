//! An offer as values, nothing decided yet.

mod attributes;
mod lines;
mod payloads;
mod read;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::codec::{Codec, Kind};
use crate::error::SdpError;
use crate::feedback::Feedback;
use crate::fmtp::Fmtp;
use crate::limits::Bounds;
use crate::name::{Mid, Msid, Name};
use crate::simulcast::{Layer, Rid};
use crate::transport::Transport;

/// A WebRTC offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The mids of each BUNDLE group (RFC 8843); usually one group with all m-lines.
    pub bundles: Vec<Vec<Mid>>,
    /// The peer is ICE-lite, as the server is.
    pub ice_lite: bool,
    /// The m-lines; at least one.
    pub media: Vec<MediaSection>,
}

impl Offer {
    /// Reads an offer. Lines may end in `\r\n` or `\n`; attributes that mean nothing here are skipped.
    ///
    /// # Errors
    /// Text that is no SDP, is ambiguous, or exceeds one of the [`limits`](crate::limits).
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        Self::parse_within(text, Bounds::default())
    }

    /// The same, with tighter bounds.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(text: &str, bounds: Bounds) -> Result<Self, SdpError> {
        read::offer(text, bounds)
    }
}

/// One m-line and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSection {
    /// Position in the offer, from 0.
    pub index: usize,
    /// Audio or video; `None` for any other media, such as `application`.
    pub kind: Option<Kind>,
    /// The media as written.
    pub media: String,
    /// The port; 0 is an m-line that is not in use, unless `bundle_only`.
    pub port: u16,
    /// The protocol as written.
    pub protocol: String,
    /// The formats as written: payload types where the protocol is RTP.
    pub formats: Vec<String>,
    /// `a=mid`.
    pub mid: Option<Mid>,
    /// Which way the media goes, seen from the offerer.
    pub direction: Direction,
    /// `a=bundle-only`: in use in spite of port 0, if the BUNDLE group is accepted.
    pub bundle_only: bool,
    /// `a=rtcp-mux`.
    pub rtcp_mux: bool,
    /// `a=rtcp-rsize`.
    pub rtcp_rsize: bool,
    /// ICE, DTLS and candidates.
    pub transport: Transport,
    /// The payload types, in the m-line's order of preference. Empty where the protocol is not RTP.
    pub payloads: Vec<PayloadType>,
    /// `a=extmap`, those of the session included.
    pub extensions: Vec<ExtMap>,
    /// `a=extmap-allow-mixed`, of the m-line or of the session: a packet may have two-byte extension elements.
    pub extmap_allow_mixed: bool,
    /// `a=msid`.
    pub msid: Option<Msid>,
    /// The media sources, each with its retransmissions.
    pub sources: Vec<Source>,
    /// `a=rid`, each id once.
    pub rids: Vec<Rid>,
    /// `a=simulcast`: the layers that the offerer would send, in its order. Of alternatives the first.
    pub simulcast: Option<Vec<Layer>>,
}

/// Which way media goes, seen from the offerer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The offerer sends.
    SendOnly,
    /// The offerer receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The offerer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The offerer receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// A payload type and all that is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadType {
    /// 0 to 127.
    pub number: u8,
    /// `a=rtpmap`; a static payload type may have none.
    pub map: Option<RtpMap>,
    /// `a=fmtp`.
    pub fmtp: Fmtp,
    /// `a=rtcp-fb`, those for all payload types (`*`) included.
    pub feedback: Feedback,
}

impl PayloadType {
    /// The codec, if it is one that the server forwards.
    pub fn codec(&self) -> Option<Codec> {
        let map = self.map.as_ref()?;
        Codec::ALL.into_iter().find(|codec| {
            map.name.eq_ignore_ascii_case(codec.name())
                && map.clock_rate == codec.clock_rate()
                && map.channels == codec.channels().unwrap_or(1)
        })
    }

    /// The payload type that this one retransmits, if that is what it does (RFC 4588).
    pub fn retransmits(&self) -> Option<u8> {
        let map = self.map.as_ref()?;
        if !map.name.eq_ignore_ascii_case("rtx") {
            return None;
        }
        self.fmtp.value("apt")?.parse().ok()
    }

    /// The payload type of all blocks, if this one sends them redundantly (RED, RFC 2198) and they have the same.
    pub fn repeats(&self) -> Option<u8> {
        if !self.map.as_ref()?.name.eq_ignore_ascii_case("red") {
            return None;
        }
        let mut blocks = self.fmtp.nameless()?.split('/').map(str::parse::<u8>);
        let first = blocks.next()?.ok()?;
        blocks.all(|block| block == Ok(first)).then_some(first)
    }
}

/// The value of `a=rtpmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpMap {
    /// Name of the encoding as written.
    pub name: String,
    /// Ticks of the RTP timestamp per second.
    pub clock_rate: u32,
    /// Channels; 1 where nothing is said.
    pub channels: u32,
}

/// The value of `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtMap {
    /// 1 to 65535; 1 to 14 fit a one-byte header.
    pub id: u16,
    /// Which way it is offered; `None` where nothing is said: the m-line's.
    pub direction: Option<Direction>,
    /// Which extension it is.
    pub uri: Arc<str>,
}

/// A media source that the offer declares (`a=ssrc`, `a=ssrc-group`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The SSRC of the media.
    pub ssrc: u32,
    /// The SSRC of its retransmissions (`a=ssrc-group:FID`).
    pub rtx_ssrc: Option<u32>,
    /// `cname`.
    pub cname: Option<Name>,
    /// `msid` of the source; newer offers say it once per m-line.
    pub msid: Option<Msid>,
}
