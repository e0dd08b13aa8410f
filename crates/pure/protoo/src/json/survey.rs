//! One walk over a whole text: is it JSON, how deep, is a member named twice.

use super::{scanner::Scanner, text_of};
use crate::MAX_DEPTH;
use std::{borrow::Cow, collections::HashSet};

/// Names must be unique in the message and in its `data`: there, whoever reads
/// the first of two and whoever reads the last would see different requests.
/// What lies deeper is the application's, and handed on as it came.
const NAMED_DEPTH: usize = 2;

/// What a walk over a valid JSON text found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Deeper than [`MAX_DEPTH`].
    pub(crate) too_deep: bool,
    /// An object no deeper than [`NAMED_DEPTH`] names a member twice.
    pub(crate) repeated_name: bool,
}

/// Walks a text. `None` where it is no JSON.
pub(crate) fn survey(text: &str) -> Option<Survey> {
    let mut walk =
        Walk { scanner: Scanner::new(text), open: Vec::new(), names: Vec::new(), found: Survey::default() };
    walk.run()?;
    Some(walk.found)
}

struct Walk<'a> {
    scanner: Scanner<'a>,
    /// The bracket that closes each open container, the innermost last. No
    /// longer than the text, which is bounded.
    open: Vec<u8>,
    /// The names seen in each open container down to [`NAMED_DEPTH`].
    names: Vec<HashSet<Cow<'a, str>>>,
    found: Survey,
}

impl Walk<'_> {
    fn run(&mut self) -> Option<()> {
        loop {
            self.value()?;
            if self.after_value()? {
                return self.scanner.at_end().then_some(());
            }
        }
    }

    /// Walks to the end of a scalar or an empty container, opening those on
    /// the way.
    fn value(&mut self) -> Option<()> {
        loop {
            self.scanner.skip_whitespace();
            let close = if self.scanner.eat(b'{').is_some() {
                b'}'
            } else if self.scanner.eat(b'[').is_some() {
                b']'
            } else {
                return self.scanner.scalar();
            };
            self.scanner.skip_whitespace();
            if self.scanner.eat(close).is_some() {
                self.found.too_deep |= self.open.len() >= MAX_DEPTH;
                return Some(());
            }
            self.enter(close);
            if close == b'}' {
                self.name()?;
            }
        }
    }

    /// Closes what ends here and walks to the next value. True at the end.
    fn after_value(&mut self) -> Option<bool> {
        loop {
            self.scanner.skip_whitespace();
            let Some(&close) = self.open.last() else { return Some(true) };
            if self.scanner.eat(b',').is_some() {
                if close == b'}' {
                    self.name()?;
                }
                return Some(false);
            }
            self.scanner.eat(close)?;
            self.open.pop();
            self.names.truncate(self.open.len());
        }
    }

    fn enter(&mut self, close: u8) {
        self.open.push(close);
        self.found.too_deep |= self.open.len() > MAX_DEPTH;
        if self.open.len() <= NAMED_DEPTH {
            self.names.push(HashSet::new());
        }
    }

    fn name(&mut self) -> Option<()> {
        self.scanner.skip_whitespace();
        let raw = self.scanner.string()?;
        if self.open.len() <= NAMED_DEPTH
            && let Some(names) = self.names.last_mut()
        {
            // A name that is no text is compared as it is written, quotes
            // included, which no other name can be.
            let name = text_of(raw).unwrap_or(Cow::Borrowed(raw));
            self.found.repeated_name |= !names.insert(name);
        }
        self.scanner.skip_whitespace();
        self.scanner.eat(b':')
    }
}

#[cfg(test)]
mod tests {
    use super::{Survey, survey};
    use crate::MAX_DEPTH;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn depth_is_counted_whatever_lies_innermost() {
        for (depth, too_deep) in [(MAX_DEPTH, false), (MAX_DEPTH + 1, true), (100_000, true)] {
            assert_eq!(survey(&nested(depth)).map(|found| found.too_deep), Some(too_deep), "{depth}");
            let filled = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(survey(&filled).map(|found| found.too_deep), Some(too_deep), "{depth}, filled");
        }
        assert_eq!(survey(&"[".repeat(100_000)), None);
    }

    #[test]
    fn a_name_given_twice_is_found_in_the_message_and_its_data_however_it_is_spelled() {
        let repeated = |text| survey(text).map(|found| found.repeated_name);
        assert_eq!(repeated(r#"{"a":1,"b":{"a":1},"c":{"a":1,"b":1}}"#), Some(false));
        assert_eq!(repeated(r#"{"a":1,"a":1}"#), Some(true));
        assert_eq!(repeated(r#"{"x":{"a":{},"\u0061":{}}}"#), Some(true));
        assert_eq!(repeated(r#"{"a":{"b":1},"c":{"b":[{}]},"a":2}"#), Some(true));
        assert_eq!(repeated(r#"{"\ud800":1,"\ud800":2}"#), Some(true));
    }

    #[test]
    fn what_lies_deeper_may_name_as_it_likes() {
        assert_eq!(survey(r#"{"x":{"y":{"a":1,"a":2},"z":[{"b":1,"b":2}]}}"#), Some(Survey::default()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "tru",
            "nullx",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"open",
            "[1 2]",
            "{}{}",
            "[}",
            "{]",
            "'a'",
            "NaN",
        ] {
            assert_eq!(survey(text), None, "{text:?}");
        }
        assert_eq!(survey(" [1 , {\"a\":null}]\r\n"), Some(Survey::default()));
    }

    proptest! {
        /// serde_json is the oracle for what is JSON.
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"a\\u0-9.eE+\- truefalsn]{0,40}"#) {
            let oracle = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(survey(&text).is_some(), oracle, "{}", text);
        }

        #[test]
        fn any_text_is_walked_without_a_panic(text in any::<String>()) {
            let _ = survey(&text);
        }
    }
}
