//! Records for machines: one JSON object each, in the Elastic Common Schema, as Elastic's own
//! logging libraries write it: dotted names, time, level and message first, `labels` an object.

use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

mod fields;
mod writer;

use fields::{EventFields, SpanFields};
pub(crate) use writer::Writer;
use writer::{Head, Parts};

use crate::trace::Traced;

/// Writes every event and hands the line on.
pub(crate) struct Ecs<S> {
    writer: Arc<Writer>,
    sink: S,
}

impl<S: Fn(String)> Ecs<S> {
    pub(crate) fn new(writer: Arc<Writer>, sink: S) -> Self {
        Self { writer, sink }
    }
}

impl<S, R> Layer<R> for Ecs<S>
where
    S: Fn(String) + 'static,
    R: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, R>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = SpanFields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, R>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, R>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let mut trace = None;
        // From the inside out: the nearest span says what a field is.
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(outer) = extensions.get::<SpanFields>() {
                fields.inherit(outer);
            }
            trace = trace.or_else(|| extensions.get::<Traced>().copied());
        }
        let head = Head { level: *event.metadata().level(), target: event.metadata().target() };
        (self.sink)(self.writer.record(&head, &Parts { fields: &fields, trace }));
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::lines;
