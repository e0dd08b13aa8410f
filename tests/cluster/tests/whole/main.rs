//! The whole cluster on real servers: what its faults do, and what its logs tell.
#![expect(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod faults;
mod names;
mod traces;
