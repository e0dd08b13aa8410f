//! Cuts text into numbered lines.

use crate::error::{Excerpt, SdpError};
use crate::limits::{MAX_LINE_BYTES, MAX_LINES};

/// One line, `<kind>=<value>`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// The letter before the `=`.
    pub(super) kind: u8,
    /// What follows the `=`.
    pub(super) value: &'a str,
    text: &'a str,
}

impl Line<'_> {
    pub(super) fn malformed(&self, expected: &'static str) -> SdpError {
        SdpError::Malformed { line: self.number, expected, found: Excerpt::of(self.text) }
    }

    pub(super) fn too_many(&self, what: &'static str, limit: usize) -> SdpError {
        SdpError::TooMany { line: self.number, what, limit }
    }
}

/// The lines of `text`, without empty ones; of at most so many bytes.
pub(super) fn of(
    text: &str,
    limit: usize,
) -> Result<impl Iterator<Item = Result<Line<'_>, SdpError>>, SdpError> {
    if text.len() > limit {
        return Err(SdpError::TooLong { bytes: text.len(), limit });
    }
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate();
    Ok(lines.filter(|(_, line)| !line.is_empty()).map(|(index, line)| read(index + 1, line)))
}

fn read(number: usize, text: &str) -> Result<Line<'_>, SdpError> {
    if number > MAX_LINES {
        return Err(SdpError::TooMany { line: number, what: "lines", limit: MAX_LINES });
    }
    if text.len() > MAX_LINE_BYTES {
        return Err(SdpError::TooMany { line: number, what: "bytes in a line", limit: MAX_LINE_BYTES });
    }
    let malformed = |expected| SdpError::Malformed { line: number, expected, found: Excerpt::of(text) };
    // A lone carriage return could end a line for another reader of the answer.
    if text.chars().any(|character| character.is_control() && character != '\t') {
        return Err(malformed("text without control characters"));
    }
    match text.split_once('=') {
        Some((kind, value)) if kind.len() == 1 => {
            let kind = kind.bytes().next().unwrap_or_default();
            Ok(Line { number, kind, value, text })
        }
        _ => Err(malformed("<letter>=<value>")),
    }
}
