//! The outcome of a negotiation: what happens on each m-line, in the peer's numbering.

use crate::codec::{Codec, Kind};
use crate::error::Rejection;
use crate::extension::ExtensionIds;
use crate::feedback::Feedback;
use crate::fmtp::Fmtp;
use crate::name::{Mid, Msid};
use crate::negotiate::TrackOffer;
use crate::offer::Source;
use crate::simulcast::Layer;
use crate::transport::Remote;

/// The outcome of a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The peer's transport; one for the whole session.
    pub remote: Remote,
    /// One entry per m-line of the offer, in its order.
    pub sections: Vec<Section>,
    /// The mids of the answer's BUNDLE group; `None` where the accepted m-line was not offered in one.
    pub bundle: Option<Vec<Mid>>,
}

/// What happens on one m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// The server receives (answered `recvonly`).
    Receive(ReceiveTrack),
    /// The server sends (answered `sendonly`).
    Send(SendTrack),
    /// Agreed on, but nothing flows (answered `inactive`).
    Idle(Line),
    /// Not used (answered with port 0).
    Rejected(RejectedLine),
}

/// What is agreed on for one m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Position in the offer, from 0.
    pub index: usize,
    /// Name of the m-line; all m-lines of a BUNDLE have one.
    pub mid: Option<Mid>,
    /// Audio or video.
    pub kind: Kind,
    /// The codec; [`Codec::clock_rate`] has its clock.
    pub codec: Codec,
    /// The payload type of the codec.
    pub payload_type: u8,
    /// The payload type of its retransmissions (RFC 4588), where agreed.
    pub rtx_payload_type: Option<u8>,
    /// The payload type of redundant sound (RED, RFC 2198), where agreed: each block is of `payload_type`. Whoever sends
    /// may use either, packet by packet.
    pub red_payload_type: Option<u8>,
    /// Parameters of the codec, as answered.
    pub fmtp: Fmtp,
    /// Agreed feedback. Whoever receives the media sends it.
    pub feedback: Feedback,
    /// Agreed header extensions.
    pub extensions: ExtensionIds,
    /// A packet may have extension elements with two-byte headers, of up to 255 bytes (RFC 8285, section 6). Without, all
    /// elements have one-byte headers and at most 16 bytes.
    pub two_byte_extensions: bool,
    /// RTCP packets may be smaller than a full compound (RFC 5506).
    pub rtcp_rsize: bool,
    pub(crate) protocol: String,
    /// There where `red_payload_type` is.
    pub(crate) red: Option<Red>,
}

/// How RED is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Red {
    /// As offered: how many blocks there are.
    pub(crate) fmtp: Fmtp,
    /// The offerer prefers it to the bare codec.
    pub(crate) preferred: bool,
}

/// A track that the peer sends and the server receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveTrack {
    /// What is agreed on.
    pub line: Line,
    /// The sources that the offer declares, in its order; several with simulcast by SSRC. Empty where a browser
    /// leaves them out: bind by the mid extension, or by the payload type where only one m-line has it.
    pub sources: Vec<Source>,
    /// The application's names of stream and track.
    pub msid: Option<Msid>,
    /// The agreed simulcast layers, in the order of the offer; at most [`MAX_LAYERS`](crate::limits::MAX_LAYERS). With
    /// them `line.extensions.rid` is there, which tells whose a packet is. Empty: no simulcast.
    pub layers: Vec<Layer>,
}

/// A track that the server sends and the peer receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTrack {
    /// What is agreed on.
    pub line: Line,
    /// Index of the track in what [`negotiate::subscribe`](crate::negotiate::subscribe) was given.
    pub track: usize,
    /// The track itself. Its `rtx_ssrc` is used where `line.rtx_payload_type` is there.
    pub offered: TrackOffer,
}

/// An m-line that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// Position in the offer, from 0.
    pub index: usize,
    /// Name of the m-line.
    pub mid: Option<Mid>,
    /// Why it is not used.
    pub why: Rejection,
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) formats: Vec<String>,
}

impl Session {
    /// The tracks that the server receives, in the offer's order.
    pub fn receiving(&self) -> impl Iterator<Item = &ReceiveTrack> {
        self.sections.iter().filter_map(|section| match section {
            Section::Receive(track) => Some(track),
            _ => None,
        })
    }

    /// The tracks that the server sends, in the offer's order.
    pub fn sending(&self) -> impl Iterator<Item = &SendTrack> {
        self.sections.iter().filter_map(|section| match section {
            Section::Send(track) => Some(track),
            _ => None,
        })
    }
}

impl Section {
    /// What is agreed on, unless the m-line is rejected.
    pub fn line(&self) -> Option<&Line> {
        match self {
            Self::Receive(track) => Some(&track.line),
            Self::Send(track) => Some(&track.line),
            Self::Idle(line) => Some(line),
            Self::Rejected(_) => None,
        }
    }
}
