//! Gives spans their place in a trace, and the exporter what it wants to know of them.

use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::ids;
use super::parent::Parent;
use crate::otlp::{OpenSpan, Spans};

/// A span's place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traced {
    /// Not zero.
    pub(crate) trace: u128,
    /// The span's own id, not zero.
    pub(crate) span: u64,
    pub(crate) parent: Option<u64>,
    /// Whether the trace is exported.
    pub(crate) sampled: bool,
    /// Whether the trace came in here, from a client or another node.
    pub(crate) entry: bool,
}

impl Traced {
    /// A span on this node within one elsewhere.
    pub(super) fn within(parent: Parent) -> Option<Self> {
        let Parent { trace, span, sampled } = parent;
        Some(Self { trace, span: ids::span()?, parent: Some(span), sampled, entry: true })
    }

    fn child(&self) -> Option<Self> {
        Some(Self { span: ids::span()?, parent: Some(self.span), entry: false, ..*self })
    }
}

impl From<Traced> for Parent {
    fn from(traced: Traced) -> Self {
        Self { trace: traced.trace, span: traced.span, sampled: traced.sampled }
    }
}

/// The layer. Without an exporter a span costs a look at its parent, and in a trace a random id.
pub(crate) struct Tracer(Option<Arc<Spans>>);

impl Tracer {
    /// `spans`: where finished spans go.
    pub(crate) fn new(spans: Option<Arc<Spans>>) -> Self {
        Self(spans)
    }

    /// Exports nothing.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Self(None)
    }

    pub(super) fn start(&self, parent: Option<Parent>) -> Option<Traced> {
        let trace = parent.map_or_else(ids::trace, |parent| Some(parent.trace))?;
        let sampled = self.0.as_ref().is_some_and(|spans| spans.wants(trace));
        let parent = parent.map(|parent| parent.span);
        Some(Traced { trace, span: ids::span()?, parent, sampled, entry: true })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Tracer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Traced>().copied());
        if let Some(traced) = parent.and_then(|parent| parent.child()) {
            span.extensions_mut().replace(traced);
        }
        if self.0.is_some() {
            // It may be given a trace only later, once it is there.
            span.extensions_mut().replace(OpenSpan::new(attributes));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|_| self.0.is_some()) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            open.record(values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.0.is_none() || *event.metadata().level() != Level::ERROR {
            return;
        }
        let Some(span) = context.event_span(event) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            open.failed();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(spans), Some(span)) = (&self.0, context.span(&id)) else { return };
        let mut extensions = span.extensions_mut();
        let traced = extensions.get_mut::<Traced>().copied().filter(|traced| traced.sampled);
        if let (Some(open), Some(traced)) = (extensions.remove::<OpenSpan>(), traced) {
            spans.push(open.close(span.name(), &traced));
        }
    }
}
