//! What a client sent, repeated to it in an error: never more than 64 bytes.

use std::fmt;

/// The most of a client's own words that an `errorReason` repeats, in bytes.
pub const QUOTE_BYTES: usize = 64;

/// Shows at most [`QUOTE_BYTES`] bytes of a text in quotation marks, cut
/// between characters, with `…` behind them where something is missing.
/// Control characters are shown as `�`: reasons end up in logs.
#[derive(Clone, Copy, Debug)]
pub struct Quote<'a>(pub &'a str);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        f.write_str("\"")?;
        let mut left = QUOTE_BYTES;
        for character in text.chars() {
            let shown = if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
            let Some(rest) = left.checked_sub(shown.len_utf8()) else { return f.write_str("…\"") };
            left = rest;
            fmt::Write::write_char(f, shown)?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::Quote;

    #[test]
    fn short_texts_are_whole_and_long_ones_cut_between_characters() {
        assert_eq!(Quote("room").to_string(), "\"room\"");
        assert_eq!(Quote("a\u{7}b").to_string(), "\"a\u{fffd}b\"");
        assert_eq!(Quote(&"x".repeat(64)).to_string(), format!("\"{}\"", "x".repeat(64)));
        assert_eq!(Quote(&"x".repeat(65)).to_string(), format!("\"{}…\"", "x".repeat(64)));
        assert_eq!(
            Quote(&"äöü".repeat(100)).to_string(),
            format!("\"{}…\"", "äöü".repeat(11).strip_suffix('ü').unwrap())
        );
    }
}
