//! Why there is no client.

/// A client could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// What the server wrote cannot be used.
    #[error("the server's SDP cannot be used: {0}")]
    Sdp(String),
    /// The system has no random numbers: its fault, and it cannot be repaired at run time.
    #[error("the system has no random numbers")]
    Random,
    /// The crypto library makes no certificate or no DTLS settings.
    #[error("no DTLS identity: {0}")]
    Identity(String),
}

impl ClientError {
    pub(super) fn sdp(why: impl std::fmt::Display) -> Self {
        Self::Sdp(why.to_string())
    }
}
