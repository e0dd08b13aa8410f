//! What is logged: a filter as `EnvFilter` reads it, checked strictly, because a
//! misspelt level would otherwise be taken for a target and silence everything.

use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Libraries that warn of what a stranger sends, or each second of what `cluster`
/// says once. They are heard only when the filter names them, so that nobody can
/// fill the log from outside.
const QUIET: &str = "is=error,dimpl=error,async_nats=off";

/// A filter that is known to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

/// The text is no filter.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a level (off, error, warn, info, debug, trace) or a list such as \"info,sfu=debug\": {reason}"
)]
pub struct InvalidFilter {
    reason: String,
}

impl Filter {
    /// Reads a filter: levels and `target=level`, separated by commas.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        if text.trim().is_empty() {
            return Err(InvalidFilter { reason: "it is empty".into() });
        }
        if let Some(word) = text.split(',').map(str::trim).find(|part| is_unknown_word(part)) {
            return Err(InvalidFilter { reason: format!("{word:?} is no level") });
        }
        EnvFilter::builder()
            .parse(with_quiet(text))
            .map_err(|error| InvalidFilter { reason: error.to_string().trim().to_owned() })?;
        Ok(Self(text.trim().to_owned()))
    }

    /// The filter as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn build(&self) -> EnvFilter {
        // Each part was parsed before, so that nothing is left out.
        EnvFilter::builder().parse_lossy(with_quiet(&self.0))
    }
}

fn with_quiet(text: &str) -> String {
    format!("{QUIET},{text}")
}

fn is_unknown_word(part: &str) -> bool {
    let word = part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'));
    word && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_are_read() {
        for good in
            ["info", "WARN", "info,sfu=debug", "off,media::stream=trace", "warn,[session{uid=a}]=debug"]
        {
            assert!(Filter::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn libraries_that_strangers_can_make_talk_are_quiet_unless_named() {
        let written = |text| Filter::parse(text).unwrap().build().to_string();
        assert!(written("debug").contains("dimpl=error"));
        assert!(written("debug,dimpl=trace").contains("dimpl=trace"));
        assert!(!written("debug,dimpl=trace").contains("dimpl=error"));
    }

    #[test]
    fn a_misspelt_level_is_an_error_and_not_a_target() {
        for bad in ["", "  ", "inof", "loud", "info,sfu", "sfu=loud", "info,,"] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
        let message = Filter::parse("info,inof").unwrap_err().to_string();
        assert!(message.contains("\"inof\" is no level"), "{message}");
    }
}
