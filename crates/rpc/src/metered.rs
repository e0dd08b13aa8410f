//! Counts the calls through a service or a channel, by method and result.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use metrics::{Calls, Running};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::server::NamedService;
use tower::Service;

use crate::status;

/// The methods of the register.
pub const REGISTER_METHODS: &[&str] = &[
    "Join",
    "Leave",
    "KeepAlive",
    "GetRoom",
    "ListRooms",
    "AddStream",
    "RemoveStream",
    "FindStream",
    "Broadcast",
    "EventsSince",
    "StreamEnded",
    "HoldStreams",
    "Beat",
    "NodeStarted",
    "NodeStopped",
];

/// The methods of the SFU.
pub const SFU_METHODS: &[&str] = &[
    "Publish",
    "Unpublish",
    "Subscribe",
    "Unsubscribe",
    "Claim",
    "Record",
    "Mute",
    "Prefer",
    "Restart",
    "Notices",
    "Describe",
];

/// A service, or the channel to one, whose calls are counted. A call whose answer nobody waits for any more counts
/// as [`metrics::CANCELLED`]. A call with a stream of replies counts as answered when the stream begins; how it ends
/// is not seen.
#[derive(Clone, Debug)]
pub struct Metered<S> {
    inner: S,
    calls: Calls,
}

impl<S> Metered<S> {
    /// Counts the calls through `inner`.
    pub fn new(inner: S, calls: Calls) -> Self {
        Self { inner, calls }
    }
}

impl<S: NamedService> NamedService for Metered<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<Body>> for Metered<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // "/anabranch.v1.Register/Join"
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let running = Some(self.calls.begin(method));
        Answer { answer: self.inner.call(request), running }
    }
}

/// The answer to a call that is being counted.
#[derive(Debug)]
pub struct Answer<F> {
    answer: F,
    running: Option<Running>,
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        if let Some(running) = self.running.take() {
            // An error that is no status comes of a connection that is not there.
            running.end(answer.as_ref().map_or("Unavailable", |response| outcome(response.headers())));
        }
        Poll::Ready(answer)
    }
}

/// A refusal has its status in the headers, since nothing follows them.
fn outcome(headers: &HeaderMap) -> &'static str {
    Status::from_header_map(headers).map_or(metrics::OK, |status| status::name(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods that a file declares.
    fn declared(proto: &str) -> Vec<&str> {
        let calls = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
        calls.filter_map(|call| call.split('(').next()).collect()
    }

    #[test]
    fn every_method_is_known() {
        assert_eq!(declared(include_str!("../proto/anabranch/v1/register.proto")), REGISTER_METHODS);
        assert_eq!(declared(include_str!("../proto/anabranch/v1/sfu.proto")), SFU_METHODS);
    }
}
