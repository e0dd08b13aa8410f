//! The other side of the server, for tests and benchmarks: clients that speak the protocol
//! ([`Peer`]), media peers on str0m ([`media`]), and a harness that runs the real binary ([`Server`]).
//!
//! A broken assumption here is a failed test, so the code panics with a story instead of
//! returning errors that every test would unwrap.
#![expect(clippy::expect_used, clippy::panic, reason = "a harness: a broken assumption is a failed test")]
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is not there")]

pub mod media;
pub mod room_state;
pub mod server;
pub mod signalling;

pub use media::{MediaThread, Publisher, PublisherConfig, Subscriber, SubscriberConfig};
pub use room_state::RoomState;
pub use server::{Server, ServerConfig};
pub use signalling::{Message, Peer, Refusal};

use std::time::Duration;

/// How long a test waits for a condition before it says that the condition never came. Generous,
/// because the machine may be busy with other tests; nothing that works waits this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A short text that no other call of this or another process returns: for room and user ids.
pub fn unique() -> String {
    let mut bytes = [0u8; 6];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
