//! Words that go from one peer's SDP into another's: a mid, a rid, a cname, the parts of an msid. A word that exists
//! has no space, line end or other character that could change the meaning of a line.

use std::fmt;
use std::sync::Arc;

use crate::limits::{MAX_MID_BYTES, MAX_NAME_BYTES, MAX_RID_BYTES};

/// Name of an m-line (`a=mid`): 1 to 64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(Arc<str>);

impl Mid {
    /// `None`: empty, too long, or with a character that is not visible ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let valid =
            (1..=MAX_MID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a simulcast layer (`a=rid`, and the RtpStreamId of RFC 8852): 1 to 16 letters, digits, `-` and `_` (RFC 8851,
/// section 10).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RtpStreamId(Arc<str>);

impl RtpStreamId {
    /// `None`: empty, too long, or with another character.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let valid = (1..=MAX_RID_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.into()))
    }

    /// The name as text, as the packets carry it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RtpStreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A cname, or a part of an msid: 1 to 64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Makes a name of any text: other characters become `-`, the end is cut off, nothing becomes `-`.
    pub fn cleaned(text: &str) -> Self {
        let mut cleaned: String = text
            .chars()
            .take(MAX_NAME_BYTES)
            .map(|character| if character.is_ascii_graphic() { character } else { '-' })
            .collect();
        if cleaned.is_empty() {
            cleaned.push('-');
        }
        Self(cleaned.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which stream and track of the application an m-line carries (`a=msid`, RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Msid {
    /// Name of the `MediaStream`; `-` for none.
    pub stream: Name,
    /// Name of the `MediaStreamTrack`. Firefox and Safari leave it out of some offers.
    pub track: Option<Name>,
}

impl Msid {
    /// Reads the value of `a=msid`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        Some(Self { stream: Name::cleaned(words.next()?), track: words.next().map(Name::cleaned) })
    }
}

impl fmt::Display for Msid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.track {
            Some(track) => write!(f, "{} {track}", self.stream),
            None => write!(f, "{}", self.stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_a_new_line() {
        assert_eq!(Name::cleaned("a\r\na=b c").as_str(), "a--a=b-c");
        assert_eq!(Name::cleaned("").as_str(), "-");
        assert_eq!(Name::cleaned(&"é".repeat(200)).as_str().len(), MAX_NAME_BYTES);
    }

    #[test]
    fn a_rid_fits_its_header_extension() {
        assert_eq!(RtpStreamId::parse("hi_2-x").map(|rid| rid.to_string()).as_deref(), Some("hi_2-x"));
        assert!(RtpStreamId::parse(&"x".repeat(16)).is_some());
        for text in ["", "a b", "é", "a;b", "~a", "a\n", &"x".repeat(17)] {
            assert_eq!(RtpStreamId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_mid_is_one_word() {
        assert_eq!(Mid::parse("sdparta_0").map(|mid| mid.to_string()).as_deref(), Some("sdparta_0"));
        for text in ["", "a b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(Mid::parse(text), None, "{text}");
        }
    }
}
