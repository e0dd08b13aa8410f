//! What an operator sees: logs. One record a line, to standard output, never
//! blocking the thread that logs.

mod filter;
mod lines;
mod sink;

pub use filter::{Filter, InvalidFilter};
pub use sink::Flush;

use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, target, message, fields.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has installed a subscriber in this process.
    #[error("logging is already set up in this process")]
    AlreadySet,
    /// The thread that writes could not be started.
    #[error("cannot start the log writer: {0}")]
    Thread(#[from] std::io::Error),
}

/// Starts logging for the whole process. Records that are still queued are
/// written when the value returned is dropped.
///
/// # Errors
/// When logging is already set up, or no thread can be started.
pub fn start(filter: Filter, format: Format) -> Result<Flush, StartError> {
    let (writer, flush) = sink::start(std::io::stdout(), format)?;
    let lines = lines::Lines::new(writer, format);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
    let layer = match format {
        Format::Text => layer.boxed(),
        Format::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter.into_inner())
        .with(layer)
        .try_init()
        .map_err(|_| StartError::AlreadySet)?;
    Ok(flush)
}
