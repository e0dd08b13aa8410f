//! Media over TCP, for those whose network lets no UDP through: one port for the whole node, ICE-TCP with passive
//! candidates (RFC 6544), each datagram in a frame of its own (RFC 4571).
//!
//! The *door* accepts, reads the first frame and gives the connection to the worker whose number stands in the name that
//! this frame is for. From then on it is that worker's alone: the router sees datagrams, and a path that is called TCP.
//! Whoever connects is a stranger until a check of his was authentic: everything he can take has a bound.

mod census;
mod connection;
mod connections;
mod door;
mod framing;

pub(crate) use census::Census;
pub(crate) use connections::{Arrived, Connections, READ_BYTES, TcpStats};
pub(crate) use door::{Door, Listener, Newcomer};
pub(crate) use framing::Frames;

use std::time::Duration;

/// Whoever has connected has this long until a check of his was authentic; a connection that was a peer's, and is not any
/// more, too: its next check may be under way.
const GREETING: Duration = Duration::from_secs(10);

/// A connection on which no whole frame came for this long is closed. A peer checks every 2.5 s, libwebrtc a path that it
/// keeps in reserve every 25 s; an outage for which a call waits ([`media`] ends it after 60 s) does not end it.
const IDLE: Duration = Duration::from_secs(60);
