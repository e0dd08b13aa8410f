//! A request's id: a number that is never calculated with, only echoed.

use std::fmt;

/// The largest magnitude that every JSON implementation keeps exactly: 2^53.
const MAX_MAGNITUDE: u64 = 1 << 53;

/// A request's id as the client wrote it: any JSON number up to 2^53. The text
/// is kept, so that `1.0`, `1e3` and `-0` come back as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Takes one JSON value, already known to be valid JSON. `None` where it
    /// is no number, or one beyond 2^53.
    pub(crate) fn of(raw: &str) -> Option<Self> {
        let magnitude = raw.strip_prefix('-').unwrap_or(raw);
        if !magnitude.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        within_range(magnitude).then(|| Self(raw.into()))
    }

    /// The number as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Integers are compared exactly: as a float, 2^53 + 1 would be 2^53.
fn within_range(magnitude: &str) -> bool {
    if magnitude.bytes().all(|byte| byte.is_ascii_digit()) {
        return magnitude.parse::<u64>().is_ok_and(|value| value <= MAX_MAGNITUDE);
    }
    #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
    let most = MAX_MAGNITUDE as f64;
    magnitude.parse::<f64>().is_ok_and(|value| value <= most)
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn any_number_up_to_two_to_the_53_is_kept_as_it_came() {
        for raw in ["0", "-0", "1.0", "1e3", "1E+3", "0.5", "-7", "9007199254740992", "-9007199254740992"] {
            assert_eq!(RequestId::of(raw).map(|id| id.to_string()).as_deref(), Some(raw));
        }
    }

    #[test]
    fn greater_numbers_and_other_values_are_no_ids() {
        for raw in [
            "9007199254740993",
            "-9007199254740993",
            "1e16",
            "1e999",
            "99999999999999999999",
            "\"1\"",
            "null",
            "{}",
        ] {
            assert_eq!(RequestId::of(raw), None, "{raw}");
        }
    }
}
