//! As in a server: a histogram over the batches, numbers for whoever asks, a subscriber for what is logged.

use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use media::{DatagramSink, Histogram, Incoming, Router};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sfu::{WorkerMetrics, WorkerStats};
use telemetry::{Filter, Format, Service, Settings, Telemetry};

/// How often a worker is asked for its numbers.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sees everything.
pub(crate) struct Watch {
    forwarding: Histogram,
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
        Ok(Self {
            forwarding: Histogram::default(),
            metrics,
            registry,
            text: String::new(),
            next: None,
            before: 0,
            looks: 0,
            _logs: logs,
        })
    }

    pub(crate) fn begin(&mut self, now: Instant, router: &Router) {
        (self.next, self.before) = (Some(now + INTERVAL), router.media_out());
    }

    pub(crate) fn receive(
        &mut self,
        router: &mut Router,
        (now, wall): (Instant, SystemTime),
        batch: &mut [Incoming<'_>],
        sink: &mut impl DatagramSink,
    ) {
        // The real clock, as a worker reads it.
        let (began, sent) = (Instant::now(), router.media_out());
        router.receive(now, wall, batch, sink);
        let sent = router.media_out() - sent;
        if sent > 0 {
            self.forwarding.record_many(began.elapsed(), sent);
        }
    }

    /// Once a second.
    pub(crate) fn look(&mut self, now: Instant, router: &Router) {
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + INTERVAL);
        self.looks += 1;
        let stats =
            WorkerStats { media: router.stats(), forwarding: self.forwarding, ..WorkerStats::default() };
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
    pub(crate) fn check(&self, router: &Router, forwarded: u64) -> anyhow::Result<()> {
        let counted = router.media_out() - self.before;
        ensure!(counted == forwarded, "{counted} packets were counted, not {forwarded}");
        ensure!(self.forwarding.count() == forwarded, "the histogram lacks packets");
        ensure!(
            self.looks == super::METRICS_TEXTS && self.text.contains("sfu_forwarding_delay_seconds_count"),
            "no metrics"
        );
        Ok(())
    }
}
