//! Media info (`minfo`): what a publisher says about a stream, handed on as it came.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

/// Why a text is no media info. Says what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMediaInfo {
    /// It is too long.
    #[error("has {len} bytes, expected at most {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// A member is missing or has another type.
    #[error("expected an object with audio and video as booleans, audiotype and videotype as integers")]
    Shape,
}

/// The JSON object that a publisher sent, kept byte for byte, unknown members too.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaInfo {
    text: Arc<str>,
    audio: bool,
    video: bool,
}

#[derive(Deserialize)]
struct Members {
    audio: bool,
    video: bool,
    #[serde(rename = "audiotype")]
    _audio_type: i64,
    #[serde(rename = "videotype")]
    _video_type: i64,
}

impl MediaInfo {
    /// The longest text. The four members take 70 bytes; a room's state holds one per stream.
    pub const MAX_BYTES: usize = 4096;

    /// Takes a text from outside.
    ///
    /// # Errors
    /// Says whether it is too long or what shape was expected.
    pub fn parse(text: &str) -> Result<Self, InvalidMediaInfo> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidMediaInfo::TooLong { len: text.len(), max: Self::MAX_BYTES });
        }
        // The four members could be read from an array just as well; only an object will do.
        let object = text.trim_ascii_start().starts_with('{');
        match serde_json::from_str::<Members>(text) {
            Ok(members) if object => {
                Ok(Self { text: text.into(), audio: members.audio, video: members.video })
            }
            _ => Err(InvalidMediaInfo::Shape),
        }
    }

    /// The object as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the stream has audio.
    #[must_use]
    pub fn audio(&self) -> bool {
        self.audio
    }

    /// Whether the stream has video.
    #[must_use]
    pub fn video(&self) -> bool {
        self.video
    }
}

impl fmt::Debug for MediaInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_and_spacing_are_kept() {
        let text =
            r#"{ "audio":true,"video":false, "audiotype":-1,"videotype":3,"x":{"y":[1.0]},"name":"é" }"#;
        let info = MediaInfo::parse(text).unwrap();
        assert_eq!(info.as_str(), text);
        assert!(info.audio());
        assert!(!info.video());
    }

    #[test]
    fn each_member_is_needed_and_has_its_type() {
        for text in [
            "",
            "null",
            "[true,true,0,0]",
            r#"{"video":true,"audiotype":0,"videotype":0}"#,
            r#"{"audio":1,"video":true,"audiotype":0,"videotype":0}"#,
            r#"{"audio":true,"video":true,"audiotype":0.5,"videotype":0}"#,
            r#"{"audio":true,"video":true,"audiotype":0,"videotype":"0"}"#,
            r#"{"audio":true,"audio":true,"video":true,"audiotype":0,"videotype":0}"#,
        ] {
            assert_eq!(MediaInfo::parse(text), Err(InvalidMediaInfo::Shape), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_refused() {
        let text = format!(
            r#"{{"audio":true,"video":true,"audiotype":0,"videotype":0,"x":"{}"}}"#,
            "x".repeat(MediaInfo::MAX_BYTES)
        );
        assert!(matches!(MediaInfo::parse(&text), Err(InvalidMediaInfo::TooLong { .. })));
    }
}
