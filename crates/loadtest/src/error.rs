//! Why there is no load, or one connection less.

use crate::client::{ClientError, CloseReason};
use crate::options::BadOption;
use crate::signalling::SignallingError;

/// There is no load at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was called with options that make no sense.
    #[error(transparent)]
    BadOption(#[from] BadOption),
    /// This machine has no threads, sockets or random numbers to spare.
    #[error("this machine: {0}")]
    System(#[from] std::io::Error),
    /// The same, from the client's point of view.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Not one stream came up.
    #[error("no stream came up: {0}")]
    NoStream(String),
    /// Nobody who would subscribe could connect.
    #[error("no user came in: {0}")]
    NoUser(String),
}

/// Why a connection did not come up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Signalling did not do its part.
    #[error(transparent)]
    Signalling(#[from] SignallingError),
    /// What the server answered cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system has no socket.
    #[error("no socket: {0}")]
    Socket(#[from] std::io::Error),
    /// Signalling went well, and media did not.
    #[error("media: {}", reason_text(*.0))]
    Media(CloseReason),
}

fn reason_text(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ByPeer => "the server closed the connection",
        CloseReason::HandshakeFailed => "the DTLS handshake failed",
        CloseReason::NeverConnected => "not connected within 30 s",
        CloseReason::ConsentLost => "the server does not answer any more",
    }
}
