//! What an operator sees: logs and traces. Nothing here ever blocks the thread that logs.
//!
//! Records go to standard output, as text or in the Elastic Common Schema, and to Kafka; spans go to
//! an OpenTelemetry collector. [`trace`] takes a trace from node to node.

mod backlog;
mod counters;
mod ecs;
mod filter;
mod gate;
mod kafka;
mod level;
mod lines;
mod otlp;
mod process;
mod settings;
mod sink;
mod text;
pub mod trace;

pub use counters::Counters;
pub use filter::{Filter, InvalidFilter};
pub use kafka::{Compression, InvalidKafka, Kafka, KafkaLogin, KafkaTls, Mechanism};
pub use level::{LONGEST_CHANGE, LevelControl};
pub use otlp::{InvalidOtlp, Otlp};
pub use process::{Telemetry, start};
pub use settings::{Format, Service, Settings, StartError};
