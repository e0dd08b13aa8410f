//! Why a request to the router failed, and whose fault it was.

/// Whose fault a [`MediaError`] is. Each kind belongs to one error code of the client protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaErrorKind {
    /// The offer cannot be read, or nothing in it can be used (code 6).
    UnusableSdp,
    /// The stream to subscribe to is not here (code 8).
    NoSuchStream,
    /// The subscription to restart is not here (code 9).
    NoSuchSubscription,
    /// One of the router's [`Limits`](crate::Limits) is reached (code 17).
    Limit,
    /// The router was called wrongly: the id is in use already (code 14).
    Internal,
}

/// A refused [`publish`](crate::Router::publish), [`subscribe`](crate::Router::subscribe) or
/// [`restart`](crate::Router::restart).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MediaError {
    kind: MediaErrorKind,
    message: String,
}

impl MediaError {
    pub(crate) fn new(kind: MediaErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whose fault it was.
    #[must_use]
    pub fn kind(&self) -> MediaErrorKind {
        self.kind
    }

    /// What was wrong and what was expected, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
