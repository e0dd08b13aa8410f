//! Ids: data that strangers choose, checked once. An id that exists is valid.
//!
//! Any character but a control character is legal in an id, so whoever makes an id part of a key,
//! a subject, a path or a log line encodes it there. No id is ever taken apart to find out more
//! about its owner.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Why a text is no id. Says what was expected and repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// There is no text at all.
    #[error("is empty, expected 1 to {max} bytes")]
    Empty {
        /// The longest id of this kind, in bytes.
        max: usize,
    },
    /// The text is too long.
    #[error("has {len} bytes, expected 1 to {max}")]
    TooLong {
        /// The length of the text, in bytes.
        len: usize,
        /// The longest id of this kind, in bytes.
        max: usize,
    },
    /// A character that such an id may not have.
    #[error("has a character at byte {at} that is not allowed, expected {expected}")]
    Character {
        /// Where it starts.
        at: usize,
        /// What is allowed.
        expected: &'static str,
    },
}

fn check(text: &str, max: usize, legal: fn(char) -> bool, expected: &'static str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { max });
    }
    if text.len() > max {
        return Err(InvalidId::TooLong { len: text.len(), max });
    }
    match text.char_indices().find(|&(_, c)| !legal(c)) {
        Some((at, _)) => Err(InvalidId::Character { at, expected }),
        None => Ok(()),
    }
}

const ANY_TEXT: &str = "no control characters";
const NODE_TEXT: &str = "letters, digits, '.', '_' and '-'";
const LAYER_TEXT: &str = "letters, digits, '_' and '-'";

fn printable(c: char) -> bool {
    !c.is_control()
}

fn node_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// RFC 8851 section 10, `rid-id`.
fn layer_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, max $max:literal, $legal:path, $expected:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest id of this kind, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Takes a text from outside.
            ///
            /// # Errors
            /// Says what is wrong with the text and what was expected.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                check(text, Self::MAX_BYTES, $legal, $expected)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

id!(
    /// A person, as the client names itself: `uid`.
    UserId, max 128, printable, ANY_TEXT
);
id!(
    /// A room: `rid`.
    RoomId, max 128, printable, ANY_TEXT
);
id!(
    /// A published stream: `mid`. Its longest own form is a user id, `#` and 32 characters.
    StreamId, max 256, printable, ANY_TEXT
);
id!(
    /// A subscription of a stream: `sid`.
    SubscriptionId, max 256, printable, ANY_TEXT
);
id!(
    /// A node of the cluster.
    NodeId, max 64, node_character, NODE_TEXT
);
id!(
    /// A simulcast layer of a stream, as its publisher named it: `rid` of `a=rid` (RFC 8851).
    LayerName, max 16, layer_character, LAYER_TEXT
);

impl StreamId {
    /// The id of a new stream of this user. 128 random bits make it unguessable.
    #[must_use]
    pub fn of(uid: &UserId, random: [u8; 16]) -> Self {
        Self(with_random(uid, random))
    }
}

impl SubscriptionId {
    /// The id of a new subscription by this user. 128 random bits make it unguessable.
    #[must_use]
    pub fn of(uid: &UserId, random: [u8; 16]) -> Self {
        Self(with_random(uid, random))
    }
}

fn with_random(uid: &UserId, random: [u8; 16]) -> Arc<str> {
    format!("{uid}#{:032x}", u128::from_be_bytes(random)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_printable_text_is_a_room() {
        for text in ["a", "/ * . > # : { }", "комната", "🦆", &"x".repeat(128)] {
            assert_eq!(RoomId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_error_says_what_was_expected() {
        assert_eq!(UserId::parse("").unwrap_err().to_string(), "is empty, expected 1 to 128 bytes");
        assert_eq!(
            UserId::parse(&"ü".repeat(65)).unwrap_err().to_string(),
            "has 130 bytes, expected 1 to 128"
        );
        for text in ["ab\n", "ab\0", "ab\u{85}", "ab\u{7f}"] {
            assert!(matches!(RoomId::parse(text), Err(InvalidId::Character { at: 2, .. })), "{text:?}");
        }
    }

    #[test]
    fn nodes_have_plain_names() {
        assert!(NodeId::parse("sfu-1.eu_west").is_ok());
        for text in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(NodeId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn layers_have_the_names_that_sdp_allows() {
        for text in ["q", "h", "f", "layer-1_A", &"x".repeat(16)] {
            assert!(LayerName::parse(text).is_ok(), "{text:?}");
        }
        for text in ["", "a b", "a.b", "~q", "q;h", "ä", &"x".repeat(17)] {
            assert!(LayerName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_stream_of_the_longest_user_is_valid_and_keeps_leading_zeros() {
        let uid = UserId::parse(&"u".repeat(128)).unwrap();
        let mid = StreamId::of(&uid, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert!(mid.as_str().ends_with("u#000102030405060708090a0b0c0d0eff"));
        assert_eq!(StreamId::parse(mid.as_str()), Ok(mid));
    }
}
