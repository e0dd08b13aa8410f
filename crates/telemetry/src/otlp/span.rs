//! A span while it is open, and as the collector gets it.

use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};

use super::wire::{AnyValue, Code, KeyValue, Kind, Span, Status, any_value};
use crate::text::Limited;
use crate::trace::Traced;

/// Attributes of a span. Overflow: further ones are counted in the span.
const ATTRIBUTES: usize = 16;

/// Bytes of an attribute's value; what is longer is cut.
const VALUE: usize = 256;

/// The parent is known to be elsewhere, or known not to be: flags of OTLP above those of W3C.
const PARENT_KNOWN: u32 = 0x100;
const PARENT_ELSEWHERE: u32 = 0x200;
const SAMPLED: u32 = 1;

/// What is known of a span until it ends.
pub(crate) struct OpenSpan {
    start: SystemTime,
    /// Durations are measured by a clock that nobody sets.
    started: Instant,
    attributes: Vec<KeyValue>,
    left_out: u32,
    /// Text of the field `error`, or nothing where only an event said so.
    error: Option<String>,
}

impl OpenSpan {
    pub(crate) fn new(attributes: &Attributes<'_>) -> Self {
        let (start, started) = (SystemTime::now(), Instant::now());
        let mut open = Self { start, started, attributes: Vec::new(), left_out: 0, error: None };
        attributes.record(&mut open);
        open
    }

    pub(crate) fn record(&mut self, values: &Record<'_>) {
        values.record(self);
    }

    /// An event within is an error.
    pub(crate) fn failed(&mut self) {
        self.error.get_or_insert_default();
    }

    /// The span as it ends now.
    pub(crate) fn close(self, name: &str, traced: &Traced) -> Span {
        let elsewhere = traced.entry && traced.parent.is_some();
        let kind = if traced.entry { Kind::Server } else { Kind::Internal };
        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Span {
            trace_id: traced.trace.to_be_bytes().to_vec(),
            span_id: traced.span.to_be_bytes().to_vec(),
            parent_span_id: traced.parent.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            flags: SAMPLED | PARENT_KNOWN | if elsewhere { PARENT_ELSEWHERE } else { 0 },
            name: name.to_owned(),
            kind: kind.into(),
            start_time_unix_nano: nanos(start),
            end_time_unix_nano: nanos(start + self.started.elapsed()),
            attributes: self.attributes,
            dropped_attributes_count: self.left_out,
            status: self.error.map(|message| Status { message, code: Code::Error.into() }),
        }
    }

    fn put(&mut self, field: &Field, value: any_value::Value) {
        if let ("error", any_value::Value::StringValue(error)) = (field.name(), &value) {
            self.error = Some(error.clone());
        }
        let value = Some(AnyValue { value: Some(value) });
        let full = self.attributes.len() >= ATTRIBUTES;
        match self.attributes.iter_mut().find(|known| known.key == field.name()) {
            Some(known) => known.value = value,
            None if !full => self.attributes.push(KeyValue { key: field.name().to_owned(), value }),
            None => self.left_out += 1,
        }
    }
}

impl Visit for OpenSpan {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, any_value::Value::DoubleValue(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, any_value::Value::IntValue(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, any_value::Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, any_value::Value::BoolValue(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, any_value::Value::StringValue(Limited::of(value, VALUE)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = Limited::format(format_args!("{value:?}"), VALUE);
        self.put(field, any_value::Value::StringValue(text));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let text = Limited::format(format_args!("{value}"), VALUE);
        self.put(field, any_value::Value::StringValue(text));
    }
}
