//! The fields of events and spans, each as text of a bounded length.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};

use crate::text::Limited;

/// Bytes of a message.
const MESSAGE: usize = 8 * 1024;

/// Bytes of an error's message.
const ERROR: usize = 2 * 1024;

/// Bytes of any other value.
const VALUE: usize = 1024;

/// Fields of an event with those of its spans. More are left out.
const FIELDS: usize = 64;

/// What an event says.
#[derive(Default)]
pub(super) struct EventFields {
    pub(super) message: String,
    /// Field `error`.
    pub(super) error: Option<String>,
    /// Field `error.type`.
    pub(super) error_type: Option<String>,
    /// All others, each name once.
    pub(super) labels: Vec<(&'static str, String)>,
}

impl EventFields {
    /// Takes over what a span says, unless it is known from nearer by.
    pub(super) fn inherit(&mut self, span: &SpanFields) {
        for (name, value) in &span.0 {
            let known = self.labels.iter().any(|(known, _)| known == name);
            if !known && self.labels.len() < FIELDS {
                self.labels.push((name, value.clone()));
            }
        }
    }

    fn set(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.message = Limited::format(value, MESSAGE),
            "error" => self.error = Some(Limited::format(value, ERROR)),
            "error.type" => self.error_type = Some(Limited::format(value, VALUE)),
            name => put(&mut self.labels, name, Limited::format(value, VALUE)),
        }
    }
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, format_args!("{value}"));
    }
}

/// What a span says to all events in it.
#[derive(Default)]
pub(super) struct SpanFields(Vec<(&'static str, String)>);

impl Visit for SpanFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        put(&mut self.0, field.name(), Limited::of(value, VALUE));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        put(&mut self.0, field.name(), Limited::format(format_args!("{value:?}"), VALUE));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        put(&mut self.0, field.name(), Limited::format(format_args!("{value}"), VALUE));
    }
}

/// The last value of a name counts.
fn put(fields: &mut Vec<(&'static str, String)>, name: &'static str, value: String) {
    let full = fields.len() >= FIELDS;
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None if !full => fields.push((name, value)),
        None => {}
    }
}
