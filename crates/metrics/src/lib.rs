//! What all parts of a node count alike.
//!
//! Whoever counts has the numbers and adds them to a registry that it is handed: there is no registry of the
//! process, so several nodes in one process count for themselves. Names begin with whatever the registry puts
//! before them.
//!
//! - [`Calls`]: calls by method and result, and how long they took.
//! - [`Counts`]: things that happened, by one label.
//! - [`Depth`]: how much waits in queues.
//! - [`Pressure`]: whether memory is short.
//!
//! A label's values are a set that the program knows: what strangers choose (users, rooms, streams, names of
//! methods that do not exist) never becomes one.

mod calls;
mod counts;
mod depth;
mod pressure;

pub use calls::{Calls, Running};
pub use counts::Counts;
pub use depth::{Depth, Waiting};
pub use pressure::Pressure;

/// The label values of something that worked, or did not.
pub const OK: &str = "ok";

/// Nobody waited for the end: the caller went away, or had no more time.
pub const CANCELLED: &str = "Cancelled";

/// What stands for every name that the program does not know.
pub const UNKNOWN: &str = "unknown";
