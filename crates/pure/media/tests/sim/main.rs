//! Whole calls in virtual time: str0m as publisher and subscriber, a seeded network that loses, delays, reorders and
//! repeats, and the router in the middle. Hours pass in seconds, and every run is the same.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

mod adapting;
mod branches;
mod calls;
mod endings;
mod forwarding;
mod half_open;
mod joins;
mod losses;
mod media;
mod muting;
mod negotiation;
mod network;
mod peer;
mod restarts;
mod sound;
mod storms;
mod strangers;
mod sync;
mod taps;
mod world;
