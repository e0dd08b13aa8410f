//! The binary's inside: config, pages, operator's listener, and the wiring of the
//! roles, as a library so that a test can run the whole program on its own edges.

pub mod cli;
pub mod config;
mod descriptors;
pub mod edges;
mod house;
mod identity;
mod lifecycle;
mod load_test;
mod memory;
mod numbers;
mod ops;
mod pages;
mod patience;
mod roles;
mod token;

pub use lifecycle::Node;
pub use ops::Need;
pub use roles::{RegisterNode, SfuNode, SignalNode, Standalone, StartError};
