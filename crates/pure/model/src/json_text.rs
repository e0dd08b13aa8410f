//! JSON that is only passed on: checked to be JSON, then kept byte for byte.

use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;

/// Why a text cannot be passed on as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// It is too long.
    #[error("has {len} bytes, expected at most {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most there may be.
        max: usize,
    },
    /// It is not one JSON value.
    #[error("is not JSON (line {line}, column {column})")]
    Syntax {
        /// Where reading it stopped, from 1.
        line: usize,
        /// Where reading it stopped, from 1.
        column: usize,
    },
}

/// Any one JSON value, as its sender wrote it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// The longest text: that of the longest frame a client may send.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// Takes a text from outside.
    ///
    /// # Errors
    /// Says whether it is too long, or where it stops being JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidJson::TooLong { len: text.len(), max: Self::MAX_BYTES });
        }
        // Ignoring a value is done without recursion, so depth costs nothing here.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(error) => Err(InvalidJson::Syntax { line: error.line(), column: error.column() }),
        }
    }

    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_as_it_came() {
        for text in [r#"{ "b":1.50, "a" : [ ] }"#, "null", "1e400", r#""\u00e4""#, "{\"a\":1,\"a\":2}"] {
            assert_eq!(JsonText::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{} {}", "'a'", "nul"] {
            assert!(matches!(JsonText::parse(text), Err(InvalidJson::Syntax { .. })), "{text:?}");
        }
        let long = format!("\"{}\"", "x".repeat(JsonText::MAX_BYTES));
        assert!(matches!(JsonText::parse(&long), Err(InvalidJson::TooLong { .. })));
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let text = "[".repeat(200_000);
        assert!(JsonText::parse(&text).is_err());
        let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        // Either verdict is fine: what matters is that there is one.
        let _verdict = JsonText::parse(&closed);
    }
}
