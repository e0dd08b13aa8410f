//! Records as a machine reads them.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::settings::Service;
use crate::text::RECORD;

/// What is written while `log` runs, line by line.
pub(crate) fn lines(log: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let ecs = Ecs::new(Arc::new(writer()), move |line| seen.lock().unwrap().push(line));
    let subscriber = tracing_subscriber::registry().with(crate::trace::Tracer::idle()).with(ecs);
    tracing::subscriber::with_default(subscriber, log);
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn writer() -> Writer {
    let service = Service { node: "sfu-\"1\"".into(), role: "sfu".into(), version: "1.2.3".into() };
    Writer::new(&service)
}

/// The only record that is written while `log` runs.
fn record(log: impl FnOnce()) -> Map<String, Value> {
    let lines = lines(log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    serde_json::from_str(&lines[0]).unwrap()
}

#[test]
fn a_record_has_the_schemas_names_and_order() {
    let lines = lines(|| {
        let error = std::io::Error::other("no route");
        tracing::warn!(target: "sfu::socket", %error, error.type = "io", port = 40000, "cannot send");
    });
    let line = lines[0].strip_suffix('\n').unwrap();
    assert!(line.starts_with("{\"@timestamp\":\""), "{line}");
    let order =
        ["\"@timestamp\"", "\"log.level\":\"warn\"", "\"message\":\"cannot send\"", "\"ecs.version\""];
    let places: Vec<usize> = order.iter().map(|member| line.find(member).unwrap()).collect();
    assert!(places.is_sorted(), "{line}");

    let record: Map<String, Value> = serde_json::from_str(line).unwrap();
    let time = record["@timestamp"].as_str().unwrap();
    assert!(time.len() >= 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    assert_eq!(record["log.logger"], "sfu::socket");
    assert_eq!(record["service.name"], "anabranch");
    assert_eq!(record["service.version"], "1.2.3");
    assert_eq!(record["service.node.name"], "sfu-\"1\"");
    assert_eq!(record["service.node.role"], "sfu");
    assert_eq!(record["error.message"], "no route");
    assert_eq!(record["error.type"], "io");
    assert_eq!(record["labels"], serde_json::json!({ "port": "40000" }));
    assert!(!record.contains_key("trace.id"));
}

#[test]
fn the_nearest_span_says_whose_record_it_is() {
    let record = record(|| {
        let outer = tracing::info_span!("session", uid = "eve", rid = "outer", sid = tracing::field::Empty);
        outer.record("sid", "s1");
        outer.in_scope(|| {
            tracing::info_span!("request", rid = "inner", mid = "m1")
                .in_scope(|| tracing::info!(mid = %"m2", took.ms = 3, "done"));
        });
    });
    let expected =
        serde_json::json!({ "uid": "eve", "rid": "inner", "mid": "m2", "sid": "s1", "took_ms": "3" });
    assert_eq!(record["labels"], expected);
}

#[test]
fn a_record_has_an_end_whatever_is_in_it() {
    let long = "\u{1}".repeat(100_000);
    let big = record(|| {
        let _outer = tracing::info_span!("outer", a = long, b = long, c = long).entered();
        tracing::info!(error = long, d = long, e = long, f = long, g = long, "{long}");
    });
    assert!(big["message"].as_str().unwrap().ends_with("(cut)"));
    assert!(big["error.message"].as_str().unwrap().ends_with("(cut)"));
    let lines = lines(|| {
        let fields = tracing::info_span!("outer", a = long, b = long, c = long, rid = "r");
        fields.in_scope(|| tracing::info!(error = long, d = long, e = long, f = long, g = long, "{long}"));
    });
    assert!(lines[0].len() <= RECORD, "{}", lines[0].len());
    assert!(lines[0].contains("fields are missing"));
}

#[test]
fn a_loss_is_a_record_like_any_other() {
    let line = writer().loss(7);
    let record: Map<String, Value> = serde_json::from_str(&line).unwrap();
    assert!(line.ends_with("}\n"));
    assert_eq!(record["message"], "7 log records dropped");
    assert_eq!(record["log.level"], "warn");
    assert_eq!(record["service.node.role"], "sfu");
}

/// The types of what Elasticsearch is told about: its template, with names written with dots.
fn mapped(prefix: &str, properties: &Value, names: &mut Vec<String>) {
    for (name, mapping) in properties.as_object().unwrap() {
        let name = format!("{prefix}{name}");
        match mapping.get("properties") {
            Some(inner) => mapped(&format!("{name}."), inner, names),
            None => names.push(name),
        }
    }
}

#[test]
fn elasticsearch_is_told_of_every_field() {
    let template: Value =
        serde_json::from_str(include_str!("../../../../deploy/elk/index-template.json")).unwrap();
    let mappings = &template["template"]["mappings"];
    let mut names = Vec::new();
    mapped("", &mappings["properties"], &mut names);

    let record = record(|| {
        let span = tracing::info_span!("request", rid = "r");
        crate::trace::start(&span, None);
        span.in_scope(|| tracing::info!(error = "no", error.type = "io", uid = "eve", "done"));
    });
    for name in record.keys().filter(|name| *name != "labels") {
        assert!(names.contains(name), "{name} is not in the template");
    }
    for label in ["rid", "uid", "mid", "sid"] {
        assert!(names.contains(&format!("labels.{label}")), "{label}");
    }
    let dynamic = mappings["dynamic_templates"].as_array().unwrap();
    let labels = dynamic.iter().find_map(|template| template.get("labels")).unwrap();
    assert_eq!(labels["path_match"], "labels.*");
    assert_eq!(labels["mapping"]["type"], "keyword");

    let pipeline: Value = serde_json::from_str(include_str!("../../../../deploy/elk/pipeline.json")).unwrap();
    assert!(pipeline["processors"].is_array());
}
