//! `prefer`: what a subscriber wants of a stream's video.

use crate::refusal::Refusal;
use model::{ErrorCode, LayerName, Preference};
use protoo::json::{pick, text_of};
use std::{
    fmt::Display,
    num::{NonZeroU16, NonZeroU64},
    str::FromStr,
};

/// Reads one; members that are not known are ignored.
pub(super) fn read(raw: &str) -> Result<Preference, Refusal> {
    let members = ["rid", "maxHeight", "maxBitrate", "priority"];
    let [rid, height, bitrate, priority] =
        pick(raw, members).ok_or_else(|| invalid("prefer", "is no object"))?;
    let height = number::<NonZeroU16>(height, "prefer.maxHeight", "1 to 65535 pixels")?;
    let bitrate = number::<NonZeroU64>(bitrate, "prefer.maxBitrate", "bit/s above 0")?;
    let priority = number::<u8>(priority, "prefer.priority", "0 to 255")?;
    Ok(Preference {
        rid: rid.map(layer).transpose()?,
        max_height: height,
        max_bitrate: bitrate,
        priority: priority.unwrap_or(Preference::PRIORITY),
    })
}

fn layer(raw: &str) -> Result<LayerName, Refusal> {
    let text = text_of(raw).ok_or_else(|| invalid("prefer.rid", "is no text"))?;
    LayerName::parse(&text).map_err(|why| invalid("prefer.rid", why))
}

/// A JSON number that is written as an integer, which is how those of JavaScript are.
fn number<T: FromStr>(raw: Option<&str>, name: &str, expected: &str) -> Result<Option<T>, Refusal> {
    let wrong = || invalid(name, format_args!("is no integer, or out of range: expected {expected}"));
    raw.map(|raw| raw.trim().parse().map_err(|_| wrong())).transpose()
}

fn invalid(name: &str, why: impl Display) -> Refusal {
    Refusal::invalid(ErrorCode::Data, name, why)
}

#[cfg(test)]
mod tests {
    use super::read;
    use model::Preference;
    use std::num::{NonZeroU16, NonZeroU64};

    #[test]
    fn what_is_not_said_is_not_limited() {
        for raw in ["{}", r#"{"else":1,"Priority":7}"#] {
            assert_eq!(read(raw), Ok(Preference::default()), "{raw}");
        }
    }

    #[test]
    fn all_of_it_is_read() {
        let raw = r#"{ "rid" : "h", "maxHeight": 720 , "maxBitrate":9007199254740992,"priority":0 }"#;
        let preference = read(raw).unwrap();
        assert_eq!(preference.rid.unwrap().as_str(), "h");
        assert_eq!(preference.max_height, NonZeroU16::new(720));
        assert_eq!(preference.max_bitrate, NonZeroU64::new(1 << 53));
        assert_eq!(preference.priority, 0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (raw, named) in [
            ("[]", "prefer "),
            ("null", "prefer "),
            (r#""h""#, "prefer "),
            (r#"{"rid":null}"#, "prefer.rid "),
            (r#"{"rid":1}"#, "prefer.rid "),
            (r#"{"rid":""}"#, "prefer.rid "),
            (r#"{"rid":"a b"}"#, "prefer.rid "),
            (r#"{"maxHeight":0}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":65536}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":-1}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":720.5}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":"720"}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":null}"#, "prefer.maxHeight "),
            (r#"{"maxHeight":[720]}"#, "prefer.maxHeight "),
            (r#"{"maxBitrate":0}"#, "prefer.maxBitrate "),
            (r#"{"maxBitrate":1e400}"#, "prefer.maxBitrate "),
            (r#"{"maxBitrate":99999999999999999999}"#, "prefer.maxBitrate "),
            (r#"{"maxBitrate":true}"#, "prefer.maxBitrate "),
            (r#"{"priority":256}"#, "prefer.priority "),
            (r#"{"priority":-1}"#, "prefer.priority "),
            (r#"{"priority":{}}"#, "prefer.priority "),
        ] {
            let refusal = read(raw).unwrap_err();
            assert_eq!(refusal.code.number(), 19, "{raw}");
            assert!(refusal.reason.starts_with(named), "{raw}: {refusal}");
        }
    }
}
