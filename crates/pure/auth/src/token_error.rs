//! Why a token is refused.

use thiserror::Error;

/// Why a token is refused. Repeats nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Too long, not three parts of base64, not JSON, an algorithm that nobody knows (`none` is
    /// one), or a header that must be understood (`crit`) and is not.
    #[error("the token is malformed")]
    Malformed,
    /// No key has the id and the algorithm of the token's header.
    #[error("no key fits the token")]
    UnknownKey,
    /// Keys fit, but none of them made the signature.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is yet to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim is missing or of the wrong kind.
    #[error("the token's claim `{name}` is not {expected}")]
    Claim {
        /// The claim's name.
        name: &'static str,
        /// What it ought to be.
        expected: &'static str,
    },
}

impl TokenError {
    /// A short name for counters: `malformed`, `unknown_key`, `signature`, `expired`, `not_yet`
    /// or `claim`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Claim { .. } => "claim",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TokenError;

    #[test]
    fn an_error_names_the_claim() {
        let error = TokenError::Claim { name: "publish", expected: "true or false" };
        assert_eq!(error.to_string(), "the token's claim `publish` is not true or false");
        assert_eq!(error.kind(), "claim");
    }
}
