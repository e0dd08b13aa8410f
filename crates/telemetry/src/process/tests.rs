//! The whole, short of being the process's own.

use std::io;
use std::sync::Mutex;

use super::*;
use crate::settings::Service;
use crate::{Filter, trace};

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(format: Format, filter: &str) -> Settings {
    Settings {
        filter: Filter::parse(filter).unwrap(),
        format,
        service: Service { node: "sfu-1".into(), role: "sfu".into(), version: "1.2.3".into() },
        kafka: None,
        otlp: None,
    }
}

/// What comes out while `work` runs with the control of the level.
fn logged(settings: Settings, work: impl FnOnce(&LevelControl)) -> String {
    let output = Output::default();
    let (subscriber, telemetry) = build(settings, output.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || work(&telemetry.level()));
    drop(telemetry);
    let bytes = output.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_is_for_people_and_json_for_machines() {
    let work = |_: &LevelControl| tracing::info!(uid = "eve", "joined");
    let text = logged(settings(Format::Text, "info"), work);
    assert!(text.contains("INFO") && text.contains("joined uid=\"eve\""), "{text}");
    let json = logged(settings(Format::Json, "info"), work);
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["message"], "joined");
    assert_eq!(record["service.node.name"], "sfu-1");
}

#[test]
fn records_carry_their_trace_though_only_warnings_are_logged() {
    let json = logged(settings(Format::Json, "warn"), |_| {
        let span = tracing::info_span!("request");
        trace::start(&span, Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        span.in_scope(|| {
            tracing::info!("unheard");
            tracing::warn!("heard");
        });
    });
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(record["message"], "heard");
    assert_eq!(record["trace.id"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn another_level_is_in_force_for_a_while() {
    let text = logged(settings(Format::Text, "info"), |level| {
        // The same line each time: whether it is logged was decided before.
        let log = |when: &str| tracing::debug!("{when}");
        log("before");
        level.set_for(Filter::parse("debug").unwrap(), Duration::MAX).unwrap();
        log("meanwhile");
        level.set_for(Filter::parse("trace").unwrap(), Duration::ZERO).unwrap();
        let start = Instant::now();
        while level.time_left().is_some() {
            assert!(start.elapsed() < Duration::from_secs(20), "it never came back");
            thread::sleep(Duration::from_millis(1));
        }
        log("afterwards");
    });
    assert!(text.contains("meanwhile"), "{text}");
    assert!(!text.contains("before") && !text.contains("afterwards"), "{text}");
}
