//! The binary's inside: config, pages, operator's listener, and the wiring of the
//! roles, as a library so that a test can run the whole program on its own edges.

pub mod cli;
pub mod config;
mod descriptors;
mod ops;
mod pages;
mod standalone;

pub use standalone::{Standalone, StartError};
