//! The data service: owns the state of every room.
//!
//! [`Register::service`] answers the gRPC calls: each changing call is one atomic step in the store and then
//! one event. [`Register::sweep`] takes out who and what fell silent, and what dead nodes leave behind.
//! Neither keeps anything in memory that matters, so there may be any number of registers over one store.

mod answer;
mod departures;
mod liveness;
mod metrics;
mod role;
mod service;
mod sweeper;
mod watcher;

pub use departures::Listener;
pub use role::Register;
pub use service::Service;
