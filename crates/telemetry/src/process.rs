//! Logs and traces of the whole process: what is started, and what is ended.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, reload};

use crate::ecs::{Ecs, Writer};
use crate::gate::Gate;
use crate::level::LevelControl;
use crate::lines::Lines;
use crate::settings::{Format, Settings, StartError};
use crate::trace::Tracer;
use crate::{Counters, kafka, otlp, sink};

/// How long the end of [`Telemetry`] waits at most for everybody who still takes something.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// What the layers that write stand on.
type Base = Layered<Tracer, Layered<reload::Layer<Gate, Registry>, Registry>>;

/// The running logs and traces. When dropped it sends what is queued: within half a second to standard
/// output, within two in all to Kafka and the collector. What is left then is dropped.
#[must_use = "dropping it ends the logs"]
#[derive(Debug)]
pub struct Telemetry {
    level: LevelControl,
    counters: Counters,
    // Each is taken at the end, in this order.
    stdout: Option<sink::Flush>,
    kafka: Option<kafka::Sender>,
    exporter: Option<otlp::Exporter>,
    /// When it has to be over, where there is less time than usual.
    deadline: Option<Instant>,
}

/// Starts the logs and traces of the whole process.
///
/// # Errors
/// When they are already set up, a setting cannot be used, or no thread can be started.
pub fn start(settings: Settings) -> Result<Telemetry, StartError> {
    let (subscriber, telemetry) = build(settings, std::io::stdout())?;
    subscriber.try_init().map_err(|_| StartError::AlreadySet)?;
    Ok(telemetry)
}

/// The same, not yet in force.
pub(crate) fn build(
    settings: Settings,
    output: impl Write + Send + 'static,
) -> Result<(impl tracing::Subscriber + Send + Sync, Telemetry), StartError> {
    let Settings { filter, format, service, kafka, otlp } = settings;
    let counters = Counters::default();
    let ecs = Arc::new(Writer::new(&service));
    let loss: Box<dyn Fn(u64) -> String + Send> = match format {
        Format::Text => Box::new(sink::loss),
        Format::Json => {
            let ecs = Arc::clone(&ecs);
            Box::new(move |lost| ecs.loss(lost))
        }
    };
    let (stdout, flush) = sink::start(output, loss, &counters)?;
    let (records, kafka) =
        kafka.map(|kafka| kafka::start(&kafka, &service.node, &counters)).transpose()?.unzip();
    let (spans, exporter) = otlp.map(|otlp| otlp::start(&otlp, &service, &counters)).transpose()?.unzip();

    let (gate, handle) = reload::Layer::new(Gate::new(filter.build()));
    let level = LevelControl::new(filter, move |filter| {
        // It fails only when the subscriber is gone, and with it whatever is logged.
        let _ = handle.reload(Gate::new(filter.build()));
    });
    let subscriber = tracing_subscriber::registry().with(gate).with(Tracer::new(spans));
    let subscriber = subscriber.with(layers(format, ecs, stdout, records));
    Ok((subscriber, Telemetry { level, counters, stdout: Some(flush), kafka, exporter, deadline: None }))
}

/// The layers that write records: one for each way to write them.
fn layers(
    format: Format,
    ecs: Arc<Writer>,
    stdout: impl Fn(String) + Clone + Send + Sync + 'static,
    kafka: Option<kafka::Records>,
) -> Vec<Box<dyn Layer<Base> + Send + Sync>> {
    let text =
        |stdout| tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Lines::new(stdout)).boxed();
    match (format, kafka) {
        (Format::Text, None) => vec![text(stdout)],
        (Format::Text, Some(kafka)) => {
            vec![text(stdout), Ecs::new(ecs, move |line: String| kafka.push(&line)).boxed()]
        }
        (Format::Json, None) => vec![Ecs::new(ecs, stdout).boxed()],
        (Format::Json, Some(kafka)) => {
            let both = move |line: String| {
                kafka.push(&line);
                stdout(line);
            };
            vec![Ecs::new(ecs, both).boxed()]
        }
    }
}

impl Telemetry {
    /// Changes what is logged.
    #[must_use]
    pub fn level(&self) -> LevelControl {
        self.level.clone()
    }

    /// Ends it as dropping it does, but not later than this.
    pub fn end(mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// What was sent and lost.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let usual = Instant::now() + LAST_PATIENCE;
        let deadline = self.deadline.map_or(usual, |deadline| deadline.min(usual));
        if let Some(exporter) = &self.exporter {
            exporter.end(deadline);
        }
        if let Some(kafka) = &self.kafka {
            kafka.end(deadline);
        }
        drop(self.stdout.take());
        let ended = || {
            self.kafka.as_ref().is_none_or(kafka::Sender::has_ended)
                && self.exporter.as_ref().is_none_or(otlp::Exporter::has_ended)
        };
        while !ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests;
