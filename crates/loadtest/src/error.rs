//! Why there is no load.

use crate::client::ClientError;
use crate::options::BadOption;

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
