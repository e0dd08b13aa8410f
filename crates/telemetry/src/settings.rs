//! What the operator decides about logs and traces.

use crate::kafka::Kafka;
use crate::otlp::Otlp;
use crate::{Filter, InvalidKafka, InvalidOtlp};

/// How a record is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, target, message, fields.
    Text,
    /// For machines: one JSON object a line, in the Elastic Common Schema.
    Json,
}

/// Who logs: stands in every record for machines, and with every exported span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The node's id: `service.node.name`, and the key of its records in Kafka.
    pub node: String,
    /// The node's role, such as `sfu`: `service.node.role`.
    pub role: String,
    /// The program's version: `service.version`.
    pub version: String,
}

/// Everything that [`crate::start`] has to know.
#[derive(Debug)]
pub struct Settings {
    /// What is logged, to standard output and to Kafka alike.
    pub filter: Filter,
    /// How standard output is written. Kafka always gets JSON.
    pub format: Format,
    /// Who logs.
    pub service: Service,
    /// Where records go besides standard output.
    pub kafka: Option<Kafka>,
    /// Where spans go.
    pub otlp: Option<Otlp>,
}

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has installed a subscriber in this process.
    #[error("logging is already set up in this process")]
    AlreadySet,
    /// A thread that writes could not be started.
    #[error("cannot start the log writer: {0}")]
    Thread(#[from] std::io::Error),
    /// The settings for Kafka cannot be used.
    #[error("kafka: {0}")]
    Kafka(#[from] InvalidKafka),
    /// The settings for the traces cannot be used.
    #[error("otlp: {0}")]
    Otlp(#[from] InvalidOtlp),
}
