//! JSON that is checked and cut, but not built: a message is walked once, and
//! what the protocol hands on byte for byte (`data`, `minfo`) stays the text
//! that came.
//!
//! Walking needs no recursion, so that depth costs a byte of heap and no stack.

mod scanner;
mod survey;

pub(crate) use survey::survey;

use scanner::Scanner;
use std::borrow::Cow;

/// Calls `each` with the raw name (quotes included) and the raw value of every
/// member of an object. `None` where `raw` is no object.
///
/// `raw` must be valid JSON: a text that [`decode`](crate::decode) accepted, or
/// a value cut out of it.
pub fn for_each_member<'a>(raw: &'a str, mut each: impl FnMut(&'a str, &'a str)) -> Option<()> {
    let mut scanner = Scanner::new(raw);
    scanner.skip_whitespace();
    scanner.eat(b'{')?;
    loop {
        scanner.skip_whitespace();
        if scanner.eat(b'}').is_some() {
            return Some(());
        }
        let name = scanner.string()?;
        scanner.skip_whitespace();
        scanner.eat(b':')?;
        scanner.skip_whitespace();
        let value = scanner.skip_value()?;
        each(name, value);
        scanner.skip_whitespace();
        // The last member has no comma; the closing brace is eaten above.
        let _ = scanner.eat(b',');
    }
}

/// The raw values of the named members of an object, in the order of `names`.
/// `None` where `raw` is no object. `raw` must be valid JSON.
#[must_use]
pub fn pick<'a, const N: usize>(raw: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    for_each_member(raw, |name, value| {
        let name = text_of(name);
        for (wanted, slot) in names.iter().zip(values.iter_mut()) {
            if name.as_deref() == Some(*wanted) {
                *slot = Some(value);
            }
        }
    })?;
    Some(values)
}

/// The text of a JSON string. `None` where `raw` is another kind of value, or
/// holds half a surrogate pair, which no text can.
#[must_use]
pub fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    use super::{pick, text_of};

    #[test]
    fn members_come_out_as_they_were_written() {
        let raw = r#" { "a" : 1.50 ,"b":{"c":[1, 2 ]}, "\u0064":"x\ny" } "#;
        assert_eq!(
            pick(raw, ["a", "b", "d", "none"]),
            Some([Some("1.50"), Some(r#"{"c":[1, 2 ]}"#), Some(r#""x\ny""#), None])
        );
        assert_eq!(pick("{}", ["a"]), Some([None]));
        assert_eq!(pick("[1]", ["a"]), None);
        assert_eq!(pick("\"{\"", ["a"]), None);
    }

    #[test]
    fn text_is_unescaped_and_half_a_surrogate_pair_is_no_text() {
        assert_eq!(text_of(r#""a\u0062\"""#).as_deref(), Some("ab\""));
        assert_eq!(text_of(r#""plain""#).as_deref(), Some("plain"));
        assert_eq!(text_of(r#""\ud83d""#), None);
        assert_eq!(text_of("12"), None);
    }
}
