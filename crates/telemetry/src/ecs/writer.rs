//! One record.

use std::fmt::Write as _;

use tracing::Level;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::fields::EventFields;
use crate::settings::Service;
use crate::text::{RECORD, push_string};
use crate::trace::Traced;

/// The version of the Elastic Common Schema whose names are used.
const ECS_VERSION: &str = "8.11.0";

/// What is kept free for the end of a record.
const END: usize = 64;

/// Bytes of a message, an error and a name once they are written.
const MESSAGE: usize = 8 * 1024;
const ERROR: usize = 2 * 1024;
const NAME: usize = 256;

/// Writes records of one service.
pub(crate) struct Writer {
    /// The members that are the same in each.
    service: String,
}

/// Where an event comes from.
pub(super) struct Head<'a> {
    pub(super) level: Level,
    pub(super) target: &'a str,
}

/// What it says.
pub(super) struct Parts<'a> {
    pub(super) fields: &'a EventFields,
    pub(super) trace: Option<Traced>,
}

impl Writer {
    pub(crate) fn new(service: &Service) -> Self {
        let mut members = String::new();
        member(&mut members, "service.name", "anabranch", NAME);
        member(&mut members, "service.version", &service.version, NAME);
        member(&mut members, "service.node.name", &service.node, NAME);
        member(&mut members, "service.node.role", &service.role, NAME);
        Self { service: members }
    }

    /// A record of our own: the reader of the log has to know that it is not whole.
    pub(crate) fn loss(&self, lost: u64) -> String {
        let message = format!("{lost} log records dropped");
        let fields = EventFields { message, ..EventFields::default() };
        self.record(
            &Head { level: Level::WARN, target: "telemetry" },
            &Parts { fields: &fields, trace: None },
        )
    }

    /// The record as one line, with its end.
    pub(super) fn record(&self, head: &Head<'_>, parts: &Parts<'_>) -> String {
        let mut json = String::with_capacity(512);
        json.push_str("{\"@timestamp\":\"");
        // UTC, in microseconds. Neither it nor a String can fail.
        let _ = SystemTime.format_time(&mut format::Writer::new(&mut json));
        json.push('"');
        member(&mut json, "log.level", level(head.level), NAME);
        member(&mut json, "message", &parts.fields.message, MESSAGE);
        member(&mut json, "ecs.version", ECS_VERSION, NAME);
        member(&mut json, "log.logger", head.target, NAME);
        json.push_str(&self.service);
        if let Some(trace) = parts.trace {
            let _ =
                write!(json, ",\"trace.id\":\"{:032x}\",\"span.id\":\"{:016x}\"", trace.trace, trace.span);
        }
        if let Some(error) = &parts.fields.error {
            member(&mut json, "error.message", error, ERROR);
        }
        if let Some(kind) = &parts.fields.error_type {
            member(&mut json, "error.type", kind, NAME);
        }
        labels(&mut json, &parts.fields.labels);
        json.push_str("}\n");
        json
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Adds a member to an object that has some.
fn member(json: &mut String, name: &str, value: &str, room: usize) {
    json.push_str(",\"");
    json.push_str(name);
    json.push_str("\":");
    push_string(json, value, room);
}

fn labels(json: &mut String, labels: &[(&'static str, String)]) {
    let mut written: Vec<String> = Vec::with_capacity(labels.len());
    for (name, value) in labels {
        let name = label(name);
        if written.contains(&name) {
            continue;
        }
        json.push_str(if written.is_empty() { ",\"labels\":{" } else { "," });
        // Name, value and punctuation; a value that is cut has its mark besides.
        let room = RECORD.saturating_sub(json.len() + name.len() + 2 * END);
        if room == 0 {
            json.push_str("\"cut\":\"fields are missing\"}");
            return;
        }
        push_string(json, &name, NAME);
        json.push(':');
        push_string(json, value, room);
        written.push(name);
    }
    if !written.is_empty() {
        json.push('}');
    }
}

/// A name without what Elasticsearch takes for structure.
fn label(name: &str) -> String {
    name.chars().take(NAME / 4).map(|c| if matches!(c, '.' | '*' | '\\') { '_' } else { c }).collect()
}
