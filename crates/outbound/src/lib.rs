//! HTTP/1.1 to other people's servers, made of what the server has anyway: hyper, and rustls with its one crypto
//! library.
//!
//! - [`resolve`], [`connect`], [`secure`]: the way to a server, one step after the other, so that whoever takes it may
//!   look at the addresses before a connection is made to one of them.
//! - [`Connection`]: requests and answers. Nothing runs beside its owner: what is dropped is gone.
//! - [`Trust`]: whose certificates are believed.
//! - [`Backoff`]: how long to wait before another attempt.

mod backoff;
mod connection;
mod dial;
mod trust;

pub use backoff::{Backoff, random};
pub use connection::Connection;
pub use dial::{connect, resolve, secure};
pub use trust::{Trust, TrustError};

/// No connection, or it broke, or it took too long. Says what and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(String);

impl Unanswered {
    pub(crate) fn new(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
