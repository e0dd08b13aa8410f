//! Tells an operator's own HTTP servers what happens in rooms: one POST of JSON for each thing that happened, signed.
//!
//! Whoever has a room's events hands them to [`Webhooks::tell`], which never waits. Each URL has a queue of its own,
//! bounded in number and bytes, and gets what is in it in order, one at a time, tried again until it works or
//! too much time went by. What is lost is counted.
//!
//! What the receiving end sees is described in `docs/webhooks.md`.

mod answer;
mod config;
mod courier;
mod happening;
mod line;
mod numbers;
mod public_address;
mod queue;
mod signature;
mod url;
mod webhooks;

pub use config::{Config, ConfigError, MAX_URLS, Timings};
pub use signature::{InvalidSecret, Secret, signature, verify};
pub use url::{HookUrl, InvalidUrl};
pub use webhooks::{Deliveries, StartError, Webhooks};

#[cfg(test)]
mod tests;
