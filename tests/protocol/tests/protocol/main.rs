//! The client protocol, line by line, against the running server: one file per theme.
//!
//! The server is `anabranch` beside this test's build, or the one that `ANABRANCH_BIN` names; with
//! `ANABRANCH_URLS` (`ws://HOST:PORT/ws`, comma between them) the tests run against servers that
//! run already, and users take turns over them.
#![expect(clippy::expect_used, clippy::panic, reason = "tests and what they share")]
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is not there")]

mod a_minute;
mod broadcast;
mod crowd;
mod errors;
mod fixture;
mod framing;
mod handshake;
mod hostile;
mod ids;
mod lists;
mod media;
mod notices;
mod process;
mod sdp;
mod steering;
mod streams;
mod takeover;
mod tls;
