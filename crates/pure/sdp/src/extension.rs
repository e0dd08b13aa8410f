//! RTP header extensions (RFC 8285) that the server knows, and their ids in one peer's numbering.

/// An RTP header extension that the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Name of the m-line that a packet belongs to (RFC 8843).
    Mid,
    /// Name of the simulcast layer (RFC 8852).
    Rid,
    /// Send time in 6.18 fixed point seconds.
    AbsSendTime,
    /// Transport-wide sequence number.
    TransportCc,
    /// Level of the sound (RFC 6464).
    AudioLevel,
    /// Name of the simulcast layer that a retransmission repairs (RFC 8852).
    RepairedRid,
    /// Which frames a frame depends on, whatever the codec (the RTP Payload Format For AV1, appendix A). May have more
    /// than 16 bytes, so that it is agreed on only together with two-byte elements.
    DependencyDescriptor,
}

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 7] = [
        Self::Mid,
        Self::Rid,
        Self::AbsSendTime,
        Self::TransportCc,
        Self::AudioLevel,
        Self::RepairedRid,
        Self::DependencyDescriptor,
    ];

    /// The URI in `a=extmap`.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportCc => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    pub(crate) fn of_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.uri() == uri)
    }
}

/// The ids of the agreed extensions, each 1 to 14, in the peer's numbering. `None`: not agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtensionIds {
    /// Id of [`Extension::Mid`].
    pub mid: Option<u8>,
    /// Id of [`Extension::Rid`].
    pub rid: Option<u8>,
    /// Id of [`Extension::AbsSendTime`].
    pub abs_send_time: Option<u8>,
    /// Id of [`Extension::TransportCc`].
    pub transport_cc: Option<u8>,
    /// Id of [`Extension::AudioLevel`].
    pub audio_level: Option<u8>,
    /// Id of [`Extension::RepairedRid`].
    pub repaired_rid: Option<u8>,
    /// Id of [`Extension::DependencyDescriptor`].
    pub dependency_descriptor: Option<u8>,
}

impl ExtensionIds {
    /// The id of one extension.
    pub fn id(&self, extension: Extension) -> Option<u8> {
        match extension {
            Extension::Mid => self.mid,
            Extension::Rid => self.rid,
            Extension::AbsSendTime => self.abs_send_time,
            Extension::TransportCc => self.transport_cc,
            Extension::AudioLevel => self.audio_level,
            Extension::RepairedRid => self.repaired_rid,
            Extension::DependencyDescriptor => self.dependency_descriptor,
        }
    }

    /// The agreed extensions.
    pub fn iter(&self) -> impl Iterator<Item = (Extension, u8)> + '_ {
        Extension::ALL.into_iter().filter_map(|extension| Some((extension, self.id(extension)?)))
    }

    pub(crate) fn set(&mut self, extension: Extension, id: Option<u8>) {
        match extension {
            Extension::Mid => self.mid = id,
            Extension::Rid => self.rid = id,
            Extension::AbsSendTime => self.abs_send_time = id,
            Extension::TransportCc => self.transport_cc = id,
            Extension::AudioLevel => self.audio_level = id,
            Extension::RepairedRid => self.repaired_rid = id,
            Extension::DependencyDescriptor => self.dependency_descriptor = id,
        }
    }
}
