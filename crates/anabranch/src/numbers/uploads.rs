//! What the uploads of recordings count.

use std::fmt;

use archive::Archive;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Adds the numbers of an archive to a registry.
pub(crate) fn register(archive: Archive, registry: &mut Registry) {
    registry.register_collector(Box::new(Uploads(archive)));
}

#[derive(Debug)]
struct Uploads(Archive);

impl Collector for Uploads {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = self.0.counters();
        let waiting = ConstGauge::new(counters.waiting as f64);
        let help = "Files that wait to be uploaded.";
        waiting.encode(encoder.encode_descriptor(
            "upload_waiting_files",
            help,
            None,
            waiting.metric_type(),
        )?)?;
        let counts = [
            ("upload_files", "Files that were uploaded.", counters.files),
            ("upload_bytes", "Their bytes.", counters.bytes),
            (
                "upload_failures",
                "Attempts that failed: made again, unless the file had vanished or is none.",
                counters.failures,
            ),
            ("upload_refused_files", "Files not taken: too many wait, or the disk fails.", counters.refused),
        ];
        for (name, help, count) in counts {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
