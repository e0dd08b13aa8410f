//! Opus RTP packets to an OGG Opus file (RFC 3533, RFC 7845) that keeps the call's time.
//!
//! Values in, values out: no clock, no socket, no file. What is pushed came from a stranger: nothing here panics on
//! any input, and everything that grows has a named bound. Nothing is decoded or encoded: packets of the sender go into
//! the file as they came, and what is missing between them is filled (`docs/decisions/0008-silence-in-recordings.md`).
//!
//! # The life of a recording
//!
//! ```text
//! Recording::new(Head, &Tags, serial)              the header pages are in output()
//!   -> push(at, index, timestamp, payload)         each packet of the stream, as it comes
//!   -> tick(at)                                    at next_timeout(): a page leaves at least once a second
//!   -> output(), clear_output()                    after each of them: whole pages, to be appended to the file
//!   -> finish(at)                                  the last page
//!   -> stats()                                     at any time
//! ```
//!
//! A file whose writer died is mended with [`Scan`].
//!
//! # What is where
//!
//! | module | what |
//! | --- | --- |
//! | [`recording`] | `Recording`: order, place, silence |
//! | [`stats`] | `Stats`, `Anchor` |
//! | [`header`] | `Head`, `Tags` |
//! | [`mend`] | `Scan`, `Mend`: a file that was left open |
//! | [`page`] | `Page`: one page of a file, read |
//! | [`opus`] | how long a packet lasts, and whether it is one |

mod clock;
mod crc;
mod envelope;
pub mod header;
pub mod mend;
mod numbers;
pub mod opus;
pub mod page;
pub mod recording;
#[cfg(test)]
mod sim;
pub mod stats;
#[cfg(test)]
mod timeline;
mod writer;

// The simulated sender is shared with the integration test, which knows this crate by its name.
#[cfg(test)]
extern crate self as ogg;

pub use header::{Channels, Head, TagError, Tags};
pub use mend::{Mend, Scan};
pub use page::Page;
pub use recording::Recording;
pub use stats::{Anchor, Stats};

/// Samples a second of every timestamp and granule position of Opus, whatever was encoded (RFC 7587 section 4.1,
/// RFC 7845 section 4).
pub const RATE: u32 = 48_000;
