//! Decides, m-line by m-line, what the server will receive or send. No text here: [`Offer`] in, [`Session`] out.

mod clashes;
mod layers;
mod line;
mod publish;
mod remote;
mod shared_transport;
mod subscribe;
#[cfg(test)]
mod tests;

use crate::codec::{Codec, Kind};
use crate::error::SdpError;
use crate::feedback::Feedback;
use crate::fmtp::Fmtp;
use crate::name::{Msid, Name};
use crate::offer::Offer;
use crate::session::Session;

/// What the server is willing to agree on. The default is all that it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Codecs; which one of several is used is the offerer's choice.
    pub codecs: Vec<Codec>,
    /// Retransmissions as a stream of their own (RFC 4588). Agreed on only together with NACK.
    pub rtx: bool,
    /// Redundant sound (RED, RFC 2198).
    pub red: bool,
    /// Several layers of one picture from a publisher (RFC 8853). Agreed on only together with the rid extension.
    pub simulcast: bool,
    /// Feedback for audio.
    pub audio_feedback: Feedback,
    /// Feedback for video.
    pub video_feedback: Feedback,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            codecs: Codec::ALL.to_vec(),
            rtx: true,
            red: true,
            simulcast: true,
            audio_feedback: Feedback::AUDIO,
            video_feedback: Feedback::VIDEO,
        }
    }
}

impl Capabilities {
    fn feedback(&self, kind: Kind) -> Feedback {
        match kind {
            Kind::Audio => self.audio_feedback,
            Kind::Video => self.video_feedback,
        }
    }
}

/// A track that the server would send to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackOffer {
    /// Its codec, and with it its kind.
    pub codec: Codec,
    /// The parameters that were agreed on with the publisher (`line.fmtp` of its track): they tell whether the
    /// sound is stereo.
    pub fmtp: Fmtp,
    /// The SSRC that the server sends with.
    pub ssrc: u32,
    /// The SSRC of retransmissions. `None`: RTX is not agreed on.
    pub rtx_ssrc: Option<u32>,
    /// The same for all tracks of a stream: a browser plays them in sync.
    pub cname: Name,
    /// What the browser calls stream and track.
    pub msid: Msid,
}

/// Negotiates what the server receives from a publisher: every audio and video m-line that the offerer sends on
/// with a codec of `capabilities`.
///
/// # Errors
/// Nothing to receive, or an offer that is ambiguous or wants what the server does not do.
pub fn publish(offer: &Offer, capabilities: &Capabilities) -> Result<Session, SdpError> {
    publish::negotiate(offer, capabilities)
}

/// Negotiates what the server sends to a subscriber: each of `tracks`, in order, goes on the first free m-line of
/// its kind that the offerer receives on with its codec. A track without such an m-line is not sent.
///
/// # Errors
/// None of the tracks can be sent ([`SdpError::NoSharedCodec`] where that is why), or an offer that is ambiguous or
/// wants what the server does not do.
pub fn subscribe(
    offer: &Offer,
    tracks: &[TrackOffer],
    capabilities: &Capabilities,
) -> Result<Session, SdpError> {
    subscribe::negotiate(offer, tracks, capabilities)
}
