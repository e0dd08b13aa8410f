//! Why an offer cannot be used. Every error is the offering peer's to mend; none repeats more than 64 bytes of it.

use std::fmt;

/// Why an offer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More bytes than are read.
    #[error("the SDP has {bytes} bytes, expected at most {limit}")]
    TooLong {
        /// The size of the text.
        bytes: usize,
        /// How many are read.
        limit: usize,
    },
    /// More of something than is read.
    #[error("line {line}: expected at most {limit} {what}")]
    TooMany {
        /// Number of the line, from 1.
        line: usize,
        /// What there is too much of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// A line that is not what it should be.
    #[error("line {line}: expected {expected}, found \"{found}\"")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// What should have been there.
        expected: &'static str,
        /// What was there.
        found: Excerpt,
    },
    /// Something that an offer must have.
    #[error("the SDP has no {0}")]
    Missing(&'static str),
    /// Two m-lines of one name.
    #[error("line {line}: mid \"{mid}\" names two m-lines")]
    DuplicateMid {
        /// Number of the line, from 1.
        line: usize,
        /// The name.
        mid: Excerpt,
    },
    /// One payload type that stands for two codecs within an m-line.
    #[error("line {line}: payload type {payload_type} is \"{first}\" and \"{second}\" in one m-line")]
    PayloadTypeClash {
        /// Number of the line of the second codec, from 1.
        line: usize,
        /// The payload type.
        payload_type: u8,
        /// The first codec.
        first: Excerpt,
        /// The second codec.
        second: Excerpt,
    },
    /// A number that means two things in m-lines that share a transport.
    #[error(
        "{what} {number} means different things in m-line {first} and m-line {second} of one BUNDLE group"
    )]
    BundleClash {
        /// What kind of number it is.
        what: &'static str,
        /// The number.
        number: u32,
        /// Index of the first m-line, from 0.
        first: usize,
        /// Index of the second m-line, from 0.
        second: usize,
    },
    /// Something that this server does not do.
    #[error("{0}")]
    Unsupported(&'static str),
    /// No m-line that can be used.
    #[error("expected {expected}{}", because(.lines))]
    Unusable {
        /// What would have been usable.
        expected: &'static str,
        /// Index of each m-line, and why it is not.
        lines: Vec<(usize, Rejection)>,
    },
    /// An offer for an ICE restart that begins nothing anew, or more than ICE.
    #[error("the offer is no ICE restart: expected {0}")]
    NoRestart(&'static str),
    /// An offer for an ICE restart that changes an m-line.
    #[error("m-line {index}: an ICE restart keeps what was agreed on, found another {what}")]
    Changed {
        /// Index of the m-line, from 0.
        index: usize,
        /// What is not the same.
        what: &'static str,
    },
    /// A subscriber that cannot decode what the stream sends.
    #[error("the offer shares no codec with the stream, which sends {codecs}")]
    NoSharedCodec {
        /// The codecs of the stream.
        codecs: String,
    },
}

/// Why an m-line is rejected, that is answered with port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The offer itself has port 0.
    #[error("port 0 offered")]
    Disabled,
    /// Neither audio nor video.
    #[error("neither audio nor video")]
    Kind,
    /// Not RTP over DTLS-SRTP.
    #[error("its protocol is not UDP/TLS/RTP/SAVPF")]
    Protocol,
    /// RTCP on a port of its own.
    #[error("no a=rtcp-mux")]
    NoRtcpMux,
    /// None of its codecs can be used.
    #[error("no shared codec")]
    NoSharedCodec,
    /// On another transport than the m-line that was accepted first.
    #[error("not in the BUNDLE group of the first accepted m-line")]
    OtherTransport,
    /// Its direction leaves nothing to do.
    #[error("its direction is of no use here")]
    Direction,
    /// A subscriber's m-line that no track is left for.
    #[error("no track for it")]
    NoTrack,
}

/// How many m-lines an error explains; the first ones are those that people mean.
const EXPLAINED_LINES: usize = 4;

fn because(lines: &[(usize, Rejection)]) -> String {
    if lines.is_empty() {
        return ", found no m-line".to_owned();
    }
    let reasons: Vec<String> =
        lines.iter().take(EXPLAINED_LINES).map(|(index, why)| format!("m-line {index}: {why}")).collect();
    format!(" ({})", reasons.join("; "))
}

/// The beginning of a stranger's text, short and printable enough for an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(String);

/// Two excerpts of this size are still within the 64 bytes that an error may repeat.
const EXCERPT_BYTES: usize = 32;

impl Excerpt {
    pub(crate) fn of(text: &str) -> Self {
        let mut kept = String::new();
        for character in text.chars() {
            let shown = if character.is_control() { ' ' } else { character };
            if kept.len() + shown.len_utf8() > EXCERPT_BYTES {
                break;
            }
            kept.push(shown);
        }
        Self(kept)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_cut_between_characters_and_hides_control_characters() {
        assert_eq!(Excerpt::of("a\u{7}b").to_string(), "a b");
        let long = "é".repeat(100);
        assert_eq!(Excerpt::of(&long).to_string().len(), EXCERPT_BYTES);
    }

    #[test]
    fn an_unusable_offer_is_explained_line_by_line() {
        let lines = vec![(0, Rejection::Kind), (1, Rejection::NoSharedCodec)];
        let error = SdpError::Unusable { expected: "an audio or video m-line", lines };
        assert_eq!(
            error.to_string(),
            "expected an audio or video m-line (m-line 0: neither audio nor video; m-line 1: no shared codec)"
        );
    }
}
