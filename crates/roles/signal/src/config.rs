//! What the wiring hands in.

use crate::Access;
use ::metrics::Pressure;
use cluster::{Discovery, Events};
use model::NodeId;
use rpc::channel::Dialer;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// How a signalling node is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node: `signalid` in the protocol.
    pub node: NodeId,
    /// The data centre it is in: SFUs of the same one are preferred.
    pub dc: Arc<str>,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// With it: `wss` and `https` instead of `ws` and `http`.
    pub tls: Option<Tls>,
    /// The web origins whose pages may connect, besides the server's own.
    /// `*` lets in every page.
    pub allowed_origins: Vec<String>,
    /// Who may come in.
    pub access: Access,
    /// How much there may be.
    pub limits: Limits,
    /// The protocol's times.
    pub timing: Timing,
    /// While it is high, no new connections are taken.
    pub pressure: Pressure,
}

/// What clients may take, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time, HTTP and WebSocket together. Further ones are closed as soon as they are accepted.
    /// A quiet one costs a file descriptor and some 10 KB (measured).
    pub connections: usize,
    /// Those of one address: an IPv4 address, or the first 64 bits of an IPv6 address. Loopback has no limit of its own.
    pub connections_per_address: usize,
    /// Connections that have not sent their first request; one more, and the oldest goes.
    pub half_open: usize,
    /// Requests of one connection in one go.
    pub request_burst: u32,
    /// Requests of one connection in a second, in the long run.
    pub requests_per_second: u32,
    /// Rooms of one connection; `join` answers 17 beyond.
    pub rooms: usize,
    /// Subscriptions of one connection in one room; `subscribe` answers 17 beyond. Those whose stream has ended do not
    /// count for long.
    pub subscriptions: usize,
    /// Bytes that may wait for one client; one that is further behind is closed.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 1_024,
            half_open: 1_024,
            request_burst: 2_000,
            requests_per_second: 200,
            rooms: 100,
            subscriptions: 2_000,
            queue_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Files with the server's identity, both PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain, the server's own first.
    pub cert: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// What the role needs from the outside world.
#[derive(Clone)]
pub struct Edges {
    /// Reaches the other nodes.
    pub dialer: Dialer,
    /// Knows them.
    pub discovery: Arc<dyn Discovery>,
    /// Carries the rooms' events.
    pub events: Arc<dyn Events>,
}

/// How long things take. [`Timing::default`] is what the protocol says; only
/// tests have reason to differ.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// TLS handshake and HTTP header together; also the wait for another
    /// request on the same connection.
    pub handshake: Duration,
    /// Between two pings of the server.
    pub ping: Duration,
    /// A connection that has said nothing for this long is closed.
    pub silence: Duration,
    /// A connection without any request for this long leaves its rooms.
    pub idle: Duration,
    /// How often the register hears who is still there. Several times within
    /// its own expiry of 60 s.
    pub refresh: Duration,
    /// How often it is looked whether the certificate has changed.
    pub certificates: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            ping: Duration::from_secs(15),
            silence: Duration::from_secs(45),
            idle: Duration::from_secs(60),
            refresh: Duration::from_secs(5),
            certificates: Duration::from_secs(60),
        }
    }
}
