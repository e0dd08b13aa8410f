//! As in a server: a histogram over the batches, numbers for whoever asks, a subscriber for what is logged.

use std::time::{Duration, Instant};

use anyhow::ensure;
use media::{Histogram, Router, SendBatch};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sfu::{WorkerMetrics, WorkerStats};
use telemetry::{Filter, Format, Service, Settings, Telemetry};

/// How often a worker is asked for its numbers.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long media took, batch by batch.
#[derive(Default)]
pub(crate) struct Delays(Histogram);

impl Delays {
    /// A batch has left.
    pub(crate) fn note(&mut self, batch: &SendBatch) {
        let forwarded = batch.forwarded();
        if let Some(since) = forwarded.since {
            // The real clock, as a worker reads it: what it shows is of no interest here.
            self.0.record_many(since.elapsed(), forwarded.datagrams);
        }
    }
}

/// Sees everything.
pub(crate) struct Watch {
    metrics: WorkerMetrics,
    registry: Registry,
    text: String,
    next: Option<Instant>,
    /// Forwarded before the counted part.
    before: u64,
    /// How often somebody looked.
    looks: u32,
    _logs: Telemetry,
}

impl Watch {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let service = Service { node: "sfu-1".into(), role: "sfu".into(), version: "0".into() };
        let filter = Filter::parse("info")?;
        let settings = Settings { filter, format: Format::Text, service, kafka: None, otlp: None };
        let logs = telemetry::start(settings)?;
        let (metrics, mut registry) = (WorkerMetrics::default(), Registry::default());
        registry.register_collector(Box::new(metrics.clone()));
        Ok(Self { metrics, registry, text: String::new(), next: None, before: 0, looks: 0, _logs: logs })
    }

    pub(crate) fn begin(&mut self, now: Instant, router: &Router) {
        self.next = Some(now + INTERVAL);
        self.before = router.stats().media_out;
    }

    /// Once a second.
    pub(crate) fn look(&mut self, now: Instant, router: &Router, delays: &Delays) {
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + INTERVAL);
        self.looks += 1;
        let stats = WorkerStats { media: router.stats(), forwarding: delays.0, ..WorkerStats::default() };
        self.metrics.put(vec![stats]);
        self.write_metrics_text();
    }

    /// What somebody else's thread does in a server, and Prometheus asks for more rarely: told apart in the report.
    #[inline(never)]
    fn write_metrics_text(&mut self) {
        self.text.clear();
        // Writing into memory does not fail; an empty text does not pass the check.
        let _ = encode(&mut self.text, &self.registry);
    }

    /// That it has seen what it should have.
    /// What waited for its turn is in no histogram: only where nothing is `paced` all is.
    pub(crate) fn check(
        &self,
        router: &Router,
        delays: &Delays,
        forwarded: u64,
        paced: bool,
    ) -> anyhow::Result<()> {
        let counted = router.stats().media_out - self.before;
        ensure!(counted == forwarded, "{counted} packets were counted, not {forwarded}");
        let seen = delays.0.count();
        ensure!(
            seen == forwarded || paced && (1..forwarded).contains(&seen),
            "the histogram has {seen} packets"
        );
        ensure!(
            self.looks == super::METRICS_TEXTS && self.text.contains("sfu_forwarding_delay_seconds_count"),
            "no metrics"
        );
        Ok(())
    }
}
