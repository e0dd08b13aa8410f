//! The client against whom it meets: the real media plane in virtual time, another client, and what Janus writes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

mod janus;
mod pair;
mod router;
mod world;
