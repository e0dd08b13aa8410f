//! Why a request was not done, as the client gets it.

use model::ErrorCode;
use std::fmt::Display;

/// An `errorCode` with its `errorReason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (code {})", code.number())]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) reason: String,
}

/// The longest reason, in bytes. Reasons of our own are shorter; this cuts
/// what another node wrote.
const MAX_REASON_BYTES: usize = 300;

impl Refusal {
    pub(crate) fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if reason.len() > MAX_REASON_BYTES {
            reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        }
        Self { code, reason }
    }

    /// `name` is missing from the request's data.
    pub(crate) fn missing(code: ErrorCode, name: &str, expected: &str) -> Self {
        Self::new(code, format!("{name} is missing: expected {expected}"))
    }

    /// `name` is there and of no use.
    pub(crate) fn invalid(code: ErrorCode, name: &str, why: impl Display) -> Self {
        Self::new(code, format!("{name} {why}"))
    }

    /// The code's own meaning says it all.
    pub(crate) fn plain(code: ErrorCode) -> Self {
        Self::new(code, code.meaning())
    }
}
