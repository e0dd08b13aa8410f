//! What a peer offers: audio and video in one transport.

use sdp::Extension;

/// Ids of header extensions, the same in all offers.
pub(crate) mod id {
    pub(crate) const MID: u8 = 1;
    pub(crate) const ABS_SEND_TIME: u8 = 2;
    pub(crate) const TRANSPORT_CC: u8 = 3;
    pub(crate) const RID: u8 = 4;
    pub(crate) const REPAIRED_RID: u8 = 5;
    pub(crate) const DEPENDENCY_DESCRIPTOR: u8 = 6;
    pub(crate) const AUDIO_LEVEL: u8 = 7;
}

/// The simulcast layers, the lowest first.
pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];

/// What the video is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// VP8, alone.
    Plain,
    /// VP8 in three layers with SSRCs of their own.
    Simulcast,
    /// VP9, with layers in its payload descriptor.
    Vp9,
    /// AV1, with layers in its dependency descriptor.
    Av1,
}

impl Form {
    fn codec(self) -> &'static str {
        match self {
            Self::Plain | Self::Simulcast => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
        }
    }
}

/// An offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered {
    /// Sends, or receives.
    pub(crate) sends: bool,
    /// Retransmissions are a stream of their own.
    pub(crate) rtx: bool,
    pub(crate) form: Form,
    /// How often ICE has begun anew.
    pub(crate) generation: u8,
}

impl Offered {
    pub(crate) const PUBLISHER: Self = Self { sends: true, rtx: true, form: Form::Plain, generation: 0 };
    pub(crate) const SUBSCRIBER: Self = Self { sends: false, ..Self::PUBLISHER };

    /// What the peer calls itself.
    pub(crate) fn ufrag(generation: u8) -> String {
        format!("them{generation}")
    }

    /// The text, with the fingerprint of a certificate.
    pub(crate) fn text(self, fingerprint: &str) -> String {
        let (audio, video) = (self.audio(fingerprint), self.video(fingerprint));
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n{audio}{video}"
        )
    }

    fn section(self, kind: &str, mid: u8, fingerprint: &str, extensions: &[(u8, Extension)]) -> String {
        let direction = if self.sends { "sendonly" } else { "recvonly" };
        let (ufrag, generation) = (Self::ufrag(self.generation), self.generation);
        let extensions: String =
            extensions.iter().map(|(id, one)| format!("a=extmap:{id} {}\r\n", one.uri())).collect();
        format!(
            "m={kind}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:their-own-password-of-33-letters{generation}\r\na=setup:active\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\n{extensions}"
        )
    }

    fn audio(self, fingerprint: &str) -> String {
        let extensions = [
            (id::MID, Extension::Mid),
            (id::ABS_SEND_TIME, Extension::AbsSendTime),
            (id::TRANSPORT_CC, Extension::TransportCc),
            (id::AUDIO_LEVEL, Extension::AudioLevel),
        ];
        let section = self.section("audio 9 UDP/TLS/RTP/SAVPF 111", 0, fingerprint, &extensions);
        format!("{section}a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n")
    }

    fn video(self, fingerprint: &str) -> String {
        let mut extensions = vec![
            (id::MID, Extension::Mid),
            (id::ABS_SEND_TIME, Extension::AbsSendTime),
            (id::TRANSPORT_CC, Extension::TransportCc),
        ];
        if self.form == Form::Simulcast && self.sends {
            extensions.extend([(id::RID, Extension::Rid), (id::REPAIRED_RID, Extension::RepairedRid)]);
        }
        if matches!(self.form, Form::Simulcast | Form::Av1) {
            extensions.push((id::DEPENDENCY_DESCRIPTOR, Extension::DependencyDescriptor));
        }
        let (rtx_type, rtx) =
            if self.rtx { (" 97", "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n") } else { ("", "") };
        let kind = format!("video 9 UDP/TLS/RTP/SAVPF 96{rtx_type}");
        let (section, codec) = (self.section(&kind, 1, fingerprint, &extensions), self.form.codec());
        let layers = match self.form {
            Form::Simulcast if self.sends => {
                "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"
            }
            _ => "",
        };
        format!(
            "{section}a=rtpmap:96 {codec}/90000\r\n{rtx}a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
             a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n{layers}"
        )
    }
}
