//! What a client may ask: one file for each request of the protocol.
//!
//! Every request is checked in the same order: its data is an object, the room's
//! id, whether the caller is in that room, its own members as the protocol lists
//! them, whether what they name exists, whether the caller may.

mod broadcast;
mod call;
mod data;
mod getpubs;
mod getusers;
mod join;
mod keepalive;
mod leave;
mod prefer;
mod publish;
mod restart;
mod resume;
mod subscribe;
mod unpublish;
mod unsubscribe;

pub(crate) use call::Call;
pub(crate) use resume::Resumed;

use crate::refusal::Refusal;
use model::ErrorCode;
use protoo::Quote;
use std::time::Instant;
use telemetry::trace;
use tracing::Instrument as _;

/// What the protocol calls its requests.
pub(crate) const NAMES: &[&str] = &[
    "join",
    "leave",
    "keepalive",
    "publish",
    "unpublish",
    "subscribe",
    "unsubscribe",
    "prefer",
    "restart",
    "broadcast",
    "getusers",
    "getpubs",
];

/// The protocol's requests.
#[derive(Clone, Copy, Debug)]
enum Method {
    Join,
    Leave,
    KeepAlive,
    Publish,
    Unpublish,
    Subscribe,
    Unsubscribe,
    Prefer,
    Restart,
    Broadcast,
    GetUsers,
    GetPubs,
}

impl Method {
    fn named(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "join" => Self::Join,
            "leave" => Self::Leave,
            "keepalive" => Self::KeepAlive,
            "publish" => Self::Publish,
            "unpublish" => Self::Unpublish,
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "prefer" => Self::Prefer,
            "restart" => Self::Restart,
            "broadcast" => Self::Broadcast,
            "getusers" => Self::GetUsers,
            "getpubs" => Self::GetPubs,
            _ => {
                let reason = format!("unknown method {}: expected one of the protocol's", Quote(name));
                return Err(Refusal::new(ErrorCode::Internal, reason));
            }
        })
    }

    /// Each answers the call itself when it succeeds.
    async fn run(self, call: &Call<'_>) -> Result<(), Refusal> {
        match self {
            Self::Join => join::join(call).await,
            Self::Leave => leave::leave(call).await,
            Self::KeepAlive => keepalive::keepalive(call),
            Self::Publish => publish::publish(call).await,
            Self::Unpublish => unpublish::unpublish(call).await,
            Self::Subscribe => subscribe::subscribe(call).await,
            Self::Unsubscribe => unsubscribe::unsubscribe(call).await,
            Self::Prefer => prefer::prefer(call).await,
            Self::Restart => restart::restart(call).await,
            Self::Broadcast => broadcast::broadcast(call).await,
            Self::GetUsers => getusers::getusers(call).await,
            Self::GetPubs => getpubs::getpubs(call).await,
        }
    }
}

/// Does what is asked, and answers it.
pub(crate) async fn handle(call: &Call<'_>, name: &str) {
    let began = Instant::now();
    let method = Method::named(name);
    let span = tracing::info_span!("request", method = %Quote(name), uid = ?call.session.uid);
    trace::start(&span, None);
    call.session.hearing.wait();
    finish(call, name, method, began).instrument(span).await;
    call.session.hear_what_waited();
}

async fn finish(call: &Call<'_>, name: &str, method: Result<Method, Refusal>, began: Instant) {
    let done = match method {
        Ok(method) => method.run(call).await,
        Err(refusal) => Err(refusal),
    };
    let uid = &call.session.uid;
    let took = began.elapsed();
    let result = done.as_ref().map_or_else(|refusal| refusal.code.name(), |()| metrics::OK);
    call.context.metrics.requests.count(name, result, took);
    match done {
        Ok(()) => tracing::debug!(?uid, method = name, ?took, "done"),
        Err(refusal) => {
            tracing::debug!(?uid, method = %Quote(name), ?took, %refusal, "refused");
            call.refuse(&refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, NAMES};

    #[test]
    fn the_names_are_those_of_the_protocol() {
        assert!(NAMES.iter().all(|name| Method::named(name).is_ok()));
        assert!(Method::named("Join").is_err());
    }
}
