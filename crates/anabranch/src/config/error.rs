//! What can be wrong with a configuration, each in one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// The configuration cannot be used; the message is one line for the operator.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(String);

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    File(PathBuf),
    /// The name of the variable.
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag => write!(f, "flag --set"),
        }
    }
}

impl ConfigError {
    /// A message about something at a place.
    pub(super) fn at(origin: &Origin, message: impl fmt::Display) -> Self {
        Self(one_line(&format!("{origin}: {message}")))
    }

    /// A message about what a program needs.
    pub(super) fn of_program(program: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self(one_line(&format!("for anabranch {program}: {message}")))
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::at(&Origin::File(path.to_owned()), format_args!("cannot be read: {error}"))
    }

    /// There is no such section or key.
    pub(super) fn unknown<'a>(
        origin: &Origin,
        what: &str,
        name: &str,
        prefix: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let hint = nearest(name, known.clone()).map_or_else(
            || format!("known are: {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean {prefix}{near}?"),
        );
        Self::at(origin, format_args!("unknown {what} {prefix}{}; {hint}", name.escape_debug()))
    }
}

/// Whatever a file or a variable holds, the message stays one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The known name that was probably meant: at most a third of its letters differ.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and substitutions that turn one into the other
/// (Levenshtein), over two rows.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let substituted = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = substituted.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let known = ["listen", "cert", "key", "allowed_origins"];
        assert_eq!(nearest("lisen", known.into_iter()), Some("listen"));
        assert_eq!(nearest("allowed_origin", known.into_iter()), Some("allowed_origins"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
