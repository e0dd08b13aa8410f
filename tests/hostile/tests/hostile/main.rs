//! Attacks on the running server: what a stranger, or a guest with a token, may send, and what it must not do to anybody
//! else. One module for each way in.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

mod calls;
mod honest;
mod json;
mod raw;
mod requests;
mod resources;
mod slowloris;
mod websocket;
