//! The protoo protocol as values: text in, messages out, and back.
//!
//! Nothing here knows a socket or a clock. What a stranger may send is bounded
//! by [`MAX_MESSAGE_BYTES`] and [`MAX_DEPTH`]; whatever is no valid message
//! becomes [`Garbage`], which says whether it can still be answered.

mod decode;
mod encode;
mod garbage;
mod id;
pub mod json;
mod quote;

pub use decode::{Flaw, Garbage, Incoming, Notification, Request, decode};
pub use encode::{error, notification, ok};
pub use garbage::{GARBAGE_LIMIT, GARBAGE_WINDOW, GarbageCounter};
pub use id::RequestId;
pub use quote::{QUOTE_BYTES, Quote};

/// The WebSocket sub-protocol's name.
pub const SUB_PROTOCOL: &str = "protoo";

/// The longest message, in bytes. A longer one closes the connection (1009).
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// How deep objects and arrays may lie in each other, the message itself
/// counted. Deeper ones only serve to exhaust somebody's stack.
pub const MAX_DEPTH: usize = 64;
