//! What the logs and traces of the process count.

use std::fmt;
use std::sync::OnceLock;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use telemetry::Counters;

static COUNTERS: OnceLock<Counters> = OnceLock::new();

/// Has the logs of this process counted from now on.
pub(crate) fn install(counters: Counters) {
    COUNTERS.set(counters).ok();
}

/// Adds the numbers to a registry; they are 0 where the process has no log of its own.
pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Logs));
}

#[derive(Debug)]
struct Logs;

impl Collector for Logs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = COUNTERS.get().cloned().unwrap_or_default();
        let counts = [
            ("log_records_dropped", "Log records that standard output did not take.", counters.log_dropped()),
            ("kafka_records_sent", "Log records that Kafka acknowledged.", counters.kafka_sent()),
            ("kafka_records_dropped", "Log records that Kafka did not take.", counters.kafka_dropped()),
            ("trace_spans_sent", "Spans that the collector accepted.", counters.otlp_sent()),
            ("trace_spans_dropped", "Spans that the collector did not take.", counters.otlp_dropped()),
        ];
        let queues = [
            (
                "log_queued_records",
                "Log records that wait for standard output, of 8192.",
                counters.log_queued(),
            ),
            ("kafka_queued_bytes", "Log records that wait for Kafka, of 64 MiB.", counters.kafka_queued()),
            ("trace_queued_bytes", "Spans that wait for the collector, of 8 MiB.", counters.otlp_queued()),
        ];
        for (name, help, waiting) in queues {
            let gauge = ConstGauge::new(waiting as f64);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, count) in counts {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
