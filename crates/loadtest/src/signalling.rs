//! How a server is asked for streams and subscriptions: in its own protocol, of which the load knows nothing.

mod exchange;
mod janus;
mod protoo;
mod terms;

use crate::client::Client;
use crate::error::ConnectError;
use crate::options::{Options, Peer};
use serde_json::Value;
use tokio_tungstenite::tungstenite;

pub(crate) use terms::Terms;

/// Why signalling failed.
#[derive(Debug, thiserror::Error)]
pub enum SignallingError {
    /// No connection, or it broke.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] Box<tungstenite::Error>),
    /// There is no listener, or no way to it.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The server refused a request.
    #[error("{method}: error {code}: {reason}")]
    Refused {
        /// What was asked for.
        method: &'static str,
        /// The protocol's code.
        code: i64,
        /// For people.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{0}: no answer within 15 s")]
    Silence(&'static str),
    /// The connection is closed.
    #[error("{0}: the connection is closed")]
    Closed(&'static str),
    /// The answer lacks what the protocol promises.
    #[error("{method}: the answer has no {member}")]
    Incomplete {
        /// What was asked for.
        method: &'static str,
        /// What is not there.
        member: &'static str,
    },
}

/// What the server calls a stream or a subscription; only the protocol that made it can read it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Name(Value);

/// A user of the room, with a WebSocket of its own. Dropping it ends all that it has there.
#[derive(Debug)]
pub(crate) enum Session {
    Protoo(protoo::Session),
    Janus(janus::Session),
}

impl Session {
    /// Connects as `uid`.
    pub(crate) async fn join(options: &Options, uid: &str) -> Result<Self, SignallingError> {
        let Options { url, room, tokens, .. } = options;
        Ok(match options.peer {
            Peer::Anabranch => Self::Protoo(protoo::Session::join(url, uid, room, tokens.as_ref()).await?),
            Peer::Janus => Self::Janus(janus::Session::join(url, room).await?),
        })
    }

    /// Asks for a stream; the client that is to connect, and what the stream is called.
    pub(crate) async fn publish(&self, terms: &Terms, uid: &str) -> Result<(Client, Name), ConnectError> {
        match self {
            Self::Protoo(session) => session.publish(terms, uid).await,
            Self::Janus(session) => session.publish(terms, uid).await,
        }
    }

    /// Waits until a stream whose media flows can be subscribed to.
    pub(crate) async fn is_published(&self, stream: &Name) -> Result<(), SignallingError> {
        match self {
            Self::Protoo(_) => Ok(()),
            Self::Janus(session) => session.is_published(stream).await,
        }
    }

    /// Asks for a subscription; the client that is to connect, and what the subscription is called.
    pub(crate) async fn subscribe(
        &self,
        terms: &Terms,
        stream: &Name,
    ) -> Result<(Client, Name), ConnectError> {
        match self {
            Self::Protoo(session) => session.subscribe(terms, stream).await,
            Self::Janus(session) => session.subscribe(terms, stream).await,
        }
    }

    /// Ends a subscription.
    pub(crate) async fn unsubscribe(&self, subscription: &Name) -> Result<(), SignallingError> {
        match self {
            Self::Protoo(session) => session.unsubscribe(subscription).await,
            Self::Janus(session) => session.detach(subscription).await,
        }
    }

    /// Takes a stream out of the room.
    pub(crate) async fn unpublish(&self, stream: &Name) -> Result<(), SignallingError> {
        match self {
            Self::Protoo(session) => session.unpublish(stream).await,
            Self::Janus(session) => session.detach(stream).await,
        }
    }

    /// Leaves in good order, and waits until that is done.
    pub(crate) async fn leave(&self) {
        match self {
            Self::Protoo(session) => session.leave().await,
            Self::Janus(session) => session.leave().await,
        }
    }
}

/// A text that the protocol promises.
fn text(
    method: &'static str,
    member: &'static str,
    value: Option<&Value>,
) -> Result<String, SignallingError> {
    let text = value.and_then(Value::as_str).map(str::to_owned);
    text.ok_or(SignallingError::Incomplete { method, member })
}
