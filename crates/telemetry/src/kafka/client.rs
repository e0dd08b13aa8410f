//! The client library: its settings, and what it tells us.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::outlook::Outlook;
use super::sender::{Record, WINDOW};
use super::{Compression, InvalidKafka, Kafka, Mechanism};
use crate::Counters;
use crate::backlog::Backlog;

pub(super) type Producer = BaseProducer<Reports>;

/// Takes the library's reports. They come while the sender polls, in its thread.
pub(super) struct Reports {
    backlog: Arc<Backlog<Record>>,
    counters: Counters,
    state: Mutex<State>,
}

struct State {
    outlook: Outlook,
    /// When Kafka last took a record, or had none to take.
    progress: Instant,
    /// Why the last connection failed.
    reason: String,
}

pub(super) fn producer(
    kafka: &Kafka,
    node: &str,
    backlog: Arc<Backlog<Record>>,
    counters: Counters,
) -> Result<Producer, InvalidKafka> {
    let state = State { outlook: Outlook::default(), progress: Instant::now(), reason: String::new() };
    let reports = Reports { backlog, counters, state: Mutex::new(state) };
    let created = config(kafka, node).create_with_context(reports);
    created.map_err(|error| InvalidKafka::Client(error.to_string()))
}

fn config(kafka: &Kafka, node: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        // What matters in its log lines also comes as an error, once.
        .set_log_level(RDKafkaLogLevel::Emerg)
        .set("bootstrap.servers", kafka.brokers.join(","))
        .set("client.id", node)
        .set("compression.type", compression(kafka.compression))
        // Records wait as long as there is room, not for a time.
        .set("message.timeout.ms", "0")
        // A batch that is sent again stays before the next one.
        .set("max.in.flight.requests.per.connection", "1")
        .set("linger.ms", "20")
        .set("queue.buffering.max.kbytes", (2 * WINDOW / 1024).to_string())
        // How soon a topic is found that was not there.
        .set("topic.metadata.refresh.interval.ms", "60000")
        .set("reconnect.backoff.max.ms", "5000")
        .set("security.protocol", protocol(kafka));
    if let Some(tls) = &kafka.tls {
        let ca = tls.ca.as_ref().map_or_else(|| "probe".into(), |ca| ca.to_string_lossy().into_owned());
        config.set("ssl.ca.location", ca);
    }
    if let Some(login) = &kafka.login {
        config
            .set("sasl.mechanism", mechanism(login.mechanism))
            .set("sasl.username", &login.username)
            .set("sasl.password", &login.password);
    }
    config
}

fn protocol(kafka: &Kafka) -> &'static str {
    match (kafka.tls.is_some(), kafka.login.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    }
}

fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
        Compression::Snappy => "snappy",
    }
}

fn mechanism(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Plain => "PLAIN",
        Mechanism::ScramSha256 => "SCRAM-SHA-256",
        Mechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}

impl Reports {
    /// Nothing is on its way, so that nothing can be late.
    pub(super) fn idle(&self, now: Instant) {
        self.state.lock().progress = now;
    }

    /// When Kafka last took a record, or had none to take.
    pub(super) fn progress(&self) -> Instant {
        self.state.lock().progress
    }

    /// Kafka has taken nothing for long.
    pub(super) fn stalled(&self, now: Instant) {
        // The lock is not held while something is logged: that may end in a poll of this very thread.
        let tell = self.state.lock().outlook.stalled(now);
        if tell {
            tracing::warn!("Kafka acknowledges nothing; log records wait, the oldest are dropped at 64 MiB");
        }
    }

    /// The library does not take a record.
    pub(super) fn refused(&self, error: &KafkaError) {
        match error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail) {
            // Its queue has room for the window and more; if not, it will have soon.
            RDKafkaErrorCode::QueueFull => {}
            kind => self.trouble(kind, &error.to_string()),
        }
    }

    fn trouble(&self, kind: RDKafkaErrorCode, reason: &str) {
        let mut state = self.state.lock();
        if kind == RDKafkaErrorCode::BrokerTransportFailure || kind == RDKafkaErrorCode::Resolve {
            reason.clone_into(&mut state.reason);
        }
        let tell = state.outlook.trouble(kind, Instant::now());
        let last = std::mem::take(&mut state.reason);
        if !tell {
            state.reason = last;
            return;
        }
        drop(state);
        let error = if kind == RDKafkaErrorCode::AllBrokersDown { last.as_str() } else { reason };
        tracing::warn!(%error, ?kind, "Kafka does not take log records; they wait or are dropped");
    }

    fn fine(&self) {
        let mut state = self.state.lock();
        state.progress = Instant::now();
        let tell = state.outlook.fine();
        drop(state);
        if tell {
            tracing::info!(dropped = self.counters.kafka_dropped(), "Kafka takes log records again");
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail), reason);
    }
}

impl ProducerContext for Reports {
    /// What the record weighs.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, weight: usize) {
        self.backlog.done(weight);
        let Err((error, _)) = result else {
            self.counters.kafka_acknowledged().add(1);
            return self.fine();
        };
        self.counters.kafka_lost().add(1);
        match error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail) {
            // By ourselves, to make room or at the end.
            RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {}
            kind => self.trouble(kind, &error.to_string()),
        }
    }
}

/// Whether the library accepts these settings.
#[cfg(all(test, feature = "kafka-tls"))]
pub(super) fn accepts(kafka: &Kafka) -> Result<(), InvalidKafka> {
    producer(kafka, "test", Arc::new(Backlog::new(1, crate::counters::Level::default())), Counters::default())
        .map(drop)
}
