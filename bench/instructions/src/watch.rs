//! What a worker does so that an operator sees something.

/// What callgrind knows the writing of `/metrics` by: a piece of the function's name.
pub(crate) const METRICS_TEXT: &str = "write_metrics_text";

/// How often that happens in the counted part.
pub(crate) const METRICS_TEXTS: u32 = 2;

#[cfg(feature = "uncounted")]
mod absent;
#[cfg(not(feature = "uncounted"))]
mod present;

#[cfg(feature = "uncounted")]
pub(crate) use absent::{Delays, Watch};
#[cfg(not(feature = "uncounted"))]
pub(crate) use present::{Delays, Watch};
