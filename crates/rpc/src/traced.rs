//! Takes the trace of a request from node to node, in the metadata of its calls.

use std::task::{Context, Poll};

use telemetry::trace::{self, TRACEPARENT};
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request};
use tower::Service;
use tracing::Span;

/// The channel to a service: its calls say to which trace they belong.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    inner: S,
}

impl<S> Traced<S> {
    /// Makes the calls through `inner` say it.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Traced<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let parent = trace::current().and_then(|parent| HeaderValue::try_from(parent).ok());
        if let Some(parent) = parent {
            request.headers_mut().insert(TRACEPARENT, parent);
        }
        self.inner.call(request)
    }
}

/// The span of a call that came: it goes on with its caller's trace.
pub(crate) fn span(request: &Request<()>) -> Span {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default();
    let span = tracing::info_span!("call", method);
    let parent = request.headers().get(TRACEPARENT).and_then(|parent| parent.to_str().ok());
    trace::resume(&span, parent);
    span
}
