//! The data service: owns the state of every room.
//!
//! [`service`] answers the gRPC calls: each changing call is one atomic step in the store and then
//! one event. [`run_sweeper`] takes out who and what fell silent, and what dead nodes leave behind.
//! Neither keeps anything in memory
//! that matters, so there may be any number of registers over one store.

mod answer;
mod departures;
mod liveness;
mod service;
mod sweeper;
mod watcher;

pub use service::{Service, service};
pub use sweeper::run_sweeper;
