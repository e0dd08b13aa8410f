//! A request's way through the nodes. A trace begins where a client's request comes in, goes on in
//! the spans within, and from node to node as W3C `traceparent` text in the metadata of gRPC calls
//! and NATS messages. All records within carry its id, whether or not spans are exported.

use tracing::{Dispatch, Span};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

mod ids;
mod layer;
mod parent;

pub(crate) use layer::{Traced, Tracer};
use parent::Parent;

/// The name of the metadata and headers that carry a trace.
pub const TRACEPARENT: &str = "traceparent";

/// Starts the trace of a span that answers a stranger, before it is entered and has spans within.
///
/// With a valid `traceparent` the trace has the stranger's id, so that its own logs can be matched;
/// anything else counts as none. Whether the trace is exported is decided here, not by the stranger.
/// A span that is disabled stays without a trace.
pub fn start(span: &Span, traceparent: Option<&str>) {
    let parent = traceparent.and_then(Parent::read);
    with_tracer(span, |tracer| tracer.start(parent));
}

/// Goes on in a span with the trace of another node of ours, before it is entered and has spans within.
///
/// Without a valid `traceparent` nothing changes: work that no client asked for has no trace.
pub fn resume(span: &Span, traceparent: Option<&str>) {
    let Some(parent) = traceparent.and_then(Parent::read) else { return };
    with_tracer(span, |_| Traced::within(parent));
}

/// What the current span hands on to the next node: 55 ASCII characters, for the metadata called
/// [`TRACEPARENT`]. `None` where there is no trace.
#[must_use]
pub fn current() -> Option<String> {
    of(&Span::current())
}

/// What a span hands on to the next node, as [`current`].
#[must_use]
pub fn of(span: &Span) -> Option<String> {
    let traced = span.with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        span.scope().find_map(|span| span.extensions().get::<Traced>().copied())
    });
    Some(Parent::from(traced??).to_string())
}

fn with_tracer(span: &Span, trace: impl FnOnce(&Tracer) -> Option<Traced>) {
    span.with_subscriber(|(id, dispatch): (_, &Dispatch)| {
        let tracer = dispatch.downcast_ref::<Tracer>()?;
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        span.extensions_mut().replace(trace(tracer)?);
        Some(())
    });
}

#[cfg(test)]
mod tests;
