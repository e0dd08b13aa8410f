//! Which rooms a token is for.

use model::{InvalidId, RoomId};
use serde_json::{Value, json};
use std::sync::Arc;

/// One or many rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomPattern {
    /// Exactly this room.
    Room(RoomId),
    /// Every room whose id begins with this.
    Prefix(RoomPrefix),
}

/// What the ids of many rooms begin with: up to [`RoomId::MAX_BYTES`] bytes without control
/// characters. The empty one is every room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomPrefix(Arc<str>);

impl RoomPrefix {
    /// Takes a text from outside, without a `*` for the rest.
    ///
    /// # Errors
    /// Says why no room's id can begin with the text.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if !text.is_empty() {
            RoomId::parse(text)?;
        }
        Ok(Self(text.into()))
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoomPattern {
    /// Takes the short form: a room's id, or a prefix and `*`.
    ///
    /// # Errors
    /// Says why the text is no room's id, or why no id can begin with it.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        match text.strip_suffix('*') {
            Some(prefix) => RoomPrefix::parse(prefix).map(Self::Prefix),
            None => RoomId::parse(text).map(Self::Room),
        }
    }

    /// True where the room is this one, or one of these.
    #[must_use]
    pub fn matches(&self, rid: &RoomId) -> bool {
        match self {
            Self::Room(room) => room == rid,
            Self::Prefix(prefix) => rid.as_str().starts_with(prefix.as_str()),
        }
    }

    /// Reads a member of the claim `rooms`, in the short form or as an object.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text).ok(),
            Value::Object(members) => {
                let mut members = members.iter();
                let (name, text) = members.next()?;
                if members.next().is_some() {
                    return None;
                }
                match name.as_str() {
                    "room" => RoomId::parse(text.as_str()?).ok().map(Self::Room),
                    "prefix" => RoomPrefix::parse(text.as_str()?).ok().map(Self::Prefix),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Writes the short form where it says the same.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Room(room) if room.as_str().ends_with('*') => json!({ "room": room }),
            Self::Room(room) => json!(room),
            Self::Prefix(prefix) => format!("{}*", prefix.as_str()).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &Value, room: &str) -> bool {
        RoomPattern::from_json(pattern).unwrap().matches(&RoomId::parse(room).unwrap())
    }

    #[test]
    fn a_star_at_the_end_makes_a_prefix() {
        assert!(matches(&json!("a"), "a") && !matches(&json!("a"), "ab"));
        assert!(matches(&json!("a*"), "a") && matches(&json!("a*"), "ab") && !matches(&json!("a*"), "xa"));
        assert!(matches(&json!("*"), "any room"));
        assert!(matches(&json!("a*b"), "a*b") && !matches(&json!("a*b"), "aab"));
        assert!(matches(&json!("a**"), "a*b") && !matches(&json!("a**"), "ab"));
    }

    #[test]
    fn an_object_takes_its_text_to_the_letter() {
        assert!(matches(&json!({"room": "a*"}), "a*") && !matches(&json!({"room": "a*"}), "ab"));
        assert!(matches(&json!({"prefix": "a*"}), "a*b") && !matches(&json!({"prefix": "a*"}), "ab"));
        assert!(matches(&json!({"prefix": ""}), "any room"));
    }

    #[test]
    fn what_is_no_room_is_refused() {
        let long = "x".repeat(129);
        for wrong in [
            json!(""),
            json!("a\nb"),
            json!("a\n*"),
            json!(long),
            json!(format!("{long}*")),
            json!({"room": ""}),
            json!({"room": 1}),
            json!({"prefix": "\n"}),
            json!({"prefix": null}),
            json!({"room": "a", "prefix": "a"}),
            json!({"rooms": "a"}),
            json!({}),
            json!(["a"]),
            json!(1),
            json!(null),
        ] {
            assert_eq!(RoomPattern::from_json(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[a*]{1,4}|\\PC{1,30}") {
            for pattern in [
                RoomPattern::Room(RoomId::parse(&text).unwrap()),
                RoomPattern::Prefix(RoomPrefix::parse(&text).unwrap()),
                RoomPattern::Prefix(RoomPrefix::parse("").unwrap()),
            ] {
                prop_assert_eq!(RoomPattern::from_json(&pattern.to_json()), Some(pattern));
            }
        }
    }
}
