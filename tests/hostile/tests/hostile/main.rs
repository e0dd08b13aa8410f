//! Attacks on the running server: what a stranger, or a guest with a token, may send, and what it must not do to anybody
//! else. One module for each way in.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]

// What they share: calls that must go on, a client that does what it should not, and the means to look.
mod calls;
mod flood;
mod guest;
mod honest;
mod malformed;
mod raw;
mod watch;
mod wire;

// The media plane.
mod amplification;
mod fingerprints;
mod handshakes;
mod inside;
mod offers;
mod storms;
mod strangers;

// Signalling, and the process as a whole.
mod json;
mod limits;
mod requests;
mod resources;
mod slowloris;
mod websocket;
